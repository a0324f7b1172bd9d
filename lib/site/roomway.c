#include "site/roomway.h"

#include <string.h>

#include "base/crypto.h"
#include "site/api.h"
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

/* options.lobby, as the room reads it. */
static bool
has_lobby(const struct meeting *m)
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
		.lobby = has_lobby(m),
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
roomway_password_fits(const struct meeting *m, const char *password)
{
	if (m->password == NULL || !m->enforce_password)
		return true;
	return password != NULL &&
	       crypto_equal(span_of(password), span_of(m->password));
}

bool
roomway_guest_fits(struct api *a, const struct meeting *m, const char *token)
{
	return crypto_equal(span_of(token), span_of(xmlapi_guest_token(a, m)));
}
