#include "proxy/sitecall.h"

#include "base/json.h"
#include "proxy/trust.h"

#define FIELDS_MAX 8

/* Of the program: its configuration has one section for it. */
static struct trust *trust;

void
sitecall_trust(struct trust *t)
{
	trust_drop(&trust);
	trust = trust_hold(t);
}

static const char *
ca_file(void)
{
	return trust != NULL ? trust_ca_file(trust) : NULL;
}

static const char *
certificate(void)
{
	return trust != NULL ? trust_certificate(trust) : NULL;
}

static const char *
key(void)
{
	return trust != NULL ? trust_key(trust) : NULL;
}

struct httpc *
sitecall_start(const struct sitecall *to, struct span body, httpc_fn *fn,
	       void *ctx)
{
	struct httpc_field fields[FIELDS_MAX + 3] = { 0 };
	STRBUF_AUTO url = { 0 };
	STRBUF_AUTO signature = { 0 };
	bool tls = span_starts(span_of(to->address), "https://");
	size_t n = 0;

	strbuf_addf(&url, "%s%s%s", tls ? "" : "http://", to->address,
		    to->path);
	keyring_sign(to->keys, body, &signature);
	fields[n].name = "Content-Type";
	fields[n++].value = "application/json";
	fields[n].name = "GSB-Signature";
	fields[n++].value = strbuf_text(&signature);
	for (size_t i = 0; to->fields != NULL && i < FIELDS_MAX; i++) {
		if (to->fields[i].name == NULL)
			break;
		fields[n++] = to->fields[i];
	}
	return httpc_start(
	    &(struct httpc_request){ .method = "POST",
				     .url = strbuf_text(&url),
				     .fields = fields,
				     .body = body,
				     .ca_file = tls ? ca_file() : NULL,
				     .certificate = tls ? certificate() : NULL,
				     .key = tls ? key() : NULL,
				     .timeout_ms = to->timeout_ms },
	    fn, ctx);
}

int
sitecall_check(const struct httpc_answer *answer, const struct err *err,
	       struct err *e)
{
	const char *message = NULL;

	if (err != NULL) {
		*e = *err;
		return -1;
	}
	if (answer->status == 200)
		return 0;
	JSON_AUTO doc = json_read(answer->body, NULL);
	if (json_get_str(doc, "message", &message, NULL) != 1)
		return err_set(e, ERR_REFUSED, "answered %d", answer->status);
	return err_set(e, ERR_REFUSED, "answered %d: %s", answer->status,
		       message);
}
