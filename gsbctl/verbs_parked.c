#include <inttypes.h>

#include "base/span.h"
#include "gsbctl/verbs.h"
#include "gsbctl/words.h"

static void
show_row(const struct verbs *v, const json_t *row)
{
	char at[WORDS_SIZE];

	fprintf(v->out.to,
		"%6" PRId64 "  %s  %s %s  tries %" PRId64 "  %s %s\n",
		words_int(row, "id"), words_time(words_int(row, "at_us"), at),
		words_str(row, "rel", "?"), words_str(row, "key", "?"),
		words_int(row, "tries"), words_str(row, "sqlstate", ""),
		words_str(row, "message", ""));
}

static const json_t *
find_row(const json_t *rows, int64_t id)
{
	for (size_t i = 0; i < json_array_size(rows); i++)
		if (words_int(json_array_get(rows, i), "id") == id)
			return json_array_get(rows, i);
	return NULL;
}

static int
show_one(const struct verbs *v, const json_t *rows)
{
	const json_t *row;
	int64_t id = 0;

	if (span_to_i64(span_of(v->args->name), &id) < 0)
		return EXITS_USAGE; /* args has checked it */
	row = find_row(rows, id);
	if (row == NULL) {
		fprintf(v->words.to, "gsbctl: there is no parked row %s\n",
			v->args->name);
		return EXITS_USAGE;
	}
	if (verbs_plain(v, row))
		return EXITS_DONE;
	show_row(v, row);
	fprintf(v->out.to, "at %s of the peer's log; what came:\n%s\n",
		words_str(row, "lsn", "?"), words_str(row, "payload", ""));
	return EXITS_DONE;
}

static int
list(const struct verbs *v)
{
	CALL_AUTO answer = { 0 };
	int failed = verbs_call(v, "GET", "/v1/parked", NULL, &answer);
	const json_t *rows;

	if (failed != 0)
		return failed;
	rows = json_object_get(answer.body, "parked");
	if (v->args->verb == ARGS_PARKED_SHOW)
		return show_one(v, rows);
	if (verbs_plain(v, answer.body))
		return EXITS_DONE;
	for (size_t i = 0; i < json_array_size(rows); i++)
		show_row(v, json_array_get(rows, i));
	if (json_array_size(rows) == 0)
		fputs("nothing is parked\n", v->words.to);
	return EXITS_DONE;
}

static int
change(const struct verbs *v)
{
	bool retry = v->args->verb == ARGS_PARKED_RETRY;
	CALL_AUTO answer = { 0 };
	JSON_AUTO body = json_object();
	int64_t id = 0;
	int failed;

	if (v->args->name != NULL &&
	    span_to_i64(span_of(v->args->name), &id) < 0)
		return EXITS_USAGE; /* args has checked it */
	json_put_str(body, "op", retry ? "retry" : "drop");
	json_put_int(body, "id", id);
	failed = verbs_call(v, "POST", "/v1/parked", body, &answer);
	if (failed != 0)
		return failed;
	if (!verbs_plain(v, answer.body) && retry)
		fprintf(v->out.to,
			"merged %" PRId64 ", failed again %" PRId64 "\n",
			words_int(answer.body, "merged"),
			words_int(answer.body, "failed"));
	else if (v->args->format == ARGS_TABLE)
		fprintf(v->out.to, "dropped %" PRId64 "\n",
			words_int(answer.body, "dropped"));
	if (!retry && id != 0 && words_int(answer.body, "dropped") == 0) {
		fprintf(v->words.to, "gsbctl: there is no parked row %s\n",
			v->args->name);
		return EXITS_USAGE;
	}
	return words_int(answer.body, "failed") > 0 ? EXITS_REFUSED
						    : EXITS_DONE;
}

int
verbs_parked(const struct verbs *v)
{
	return v->args->verb == ARGS_PARKED || v->args->verb == ARGS_PARKED_SHOW
		   ? list(v)
		   : change(v);
}
