#include <inttypes.h>

#include "base/conf.h"

struct unit {
	const char *suffix;
	int64_t factor;
};

/* The longest suffixes first: "ms" before "s". */
static const struct unit times[] = {
	{ "ms", 1 },      { "s", 1000 },     { "m", 60000 },
	{ "h", 3600000 }, { "d", 86400000 },
};
static const struct unit sizes[] = {
	{ "KiB", 1 << 10 },
	{ "MiB", 1 << 20 },
	{ "GiB", 1 << 30 },
	{ "B", 1 },
};

static bool
parse_unit(const char *text, const struct unit *units, size_t n, int64_t *out)
{
	struct span s = span_of(text);
	int64_t value;

	for (size_t i = 0; i < n; i++) {
		struct span number = s;

		if (!span_ends(s, units[i].suffix))
			continue;
		number.len -= strlen(units[i].suffix);
		if (span_to_i64(span_trim(number), &value) < 0 || value < 0 ||
		    __builtin_mul_overflow(value, units[i].factor, &value))
			return false;
		*out = value;
		return true;
	}
	return false;
}

int
conf_parse_ms(const char *text, int64_t *out, struct err *e)
{
	if (strcmp(text, "0") == 0) {
		*out = 0;
		return 0;
	}
	if (parse_unit(text, times, sizeof(times) / sizeof(times[0]), out))
		return 0;
	return err_set(e, ERR_INVALID,
		       "\"%s\" is not a time; write it like 500ms, 2s, 5m, "
		       "1h or 1d",
		       text);
}

int
conf_parse_bytes(const char *text, int64_t *out, struct err *e)
{
	int64_t value;

	if (span_to_i64(span_of(text), &value) == 0 && value >= 0) {
		*out = value;
		return 0;
	}
	if (parse_unit(text, sizes, sizeof(sizes) / sizeof(sizes[0]), out))
		return 0;
	return err_set(e, ERR_INVALID,
		       "\"%s\" is not a size; write it like 100, 64KiB, 1MiB "
		       "or 2GiB",
		       text);
}

int
conf_parse_bool(const char *text, bool *out, struct err *e)
{
	static const char *const words[] = { "off", "on",  "false", "true",
					     "no",  "yes", "0",     "1" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!span_iis(span_of(text), words[i]))
			continue;
		*out = i % 2 == 1;
		return 0;
	}
	return err_set(e, ERR_INVALID, "\"%s\" is neither on nor off", text);
}
