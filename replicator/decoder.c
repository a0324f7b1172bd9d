/*
 * A cursor walks the bytes; the first read past the end marks it bad, every
 * later read gives zero, and the message is judged once at its end.
 */
#include "replicator/decoder.h"

#include <stdio.h>
#include <string.h>

struct cursor {
	const char *start;
	const char *at;
	const char *end;
	const char *bad; /* what could not be read; NULL while all is well */
	struct arena *arena;
};

static void
spoil(struct cursor *c, const char *what)
{
	if (c->bad == NULL)
		c->bad = what;
}

static uint64_t
take(struct cursor *c, unsigned bytes, const char *what)
{
	uint64_t v = 0;

	if (c->bad != NULL || (size_t)(c->end - c->at) < bytes) {
		spoil(c, what);
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | (unsigned char)*c->at++;
	return v;
}

static struct span
take_bytes(struct cursor *c, size_t n, const char *what)
{
	struct span s = { 0 };

	if (c->bad != NULL || (size_t)(c->end - c->at) < n) {
		spoil(c, what);
		return s;
	}
	s = span_make(c->at, n);
	c->at += n;
	return s;
}

/* A text with its NUL, which the span leaves out. */
static struct span
take_text(struct cursor *c, const char *what)
{
	size_t room = c->bad != NULL ? 0 : (size_t)(c->end - c->at);
	const char *nul = room > 0 ? memchr(c->at, '\0', room) : NULL;
	struct span s = { 0 };

	if (nul == NULL) {
		spoil(c, what);
		return s;
	}
	s = span_make(c->at, (size_t)(nul - c->at));
	c->at = nul + 1;
	return s;
}

static void
take_datum(struct cursor *c, struct datum *d)
{
	switch (take(c, 1, "a column's kind")) {
	case 'n':
		d->kind = DATUM_NULL;
		return;
	case 'u':
		d->kind = DATUM_UNCHANGED;
		return;
	case 't':
		d->kind = DATUM_TEXT;
		break;
	case 'b':
		d->kind = DATUM_BINARY;
		break;
	default:
		spoil(c, "a column's kind (n, u, t or b)");
		return;
	}
	d->bytes = take_bytes(c, take(c, 4, "a column's length"),
			      "a column's bytes");
}

static void
take_row(struct cursor *c, struct decoder_row *row)
{
	unsigned n = (unsigned)take(c, 2, "a row's number of columns");

	/* each column has at least one byte: no memory for a lie */
	if (c->bad != NULL || (size_t)(c->end - c->at) < n) {
		spoil(c, "a row's columns");
		return;
	}
	row->n = n;
	row->columns = arena_array(c->arena, struct datum, n);
	for (unsigned i = 0; i < n; i++)
		take_datum(c, &row->columns[i]);
}

static void
take_begin(struct cursor *c, struct decoder_message *m)
{
	m->lsn = take(c, 8, "the commit position");
	m->time_us = (int64_t)take(c, 8, "the commit time");
	m->xid = (uint32_t)take(c, 4, "the transaction id");
}

static void
take_commit(struct cursor *c, struct decoder_message *m)
{
	take(c, 1, "the flags");
	m->lsn = take(c, 8, "the commit position");
	m->end_lsn = take(c, 8, "the end position");
	m->time_us = (int64_t)take(c, 8, "the commit time");
}

static void
take_relation(struct cursor *c, struct decoder_message *m)
{
	struct decoder_relation *r = arena_make(c->arena,
						struct decoder_relation);
	unsigned n;

	m->oid = r->oid = (uint32_t)take(c, 4, "the relation's id");
	r->schema = arena_span(c->arena, take_text(c, "the schema"));
	r->name = arena_span(c->arena, take_text(c, "the relation's name"));
	r->identity = (char)take(c, 1, "the replica identity");
	n = (unsigned)take(c, 2, "the number of columns");
	/* ten bytes are the least that a column takes */
	if (c->bad != NULL || (size_t)(c->end - c->at) / 10 < n) {
		spoil(c, "the columns");
		return;
	}
	r->ncolumns = n;
	r->columns = arena_array(c->arena, struct decoder_column, n);
	for (unsigned i = 0; i < n; i++) {
		struct decoder_column *col = &r->columns[i];

		col->key = (take(c, 1, "a column's flags") & 1) != 0;
		col->name = arena_span(c->arena, take_text(c, "a name"));
		col->type = (uint32_t)take(c, 4, "a column's type");
		col->typmod = (int32_t)take(c, 4, "a column's modifier");
	}
	m->relation = r;
}

static void
take_update(struct cursor *c, struct decoder_message *m)
{
	uint64_t part;

	m->oid = (uint32_t)take(c, 4, "the relation's id");
	part = take(c, 1, "a part's kind");
	if (part == 'K' || part == 'O') {
		take_row(c, &m->old);
		part = take(c, 1, "a part's kind");
	}
	if (part != 'N')
		spoil(c, "a part's kind (K, O or N)");
	take_row(c, &m->row);
}

static void
take_insert(struct cursor *c, struct decoder_message *m)
{
	m->oid = (uint32_t)take(c, 4, "the relation's id");
	if (take(c, 1, "a part's kind") != 'N')
		spoil(c, "a part's kind (N)");
	take_row(c, &m->row);
}

static void
take_delete(struct cursor *c, struct decoder_message *m)
{
	uint64_t part;

	m->oid = (uint32_t)take(c, 4, "the relation's id");
	part = take(c, 1, "a part's kind");
	if (part != 'K' && part != 'O')
		spoil(c, "a part's kind (K or O)");
	take_row(c, &m->old);
}

static void
take_message(struct cursor *c, struct decoder_message *m)
{
	m->transactional = (take(c, 1, "the flags") & 1) != 0;
	m->lsn = take(c, 8, "the message's position");
	m->name = take_text(c, "the prefix");
	m->content = take_bytes(c, take(c, 4, "the length"), "the content");
}

static void
take_body(struct cursor *c, struct decoder_message *m)
{
	switch (m->kind) {
	case DECODER_BEGIN:
		take_begin(c, m);
		return;
	case DECODER_COMMIT:
		take_commit(c, m);
		return;
	case DECODER_ORIGIN:
		m->lsn = take(c, 8, "the origin's position");
		m->name = take_text(c, "the origin's name");
		return;
	case DECODER_RELATION:
		take_relation(c, m);
		return;
	case DECODER_TYPE:
		m->oid = (uint32_t)take(c, 4, "the type's id");
		take_text(c, "the schema");
		m->name = take_text(c, "the type's name");
		return;
	case DECODER_INSERT:
		take_insert(c, m);
		return;
	case DECODER_UPDATE:
		take_update(c, m);
		return;
	case DECODER_DELETE:
		take_delete(c, m);
		return;
	case DECODER_TRUNCATE:
		take(c, 5, "the relations");
		m->truncated = take_bytes(c, (size_t)(c->end - c->at), "");
		return;
	case DECODER_MESSAGE:
		take_message(c, m);
		return;
	case DECODER_STREAM_START:
		m->xid = (uint32_t)take(c, 4, "the transaction id");
		m->first = take(c, 1, "the first segment's flag") == 1;
		return;
	case DECODER_STREAM_STOP:
		return;
	case DECODER_STREAM_COMMIT:
		m->xid = (uint32_t)take(c, 4, "the transaction id");
		take_commit(c, m);
		return;
	case DECODER_STREAM_ABORT:
		m->xid = (uint32_t)take(c, 4, "the transaction id");
		m->sub_xid = (uint32_t)take(c, 4, "the part's id");
		return;
	}
	spoil(c, "the message's kind");
}

int
decoder_read(struct span bytes, struct arena *arena,
	     struct decoder_message *out, struct err *e)
{
	struct cursor c = { .start = bytes.at,
			    .at = bytes.at,
			    .end = bytes.at + bytes.len,
			    .arena = arena };

	*out = (struct decoder_message){ 0 };
	if (bytes.len == 0)
		return err_set(e, ERR_INVALID, "pgoutput: an empty message");
	out->kind = (enum decoder_kind)take(&c, 1, "the kind");
	take_body(&c, out);
	if (c.bad == NULL && c.at != c.end)
		spoil(&c, "the end: bytes follow");
	if (c.bad == NULL)
		return 0;
	return err_set(e, ERR_INVALID,
		       "pgoutput: message 0x%02x of %zu bytes, byte %zu: "
		       "expected %s",
		       (unsigned)out->kind & 0xff, bytes.len,
		       (size_t)(c.at - c.start), c.bad);
}

const char *
decoder_lsn(uint64_t lsn, char buf[static DECODER_LSN_SIZE])
{
	snprintf(buf, DECODER_LSN_SIZE, "%X/%X", (unsigned)(lsn >> 32),
		 (unsigned)lsn);
	return buf;
}

static int
parse_hex(struct span text, uint32_t *out)
{
	uint32_t v = 0;

	if (text.len == 0 || text.len > 8)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *at = memchr(digits, text.at[i] | 0x20, 16);

		if (text.at[i] < '0' || at == NULL)
			return -1;
		v = v << 4 | (uint32_t)(at - digits);
	}
	*out = v;
	return 0;
}

int
decoder_parse_lsn(struct span text, uint64_t *lsn)
{
	struct span part, rest = text;
	uint32_t high, low;

	if (!span_cut(&rest, '/', &part) || parse_hex(part, &high) != 0 ||
	    parse_hex(rest, &low) != 0)
		return -1;
	*lsn = (uint64_t)high << 32 | low;
	return 0;
}
