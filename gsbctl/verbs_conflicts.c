#include <inttypes.h>
#include <string.h>

#include "base/span.h"
#include "gsbctl/verbs.h"
#include "gsbctl/words.h"

/* Kept, though what it names was deleted on the other site. */
static void
show_dangling(const struct verbs *v, const json_t *row)
{
	const char *name = json_string_value(
	    json_array_get(json_object_get(row, "columns"), 0));
	const char *value = words_str(json_object_get(row, "loser"),
				      name != NULL ? name : "", "it");

	fprintf(v->out.to, "        %s: %s was deleted\n",
		name != NULL ? name : "?", value);
}

/* "email: old@x -> new@x", of each column that differs */
static void
show_columns(const struct verbs *v, const json_t *row)
{
	const json_t *columns = json_object_get(row, "columns");

	for (size_t i = 0; i < json_array_size(columns); i++) {
		const char *name = json_string_value(
		    json_array_get(columns, i));
		JSON_AUTO lost = json_deep_copy(
		    json_object_get(json_object_get(row, "loser"), name));
		JSON_AUTO won = json_deep_copy(
		    json_object_get(json_object_get(row, "winner"), name));
		STRBUF_AUTO from = { 0 };
		STRBUF_AUTO to = { 0 };

		json_write(lost, JSON_AS_MADE, &from);
		json_write(won, JSON_AS_MADE, &to);
		fprintf(v->out.to, "        %s: %s lost to %s\n", name,
			strbuf_text(&from), strbuf_text(&to));
	}
}

static void
show_row(const struct verbs *v, const json_t *row)
{
	char at[WORDS_SIZE], undone[WORDS_SIZE], skew[WORDS_SIZE];
	int64_t undone_us = words_int(row, "undone_us");
	int64_t skew_ms = words_int(row, "skew_us") / 1000;

	fprintf(v->out.to, "%6" PRId64 "  %s  %s %s  %s %s  won: %s, %s %s",
		words_int(row, "id"), words_time(words_int(row, "at_us"), at),
		words_str(row, "rel", "?"), words_str(row, "key", "?"),
		words_str(row, "kind", "?"), words_str(row, "part", ""),
		words_str(row, "winner_site", "?"),
		words_ms(skew_ms < 0 ? -skew_ms : skew_ms, skew),
		skew_ms < 0 ? "older" : "newer");
	if (undone_us > 0)
		fprintf(v->out.to, "  undone %s by %s",
			words_time(undone_us, undone),
			words_str(row, "undone_by", "?"));
	fputc('\n', v->out.to);
	if (strcmp(words_str(row, "kind", ""), "dangling") == 0)
		show_dangling(v, row);
	else
		show_columns(v, row);
}

static int
list(const struct verbs *v)
{
	CALL_AUTO answer = { 0 };
	int failed = verbs_call(v, "GET", "/v1/conflicts", NULL, &answer);
	const json_t *rows;

	if (failed != 0)
		return failed;
	rows = json_object_get(answer.body, "conflicts");
	if (verbs_plain(v, answer.body))
		return EXITS_DONE;
	for (size_t i = 0; i < json_array_size(rows); i++)
		show_row(v, json_array_get(rows, i));
	if (json_array_size(rows) == 0)
		fputs("nothing has lost\n", v->words.to);
	return EXITS_DONE;
}

static void
show_side(const struct verbs *v, const json_t *row, const char *side)
{
	JSON_AUTO values = json_deep_copy(json_object_get(row, side));
	STRBUF_AUTO text = { 0 };

	json_write(values, JSON_AS_MADE, &text);
	fprintf(v->out.to, "%s:\n%s\n", side, strbuf_text(&text));
}

static int
show(const struct verbs *v, const json_t *rows)
{
	const json_t *row = json_array_get(rows, 0);

	if (row == NULL) {
		fprintf(v->words.to, "gsbctl: there is no conflict %s\n",
			v->args->name);
		return EXITS_USAGE;
	}
	if (verbs_plain(v, row))
		return EXITS_DONE;
	show_row(v, row);
	show_side(v, row, "loser");
	show_side(v, row, "winner");
	return EXITS_DONE;
}

static int
ask(const struct verbs *v)
{
	bool undo = v->args->verb == ARGS_CONFLICTS_UNDO;
	CALL_AUTO answer = { 0 };
	JSON_AUTO body = json_object();
	int64_t id = 0;
	int failed;

	if (span_to_i64(span_of(v->args->name), &id) < 0)
		return EXITS_USAGE; /* args has checked it */
	json_put_str(body, "op", undo ? "undo" : "show");
	json_put_int(body, "id", id);
	json_put_str(body, "who", v->who);
	json_put_bool(body, "force", v->args->force);
	failed = verbs_call(v, "POST", "/v1/conflicts", body, &answer);
	if (failed != 0)
		return failed;
	if (!undo)
		return show(v, json_object_get(answer.body, "conflicts"));
	if (!verbs_plain(v, answer.body))
		fprintf(v->out.to, "%s\n",
			words_str(answer.body, "message", ""));
	return EXITS_DONE;
}

int
verbs_conflicts(const struct verbs *v)
{
	return v->args->verb == ARGS_CONFLICTS ? list(v) : ask(v);
}
