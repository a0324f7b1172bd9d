#include <stdio.h>
#include <string.h>

#include "io/outbox_inner.h"

bool
outbox_is_mail(const char *to)
{
	return span_starts(span_of(to), OUTBOX_MAILTO);
}

/* Printable ASCII without blanks: nothing that could end a header line. */
static bool
is_word(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text <= ' ' || *text > '~' || strchr("<>\"", *text))
			return false;
	return true;
}

bool
outbox_is_receiver(const char *to, struct err *e)
{
	struct span s = span_of(to);
	struct span host = span_skip(s, strlen(OUTBOX_MAILTO));
	ptrdiff_t at = span_find(host, '@');
	bool good;

	if (outbox_is_mail(to))
		good = at > 0 && (size_t)at + 1 < host.len;
	else
		good = (span_starts(s, "http://") && s.len > 7) ||
		       (span_starts(s, "https://") && s.len > 8);
	if (!good || !is_word(to))
		err_set(e, ERR_INVALID,
			"\"%s\" is no receiver; right are https://HOST/PATH, "
			"http://HOST/PATH and mailto:NAME@HOST",
			to);
	return good && is_word(to);
}

const char *
outbox_receiver_name(const char *to, char *out, size_t size)
{
	struct span s = span_of(to);
	struct span host = span_skip(s, (size_t)(span_find(s, ':') + 3));
	size_t n = strcspn(host.at, "/?#");
	ptrdiff_t at = span_find(span_make(host.at, n), '@');

	if (outbox_is_mail(to))
		snprintf(out, size, "%s", to + strlen(OUTBOX_MAILTO));
	else
		snprintf(out, size, "%.*s", (int)n - (int)(at + 1),
			 host.at + at + 1);
	return out;
}
