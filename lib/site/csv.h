/* Tables as CSV (RFC 4180), safe to open in a spreadsheet. Pure. */
#ifndef SITE_CSV_H
#define SITE_CSV_H

#include "base/json.h"
#include "base/strbuf.h"

/*
 * A line of the columns' names, then one for each object of the list, its
 * members of those names in their order; absent ones are empty. columns: up
 * to a NULL. A text that a spreadsheet would take for a formula gets an
 * apostrophe in front.
 */
void csv_write(const json_t *list, const char *const *columns,
	       struct strbuf *out);

#endif
