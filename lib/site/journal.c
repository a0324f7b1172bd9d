#include "site/journal.h"

#include "base/crypto.h"
#include "base/strbuf.h"
#include "io/httpd.h"
#include "site/api.h"
#include "site/made.h"
#include "site/record.h"
#include "site/site.h"
#include "site/write.h"

static const struct pgstmt look = {
	.name = "journal_look",
	.sql = "SELECT digest, status, answer FROM journal WHERE id = $1",
	.nparams = 1,
};

static const struct pgstmt store = {
	.name = "journal_store",
	.sql = "INSERT INTO journal (id, company_id, account_id, operation, "
	       "digest, status, answer, request) VALUES ($1, $2, $3, $4, $5, "
	       "$6, $7, $8)",
	.nparams = 8,
};

static const struct pgstmt look_request = {
	.name = "journal_look_request",
	.sql = "SELECT digest, status, answer FROM journal WHERE request = $1",
	.nparams = 1,
};

static const struct pgstmt purge = {
	.name = "journal_purge",
	.sql = "DELETE FROM journal WHERE id IN (SELECT id FROM journal WHERE "
	       "created < now() - interval '24 hours' ORDER BY created "
	       "LIMIT $1::bigint)",
	.nparams = 1,
};

/* One key is one request of one account, whatever the operation. */
static void
journal_id(const struct api *a, char out[static CRYPTO_UUID_SIZE])
{
	made_id(a, "journal", "", out);
}

/*
 * What must be the same when a key comes again. It may hold a password, so
 * what is stored of it is signed, not only hashed.
 */
static void
journal_request(const struct api *a, struct strbuf *out)
{
	const struct span parts[] = { span_of("journal"), httpd_method(a->http),
				      httpd_target(a->http),
				      httpd_body(a->http) };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		strbuf_addf(out, "%zu:", parts[i].len);
		strbuf_add_span(out, parts[i]);
	}
}

size_t
journal_add_look(const struct api *a, struct pgbatch *b)
{
	char id[CRYPTO_UUID_SIZE];
	struct pgparam p;

	journal_id(a, id);
	p = pgparam_text(id);
	return pgbatch_add(b, &look, &p);
}

/* Signed: a client's key may be easy to guess, and a password is in it. */
static void
request_id(const struct api *a, const struct strbuf *request,
	   char out[static CRYPTO_UUID_SIZE])
{
	STRBUF_AUTO mac = { 0 };
	struct made_from from = { .company = a->company->id,
				  .operation = "journal.request",
				  .key = a->key };

	keyring_sign(a->site->keys, strbuf_span(request), &mac);
	from.entity = strbuf_text(&mac);
	made_uuid(&from, out);
}

size_t
journal_add_look_request(const struct api *a, struct pgbatch *b)
{
	STRBUF_AUTO request = { 0 };
	char id[CRYPTO_UUID_SIZE];
	struct pgparam p;

	journal_request(a, &request);
	request_id(a, &request, id);
	p = pgparam_text(id);
	return pgbatch_add(b, &look_request, &p);
}

void
journal_add_store(const struct api *a, const struct write_op *op,
		  const struct write_answer *answer, struct pgbatch *b)
{
	char id[CRYPTO_UUID_SIZE], whole[CRYPTO_UUID_SIZE];
	struct pgparam p[8];
	STRBUF_AUTO digest = { 0 };
	STRBUF_AUTO request = { 0 };

	journal_id(a, id);
	journal_request(a, &request);
	keyring_sign(a->site->keys, strbuf_span(&request), &digest);
	p[0] = pgparam_text(id);
	p[1] = pgparam_text(a->company != NULL ? a->company->id : NULL);
	p[2] = pgparam_text(a->who != NULL ? a->who->id : NULL);
	p[3] = pgparam_text(op->name);
	p[4] = pgparam_span(strbuf_span(&digest));
	p[5] = pgparam_int(answer->status);
	p[6] = answer->content.len > 0 ? pgparam_span(answer->content)
				       : pgparam_text("");
	p[7] = pgparam_null();
	if (op->changes_caller && a->company != NULL) {
		request_id(a, &request, whole);
		p[7] = pgparam_text(whole);
	}
	pgbatch_add(b, &store, p);
}

enum journal_found
journal_read(struct api *a, const struct pgresult *r, int *status,
	     struct span *content)
{
	STRBUF_AUTO request = { 0 };
	struct span answer;

	if (pgresult_rows(r) == 0)
		return JOURNAL_NONE;
	journal_request(a, &request);
	if (keyring_verify(a->site->keys, strbuf_span(&request),
			   pgresult_bytes(r, 0, 0), NULL) < 0)
		return JOURNAL_OTHER;
	*status = (int)pgresult_int(r, 0, 1);
	answer = pgresult_bytes(r, 0, 2);
	*content = span_make(arena_strndup(a->arena, answer.at, answer.len),
			     answer.len);
	return JOURNAL_SAME;
}

size_t
journal_add_purge(struct pgbatch *b)
{
	struct pgparam p = pgparam_int(JOURNAL_PURGE);

	return pgbatch_add(b, &purge, &p);
}
