#include "base/fsm.h"

#include <string.h>

const struct fsm_row *
fsm_find(const struct fsm *f, int state, int event)
{
	const struct fsm_row *any = NULL;

	for (int i = 0; i < f->nrows; i++) {
		const struct fsm_row *r = &f->rows[i];

		if (r->event != event)
			continue;
		if (r->from == state)
			return r;
		if (r->from == FSM_ANY)
			any = r;
	}
	return any;
}

int
fsm_to(const struct fsm_row *row, int state)
{
	return row->to == FSM_SAME ? state : row->to;
}

static int
check_names(const struct fsm *f, const char *kind, const char *const *names,
	    int n, struct err *e)
{
	for (int i = 0; i < n; i++)
		if (names[i] == NULL || names[i][0] == '\0')
			return err_set(e, ERR_INVALID, "%s: %s %d has no name",
				       f->name, kind, i);
	return 0;
}

static int
check_row(const struct fsm *f, int i, struct err *e)
{
	const struct fsm_row *r = &f->rows[i];

	if ((r->from < 0 && r->from != FSM_ANY) || r->from >= f->nstates ||
	    r->event < 0 || r->event >= f->nevents ||
	    (r->to < 0 && r->to != FSM_SAME) || r->to >= f->nstates ||
	    r->action < 0 || r->action >= f->nactions)
		return err_set(e, ERR_INVALID, "%s: row %d is out of range",
			       f->name, i);
	if (r->why == NULL || r->why[0] == '\0')
		return err_set(e, ERR_INVALID, "%s: row %d has no why", f->name,
			       i);
	for (int j = 0; j < i; j++)
		if (f->rows[j].from == r->from && f->rows[j].event == r->event)
			return err_set(e, ERR_INVALID,
				       "%s: rows %d and %d decide the same",
				       f->name, j, i);
	return 0;
}

static int
check_decided(const struct fsm *f, struct err *e)
{
	for (int s = 0; s < f->nstates; s++)
		for (int v = 0; v < f->nevents; v++)
			if (fsm_find(f, s, v) == NULL)
				return err_set(
				    e, ERR_INVALID, "%s: %s x %s is undecided",
				    f->name, f->states[s], f->events[v]);
	return 0;
}

static int
leads_to(const struct fsm *f, int to)
{
	for (int s = 0; s < f->nstates; s++)
		for (int v = 0; v < f->nevents && s != to; v++)
			if (fsm_to(fsm_find(f, s, v), s) == to)
				return 1;
	return 0;
}

int
fsm_check(const struct fsm *f, struct err *e)
{
	if (check_names(f, "state", f->states, f->nstates, e) < 0 ||
	    check_names(f, "event", f->events, f->nevents, e) < 0 ||
	    check_names(f, "action", f->actions, f->nactions, e) < 0)
		return -1;
	for (int i = 0; i < f->nrows; i++)
		if (check_row(f, i, e) < 0)
			return -1;
	if (check_decided(f, e) < 0)
		return -1;
	for (int s = 1; s < f->nstates; s++)
		if (!leads_to(f, s))
			return err_set(e, ERR_INVALID,
				       "%s: nothing leads to %s", f->name,
				       f->states[s]);
	return 0;
}

static int
width(const char *const *names, int n)
{
	int w = 3;

	for (int i = 0; i < n; i++)
		if ((int)strlen(names[i]) > w)
			w = (int)strlen(names[i]);
	return w;
}

void
fsm_print(const struct fsm *f, FILE *to)
{
	int ws = width(f->states, f->nstates);
	int we = width(f->events, f->nevents);
	int wa = width(f->actions, f->nactions);

	fprintf(to, "%-*s  %-*s  %-*s  %-*s  why\n", ws, "from", we, "event",
		ws, "to", wa, "action");
	for (int i = 0; i < f->nrows; i++) {
		const struct fsm_row *r = &f->rows[i];

		fprintf(to, "%-*s  %-*s  %-*s  %-*s  %s\n", ws,
			r->from == FSM_ANY ? "any" : f->states[r->from], we,
			f->events[r->event], ws,
			r->to == FSM_SAME ? "same" : f->states[r->to], wa,
			f->actions[r->action], r->why);
	}
}

static void
print_edge(const struct fsm *f, int from, const struct fsm_row *r, FILE *to)
{
	fprintf(to, "    %s --> %s : %s", f->states[from],
		f->states[fsm_to(r, from)], f->events[r->event]);
	if (r->action != 0)
		fprintf(to, " / %s", f->actions[r->action]);
	fputc('\n', to);
}

/* Pairs that change nothing would bury the picture: they are left out. */
void
fsm_print_mermaid(const struct fsm *f, FILE *to)
{
	fputs("stateDiagram-v2\n", to);
	fprintf(to, "    [*] --> %s\n", f->states[0]);
	for (int s = 0; s < f->nstates; s++)
		for (int v = 0; v < f->nevents; v++) {
			const struct fsm_row *r = fsm_find(f, s, v);

			if (r != NULL && (fsm_to(r, s) != s || r->action != 0))
				print_edge(f, s, r, to);
		}
}
