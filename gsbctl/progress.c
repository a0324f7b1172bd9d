#include "gsbctl/progress.h"

#include <stdarg.h>
#include <unistd.h>

#include "base/clock.h"

#define FIRST_MS 1000
#define OVER_MS 100 /* a terminal keeps up with more than eyes do */
#define LINE_MS 5000

void
progress_init(struct progress *p, FILE *to, bool at_once)
{
	*p = (struct progress){ .to = to,
				.over = isatty(fileno(to)),
				.begun_ms = clock_mono_ms() };
	p->next_ms = p->begun_ms + (at_once ? 0 : FIRST_MS);
}

void
progress_say(struct progress *p, const char *fmt, ...)
{
	int64_t now = clock_mono_ms();
	va_list ap;

	if (now < p->next_ms)
		return;
	p->next_ms = now + (p->over ? OVER_MS : LINE_MS);
	p->shown = p->over;
	if (p->over)
		fputs("\r\033[K", p->to);
	fputs("  … ", p->to);
	va_start(ap, fmt);
	vfprintf(p->to, fmt, ap);
	va_end(ap);
	if (!p->over)
		fputc('\n', p->to);
	fflush(p->to);
}

void
progress_clear(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", p->to);
	p->shown = false;
}

int64_t
progress_ms(const struct progress *p)
{
	return clock_mono_ms() - p->begun_ms;
}
