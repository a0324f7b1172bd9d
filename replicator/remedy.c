#include "replicator/remedy.h"

#include <string.h>

#include "base/span.h"
#include "replicator/merge.h"

bool
remedy_wants_tidying(const struct err *e)
{
	return strcmp(e->sqlstate, "23505") == 0 &&
	       span_ends(span_of(e->detail), "_gsb_key");
}

bool
remedy_is_transient(const struct err *e)
{
	/* connection, transaction state, rollback, resources, not in the
	 * right state (55P03, 55006), operator, system */
	static const char *const classes[] = { "08", "25", "40", "53",
					       "55", "57", "58" };

	if (e->code != ERR_REFUSED || remedy_wants_tidying(e))
		return true;
	if (strcmp(e->sqlstate, MERGE_GUARD_STATE) == 0)
		return true;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strncmp(e->sqlstate, classes[i], 2) == 0)
			return true;
	return false;
}
