/* What every cmocka test includes, in the order that cmocka wants. */
#ifndef UNIT_UNIT_H
#define UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/span.h"

#define UNIT_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline void
unit_span_is(struct span s, const char *text)
{
	if (!span_is(s, text))
		fail_msg("\"%.*s\" is not \"%s\"", SPAN_ARG(s), text);
}

/* The call failed (rc is -1) and says part. */
static inline void
unit_fails(int rc, const struct err *e, const char *part)
{
	if (rc != -1)
		fail_msg("succeeded, but \"%s\" was expected", part);
	if (strstr(err_text(e), part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err_text(e), part);
}

static inline void
unit_works(int rc, const struct err *e)
{
	if (rc < 0)
		fail_msg("failed: %s", err_text(e));
}

#endif
