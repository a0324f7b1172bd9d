/* Writes messages of pg_logical_emit_message, for tests. */
#ifndef TESTS_PGOUTPUT_MESSAGE_H
#define TESTS_PGOUTPUT_MESSAGE_H

#include "pgoutput.h"

/* A transactional one. */
static inline void
pgoutput_message(struct strbuf *out, const char *prefix, const char *content)
{
	strbuf_addc(out, 'M');
	pgoutput_int(out, 1, 1);
	pgoutput_int(out, 0x900, 8);
	pgoutput_text(out, prefix);
	pgoutput_int(out, strlen(content), 4);
	strbuf_adds(out, content);
}

#endif
