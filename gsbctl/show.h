/*
 * Answers of the operators' API as text for people, or for programs. Pure:
 * a document in, text out.
 */
#ifndef GSBCTL_SHOW_H
#define GSBCTL_SHOW_H

#include <stdbool.h>
#include <stdio.h>

#include "base/json.h"

struct show {
	FILE *to;
	bool color;
};

/* /v1/status, whole, and in three lines. */
void show_status(const struct show *s, const json_t *status);
void show_pair(const struct show *s, const json_t *status);

void show_redirects(const struct show *s, const json_t *status);
void show_maintenance(const struct show *s, const json_t *status);

/* The pair, both ways, and every gate. */
void show_readiness(const struct show *s, const json_t *status);

/* What an order waits for: "CATCHING_UP for 3.1 s: 12 rows behind". */
#define SHOW_WAIT_SIZE 512
const char *show_wait(const json_t *status, char buf[static SHOW_WAIT_SIZE]);

/* One line; and one with all it was based on. */
void show_event(const struct show *s, const json_t *event);
void show_explain(const struct show *s, const json_t *event);

/* An order, one line. */
void show_order(const struct show *s, const json_t *order);

/* One value a line: PATH, tab, VALUE; arrays by index. */
void show_tsv(FILE *to, const json_t *doc);
void show_json(FILE *to, const json_t *doc);

#endif
