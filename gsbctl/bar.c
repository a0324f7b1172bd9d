#include "gsbctl/bar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gsbctl/words.h"

/* Cells between the brackets. */
#define CELLS_MIN 6
#define CELLS 12
#define CELLS_WIDE 30
#define WIDE 100 /* columns */
#define AROUND 3 /* the brackets, and a blank behind them */

static const struct {
	const char *phase, *text;
} phases[] = {
	{ "ask", "asking the primary what there is" },
	{ "compare", "comparing with what is here" },
	{ "show", "making the new version visible" },
};

/* Nobody wants parts of a second here. */
static const char *
left_words(int64_t ms, char buf[static WORDS_SIZE])
{
	if (ms >= 60000)
		return words_ms(ms, buf);
	snprintf(buf, WORDS_SIZE, "%d s", (int)((ms + 999) / 1000));
	return buf;
}

/* How much is there, how fast it comes, and for how long. */
static void
fetch_words(const json_t *running, char out[static BAR_SIZE])
{
	int64_t rate = words_int(running, "rate");
	char bytes[WORDS_SIZE], all[WORDS_SIZE], speed[WORDS_SIZE],
	    left[WORDS_SIZE];
	int n;

	n = snprintf(out, BAR_SIZE, "%" PRId64 "/%" PRId64 " files, %s of %s",
		     words_int(running, "files"),
		     words_int(running, "files_all"),
		     words_bytes(words_int(running, "bytes"), bytes),
		     words_bytes(words_int(running, "bytes_all"), all));
	if (rate > 0 && n < BAR_SIZE)
		snprintf(out + n, BAR_SIZE - (size_t)n, ", %s/s, %s left",
			 words_bytes(rate, speed),
			 left_words(words_int(running, "left_ms"), left));
}

static void
words(const json_t *running, char out[static BAR_SIZE])
{
	const char *phase = words_str(running, "phase", "");

	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++)
		if (strcmp(phases[i].phase, phase) == 0) {
			snprintf(out, BAR_SIZE, "%s", phases[i].text);
			return;
		}
	fetch_words(running, out);
}

/* Of so many cells. */
static size_t
filled(const json_t *running, size_t cells)
{
	int64_t all = words_int(running, "bytes_all");
	int64_t done = words_int(running, "bytes");

	if (strcmp(words_str(running, "phase", ""), "show") == 0)
		return cells;
	if (all <= 0 || done <= 0)
		return 0;
	return done < all ? (size_t)((double)done / (double)all * (double)cells)
			  : cells;
}

const char *
bar_text(const json_t *running, size_t width, char out[static BAR_SIZE])
{
	char text[BAR_SIZE];
	size_t len, cells, full;

	words(running, text);
	len = strlen(text);
	if (width > 0 && len > width)
		text[width] = '\0';
	if (width < len + AROUND + CELLS_MIN || width >= BAR_SIZE) {
		snprintf(out, BAR_SIZE, "%s", text);
		return out;
	}
	cells = width - len - AROUND;
	if (cells > (width < WIDE ? CELLS : CELLS_WIDE))
		cells = width < WIDE ? CELLS : CELLS_WIDE;
	full = filled(running, cells);
	snprintf(out, BAR_SIZE, "[%.*s%.*s] %s", (int)full,
		 "##############################", (int)(cells - full),
		 "..............................", text);
	return out;
}
