#include "gsbctl/words.h"

#include <stdio.h>

#include "base/clock.h"

const char *
words_str(const json_t *doc, const char *path, const char *none)
{
	const char *text;

	return json_get_str(doc, path, &text, NULL) == 1 ? text : none;
}

int64_t
words_int(const json_t *doc, const char *path)
{
	int64_t n;

	return json_get_int(doc, path, &n, NULL) == 1 ? n : 0;
}

bool
words_bool(const json_t *doc, const char *path)
{
	bool b;

	return json_get_bool(doc, path, &b, NULL) == 1 && b;
}

const char *
words_ms(int64_t ms, char buf[static WORDS_SIZE])
{
	long long s = ms / 1000;

	if (ms < 1000)
		snprintf(buf, WORDS_SIZE, "%lld ms", (long long)ms);
	else if (ms < 10000)
		snprintf(buf, WORDS_SIZE, "%.1f s", (double)ms / 1000);
	else if (s < 120)
		snprintf(buf, WORDS_SIZE, "%lld s", s);
	else if (s < 3600)
		snprintf(buf, WORDS_SIZE, "%lld min %lld s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, WORDS_SIZE, "%lld h %lld min", s / 3600,
			 s / 60 % 60);
	else
		snprintf(buf, WORDS_SIZE, "%lld d %lld h", s / 86400,
			 s / 3600 % 24);
	return buf;
}

const char *
words_bytes(int64_t bytes, char buf[static WORDS_SIZE])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double n = (double)bytes;
	int u = 0;

	while (n >= 1024 && u < 4) {
		n /= 1024;
		u++;
	}
	snprintf(buf, WORDS_SIZE, u == 0 ? "%.0f %s" : "%.1f %s", n, units[u]);
	return buf;
}

const char *
words_time(int64_t wall_us, char buf[static WORDS_SIZE])
{
	struct clock_civil c;

	clock_civil(wall_us, &c);
	snprintf(buf, WORDS_SIZE, "%04lld-%02u-%02u %02u:%02u:%02uZ",
		 (long long)c.year, c.month, c.day, c.hour, c.minute, c.second);
	return buf;
}
