#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const code_names[] = {
	"none",   "invalid", "not-found", "refused",   "timeout",
	"closed", "io",      "limit",     "cancelled", "uncertain",
};
static_assert(sizeof(code_names) / sizeof(code_names[0]) == ERR_UNCERTAIN + 1,
	      "one name for each code");

int
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	char text[sizeof(e->text)];
	va_list ap;

	assert(code != ERR_NONE);
	if (e == NULL)
		return -1;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	*e = (struct err){ .code = code };
	memcpy(e->text, text, sizeof(text));
	return -1;
}

int
err_prefix(struct err *e, const char *fmt, ...)
{
	char text[sizeof(e->text)];
	size_t len;
	va_list ap;

	if (e == NULL)
		return -1;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	len = strlen(text);
	snprintf(text + len, sizeof(text) - len, ": %s", e->text);
	memcpy(e->text, text, sizeof(text));
	return -1;
}

const char *
err_text(const struct err *e)
{
	return e == NULL || e->code == ERR_NONE ? "no error" : e->text;
}

const char *
err_code_name(enum err_code code)
{
	return code_names[code];
}

void
err_clear(struct err *e)
{
	*e = (struct err){ 0 };
}
