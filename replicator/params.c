#include "replicator/params.h"

static void
put_u32(struct strbuf *out, uint32_t v)
{
	char bytes[4] = { (char)(v >> 24), (char)(v >> 16), (char)(v >> 8),
			  (char)v };

	strbuf_add(out, bytes, sizeof(bytes));
}

enum { ARRAY_ELEMENT_AT = 8 }; /* dimensions, flags, then its type */

/*
 * The value of an array column as record_recv reads it, in a row of one
 * column; the types of its elements may have another oid on the peer.
 */
static void
put_box(struct strbuf *out, const struct column *c, struct span value)
{
	put_u32(out, (uint32_t)value.len + 12);
	put_u32(out, 1);
	put_u32(out, c->type_oid);
	put_u32(out, (uint32_t)value.len);
	strbuf_add(out, value.at, ARRAY_ELEMENT_AT);
	put_u32(out, c->element_oid);
	strbuf_add_span(out, span_skip(value, ARRAY_ELEMENT_AT + 4));
}

void
params_array(struct strbuf *out, uint32_t type, size_t n)
{
	put_u32(out, n > 0 ? 1 : 0); /* dimensions */
	put_u32(out, 1);             /* there may be NULLs */
	put_u32(out, type);
	if (n == 0)
		return;
	put_u32(out, (uint32_t)n);
	put_u32(out, 1); /* first index */
}

void
params_element(struct strbuf *out, struct span value)
{
	if (value.at == NULL) {
		put_u32(out, UINT32_MAX);
		return;
	}
	put_u32(out, (uint32_t)value.len);
	strbuf_add(out, value.at, value.len);
}

void
params_value(struct strbuf *out, const struct column *c, struct span value)
{
	if (c->element_oid != 0 && value.len >= ARRAY_ELEMENT_AT + 4)
		put_box(out, c, value);
	else
		params_element(out, value);
}

void
params_int8(struct strbuf *out, int64_t v)
{
	put_u32(out, 8);
	put_u32(out, (uint32_t)((uint64_t)v >> 32));
	put_u32(out, (uint32_t)v);
}
