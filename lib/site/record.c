#include "site/record.h"

#include <string.h>

#include "io/pgbatch.h"
#include "site/api.h"
#include "site/record_attendee.h"
#include "site/record_columns.h"
#include "site/record_usage.h"

enum kind { TEXT, INT, BOOL };

struct column {
	enum kind kind;
	size_t offset;
};

#define COMPANY(kind, member, sql) { kind, offsetof(struct company, member) },
#define ACCOUNT(kind, member, sql) { kind, offsetof(struct account, member) },
#define MEETING(kind, member, sql) { kind, offsetof(struct meeting, member) },
#define ATTENDEE(kind, member, sql) { kind, offsetof(struct attendee, member) },
#define RUN(kind, member, sql) { kind, offsetof(struct run, member) },
#define STAY(kind, member, sql) { kind, offsetof(struct stay, member) },

static const struct column company_columns[] = { RECORD_COMPANY(COMPANY) };
static const struct column account_columns[] = { RECORD_ACCOUNT(ACCOUNT) };
static const struct column meeting_columns[] = { RECORD_MEETING(MEETING) };
static const struct column attendee_columns[] = { RECORD_ATTENDEE(ATTENDEE) };
static const struct column run_columns[] = { RECORD_RUN(RUN) };
static const struct column stay_columns[] = { RECORD_STAY(STAY) };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct cell {
	const struct pgresult *r;
	int row, col;
};

static void
read_cell(struct api *a, const struct cell *at, enum kind kind, void *out)
{
	struct span bytes;
	const char *text = NULL;
	int64_t number;
	bool flag;

	switch (kind) {
	case TEXT:
		bytes = pgresult_bytes(at->r, at->row, at->col);
		if (bytes.at != NULL)
			text = arena_strndup(a->arena, bytes.at, bytes.len);
		memcpy(out, &text, sizeof(text));
		break;
	case INT:
		number = pgresult_int(at->r, at->row, at->col);
		memcpy(out, &number, sizeof(number));
		break;
	case BOOL:
		flag = pgresult_bool(at->r, at->row, at->col);
		memcpy(out, &flag, sizeof(flag));
		break;
	}
}

static void
read_cells(struct api *a, struct cell at, const struct column *columns,
	   size_t n, void *out)
{
	for (size_t i = 0; i < n; i++, at.col++)
		read_cell(a, &at, columns[i].kind,
			  (char *)out + columns[i].offset);
}

struct company *
record_company(struct api *a, const struct pgresult *r, int row, int col)
{
	struct company *c = arena_make(a->arena, struct company);

	read_cells(a, (struct cell){ r, row, col }, company_columns,
		   COUNT(company_columns), c);
	return c;
}

void
record_account(struct api *a, const struct pgresult *r, int row,
	       struct account *out)
{
	read_cells(a, (struct cell){ r, row, 0 }, account_columns,
		   COUNT(account_columns), out);
}

void
record_meeting(struct api *a, const struct pgresult *r, int row,
	       struct meeting *out)
{
	read_cells(a, (struct cell){ r, row, 0 }, meeting_columns,
		   COUNT(meeting_columns), out);
}

void
record_attendee(struct api *a, const struct pgresult *r, int row,
		struct attendee *out)
{
	read_cells(a, (struct cell){ r, row, 0 }, attendee_columns,
		   COUNT(attendee_columns), out);
}

void
record_run(struct api *a, const struct pgresult *r, int row, struct run *out)
{
	read_cells(a, (struct cell){ r, row, 0 }, run_columns,
		   COUNT(run_columns), out);
}

void
record_stay(struct api *a, const struct pgresult *r, int row, struct stay *out)
{
	read_cells(a, (struct cell){ r, row, 0 }, stay_columns,
		   COUNT(stay_columns), out);
}
