/*
 * Pages from templates: text with {{...}} over a JSON value. Whatever comes
 * from the value is escaped for HTML, always; so it may stand in text and
 * between quotes. Pure.
 *
 *   {{name}}                 a text, number or true/false; absent: nothing
 *   {{#name}} ... {{/name}}  for each of a list, else once if it is there
 *                            and not false, "" or []; names inside are looked
 *                            up in it first, "." is the value itself
 *   {{^name}} ... {{/name}}  if it is not
 *   {{>name}}                another template in its place
 */
#ifndef SITE_TEMPLATE_H
#define SITE_TEMPLATE_H

#include "base/json.h"
#include "base/span.h"
#include "base/strbuf.h"

/* The text of another template; at NULL: there is none (a bug). */
typedef struct span template_find(void *ctx, struct span name);

/* Appends. Templates are our own: a fault in one is an assert. */
void template_render(struct span text, const json_t *data, template_find *find,
		     void *ctx, struct strbuf *out);

/* Text for HTML, quotes escaped as well, appended. */
void template_escape(struct span text, struct strbuf *out);

#endif
