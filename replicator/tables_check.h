/* What belongs together in tables.ini, for tables.c alone. */
#ifndef REPLICATOR_TABLES_CHECK_H
#define REPLICATOR_TABLES_CHECK_H

#include "replicator/tables.h"

/* What is wrong, and at the how-manyeth call of the reader. */
struct blame {
	size_t seq;
	struct err err;
};

int tables_check(const struct tables *t, struct blame *b);

#endif
