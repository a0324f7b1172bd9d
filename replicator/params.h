/*
 * Binary arrays, as the parameters of the merge statements want them: first
 * the head, then as many elements.
 */
#ifndef REPLICATOR_PARAMS_H
#define REPLICATOR_PARAMS_H

#include "base/span.h"
#include "base/strbuf.h"
#include "replicator/table.h"

/* The head of an array of n elements of a type, as array_recv reads it. */
void params_array(struct strbuf *out, uint32_t type, size_t n);

/* at NULL: SQL NULL. */
void params_element(struct strbuf *out, struct span value);
void params_int8(struct strbuf *out, int64_t v);

/* A column's value as the stream brings it; the array's type is item_oid. */
void params_value(struct strbuf *out, const struct column *c,
		  struct span value);

#endif
