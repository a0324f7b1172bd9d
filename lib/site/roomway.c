#include "site/roomway.h"

#include <string.h>

#include "base/crypto.h"
#include "site/api.h"
#include "site/auth_lock.h"
#include "site/gate.h"
#include "site/jointoken.h"
#include "site/record.h"
#include "site/site.h"
#include "site/xmlapi_op.h"

char
roomway_letter(const struct api *a, const struct meeting *m)
{
	const char *runs = "";

	if (m->site != NULL && strcmp(m->state, "in_progress") == 0)
		runs = m->site[0] == 'P' ? "primary" : "backup";
	return gate_room_site(a->site->web_gate, runs)[0] == 'p' ? 'P' : 'B';
}

bool
roomway_has_lobby(const struct meeting *m)
{
	JSON_AUTO options = json_read(span_of(m->options), NULL);

	return json_is_true(json_object_get(options, "lobby"));
}

void
roomway_token(struct api *a, const struct meeting *m,
	      const struct roomway_who *who, int64_t expiry_s,
	      struct strbuf *out)
{
	bool runs = strcmp(m->state, "in_progress") == 0;
	char fresh[CRYPTO_UUID_SIZE];
	struct jointoken t = {
		.company = a->company->name,
		.meeting = m->number,
		.participant = who->id,
		.name = who->name,
		.host = who->host,
		.guest = who->id == NULL,
		.row = m->id,
		.no = m->session_no + !runs,
		.early = m->join_before_host,
		.lobby = roomway_has_lobby(m),
	};

	if (t.guest)
		t.participant = crypto_uuid4(fresh);
	jointoken_make(a->site->keys, &t, expiry_s, out);
}

void
roomway_path(struct api *a, const struct meeting *m,
	     const struct roomway_who *who, int64_t expiry_s,
	     struct strbuf *out)
{
	strbuf_addf(out, "/%s/ws/%c/%lld?t=", a->company->name,
		    roomway_letter(a, m), (long long)m->number);
	roomway_token(a, m, who, expiry_s, out);
}

bool
roomway_is_locked(const struct meeting *m)
{
	return m->password != NULL && m->password[0] != '\0' &&
	       m->enforce_password;
}

/* A password that was tried, until it has been counted. */
struct attempt {
	struct api *api;
	const struct meeting *meeting;
	bool fits;
	size_t look; /* index of the result that says whether it is locked */
	roomway_fn *fn;
};

static void on_counted(void *ctx, const struct pgresult *r, size_t n,
		       const struct err *err);

void
roomway_password(struct api *a, const struct meeting *m, const char *password,
		 roomway_fn *fn)
{
	struct attempt *t;
	struct pgbatch *b;

	if (!roomway_is_locked(m)) {
		fn(a, m);
		return;
	}
	t = arena_make(a->arena, struct attempt);
	t->api = a;
	t->meeting = m;
	t->fn = fn;
	t->fits = password != NULL &&
		  crypto_equal(span_of(password), span_of(m->password));
	b = pgbatch_new();
	t->look = t->fits ? auth_lock_add_passed(a, m->id, b)
			  : auth_lock_add_failed(a, m->id, b);
	a->query = pgpool_run(a->site->pool, &b, a->deadline_ms, on_counted, t);
}

static void
on_counted(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	struct attempt *t = ctx;
	struct api *a = t->api;

	a->query = NULL;
	if (err != NULL)
		api_unprocessed(a, 503, err_text(err));
	else if (auth_lock_is(&r[t->look]))
		api_fail(a, FAULT_LOCKED,
			 "Too many wrong passwords for this meeting: try "
			 "again in a quarter of an hour");
	else if (!t->fits)
		api_fail(a, FAULT_DENIED, "The meeting's password is wrong");
	else
		t->fn(a, t->meeting);
}

bool
roomway_guest_fits(struct api *a, const struct meeting *m, const char *token)
{
	return crypto_equal(span_of(token), span_of(xmlapi_guest_token(a, m)));
}
