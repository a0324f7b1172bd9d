/*
 * Writes messages of pgoutput, for tests. Pieces append to out.
 */
#ifndef TESTS_PGOUTPUT_H
#define TESTS_PGOUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/strbuf.h"

static inline void
pgoutput_int(struct strbuf *out, uint64_t v, unsigned bytes)
{
	while (bytes-- > 0)
		strbuf_addc(out, (char)(v >> (8 * bytes)));
}

static inline void
pgoutput_text(struct strbuf *out, const char *text)
{
	strbuf_add(out, text, strlen(text) + 1);
}

static inline void
pgoutput_begin(struct strbuf *out, uint64_t lsn, int64_t time_us, uint32_t xid)
{
	strbuf_addc(out, 'B');
	pgoutput_int(out, lsn, 8);
	pgoutput_int(out, (uint64_t)time_us, 8);
	pgoutput_int(out, xid, 4);
}

static inline void
pgoutput_commit(struct strbuf *out, uint64_t lsn, uint64_t end, int64_t time_us)
{
	strbuf_addc(out, 'C');
	pgoutput_int(out, 0, 1);
	pgoutput_int(out, lsn, 8);
	pgoutput_int(out, end, 8);
	pgoutput_int(out, (uint64_t)time_us, 8);
}

static inline void
pgoutput_origin(struct strbuf *out, const char *name)
{
	strbuf_addc(out, 'O');
	pgoutput_int(out, 0, 8);
	pgoutput_text(out, name);
}

/* n calls of pgoutput_column follow. */
static inline void
pgoutput_relation(struct strbuf *out, uint32_t oid, const char *name,
		  unsigned n)
{
	strbuf_addc(out, 'R');
	pgoutput_int(out, oid, 4);
	pgoutput_text(out, "public");
	pgoutput_text(out, name);
	strbuf_addc(out, 'd');
	pgoutput_int(out, n, 2);
}

static inline void
pgoutput_column(struct strbuf *out, bool key, const char *name, uint32_t type)
{
	pgoutput_int(out, key, 1);
	pgoutput_text(out, name);
	pgoutput_int(out, type, 4);
	pgoutput_int(out, UINT32_MAX, 4);
}

static inline void
pgoutput_change(struct strbuf *out, char kind, uint32_t oid)
{
	strbuf_addc(out, kind);
	pgoutput_int(out, oid, 4);
}

/* n calls of pgoutput_datum follow. */
static inline void
pgoutput_row(struct strbuf *out, unsigned n)
{
	pgoutput_int(out, n, 2);
}

static inline void
pgoutput_datum(struct strbuf *out, char kind, const char *text)
{
	strbuf_addc(out, kind);
	if (kind != 't' && kind != 'b')
		return;
	pgoutput_int(out, strlen(text), 4);
	strbuf_adds(out, text);
}

#endif
