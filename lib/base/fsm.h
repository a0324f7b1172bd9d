/*
 * State machines as tables: each state x event pair is one row, so the table
 * is the documentation, prints its own diagram, and a test proves it
 * complete. Pure: a row names the action, the owner does it.
 */
#ifndef BASE_FSM_H
#define BASE_FSM_H

#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

/* from: the row holds for each state that has no row of its own. */
#define FSM_ANY (-1)
/* to: the state stays. */
#define FSM_SAME (-2)

struct fsm_row {
	int from; /* or FSM_ANY */
	int event;
	int to;          /* or FSM_SAME */
	int action;      /* index in actions; 0 is "nothing" */
	const char *why; /* for people, in the diagram and the log */
};

struct fsm {
	const char *name;
	const char *const *states;
	int nstates;
	const char *const *events;
	int nevents;
	const char *const *actions; /* [0] is the name of "nothing" */
	int nactions;
	const struct fsm_row *rows;
	int nrows;
};

/* The row that decides, its own before FSM_ANY's; NULL if undecided. */
const struct fsm_row *fsm_find(const struct fsm *f, int state, int event);

/* The state after this row. */
int fsm_to(const struct fsm_row *row, int state);

/*
 * -1 and the first fault named: a pair without a row, two rows for a pair,
 * an index out of range, a missing name or why, a state that nothing leads
 * to (state 0, the start, apart).
 */
int fsm_check(const struct fsm *f, struct err *e)
    __attribute__((warn_unused_result));

/* A table, one row per line / a Mermaid stateDiagram-v2. */
void fsm_print(const struct fsm *f, FILE *to);
void fsm_print_mermaid(const struct fsm *f, FILE *to);

#endif
