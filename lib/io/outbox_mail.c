/* A message as mail: RFC 5322 with MIME (RFC 2045, RFC 2047). */
#include "base/mime.h"
#include "io/outbox_inner.h"

static const char *
text_of(const json_t *doc, const char *key)
{
	const char *text = json_string_value(json_object_get(doc, key));

	return text != NULL ? text : "";
}

void
outbox_mail_write(const json_t *doc, struct strbuf *out)
{
	const char *from = text_of(doc, "from");
	struct span host = span_of(from);
	int64_t made = 0;

	(void)json_get_int(doc, "made_us", &made, NULL);
	host = span_skip(host, (size_t)(span_find(host, '@') + 1));
	strbuf_addf(out, "From: <%s>\r\nTo: <%s>\r\n", from,
		    text_of(doc, "to") + sizeof("mailto:") - 1);
	mime_subject(span_of(text_of(doc, "subject")), out);
	mime_date(made, out);
	strbuf_addf(out, "Message-ID: <%s@%.*s>\r\n", text_of(doc, "id"),
		    SPAN_ARG(host));
	strbuf_addf(out,
		    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
		    "Content-Type: %s\r\n"
		    "Content-Transfer-Encoding: base64\r\n\r\n",
		    text_of(doc, "type"));
	mime_base64(span_of(text_of(doc, "body")), out);
}
