/*
 * A line is composed in one buffer and leaves with one write(2), so lines of
 * several threads do not mix. The kept state changes are fixed slots that
 * the abort hook can read without a lock: a slot that is being written then
 * may show torn text, nothing worse.
 */
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { LINE_BYTES = 2048, KEPT = 64, KEPT_BYTES = 320 };

static const char *const level_names[] = { "debug", "info", "warn", "error" };
static_assert(sizeof(level_names) / sizeof(level_names[0]) ==
		  LOG_LEVEL_ERROR + 1,
	      "one name for each level");

static char program[48];
static atomic_int threshold = LOG_LEVEL_INFO;
static char kept[KEPT][KEPT_BYTES];
static atomic_uint kept_count;

static void on_abort(int sig);

void
log_init(const char *name)
{
	struct sigaction sa = { .sa_handler = on_abort,
				.sa_flags = (int)SA_RESETHAND };

	snprintf(program, sizeof(program), "%s", name);
	sigaction(SIGABRT, &sa, NULL);
}

void
log_set_level(enum log_level level)
{
	atomic_store(&threshold, (int)level);
}

bool
log_level_parse(const char *name, enum log_level *level)
{
	for (int i = 0; i <= LOG_LEVEL_ERROR; i++) {
		if (strcmp(name, level_names[i]) != 0)
			continue;
		*level = (enum log_level)i;
		return true;
	}
	return false;
}

bool
log_enabled(enum log_level level)
{
	return (int)level >= atomic_load(&threshold);
}

static void
write_all(int fd, const char *at, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		at += n;
		len -= (size_t)n;
	}
}

/* Appends text with control characters as \xHH; returns the new length. */
static size_t
add_clean(char *line, size_t len, size_t size, const char *text)
{
	static const char hex[] = "0123456789abcdef";

	for (; *text != '\0' && len + 5 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c != 0x7f) {
			line[len++] = (char)c;
			continue;
		}
		line[len++] = '\\';
		line[len++] = 'x';
		line[len++] = hex[c >> 4];
		line[len++] = hex[c & 15];
	}
	return len;
}

/* Composes one line with its LF; returns its length. */
static size_t
compose(char line[static LINE_BYTES], enum log_level level, const char *module,
	const char *text)
{
	char time[CLOCK_ISO_SIZE];
	int n = snprintf(line, LINE_BYTES, "time=%s level=%s%s%s module=%.32s ",
			 clock_iso(clock_wall_us(), time), level_names[level],
			 program[0] != '\0' ? " program=" : "", program,
			 module);
	size_t len = add_clean(line, (size_t)n, LINE_BYTES, text);

	line[len++] = '\n';
	line[len] = '\0';
	return len;
}

static void __attribute__((format(printf, 3, 0)))
emit(enum log_level level, const char *module, const char *fmt, va_list ap)
{
	char text[LINE_BYTES - 200];
	char line[LINE_BYTES];
	int saved = errno;

	if (log_enabled(level)) {
		vsnprintf(text, sizeof(text), fmt, ap);
		write_all(STDERR_FILENO, line,
			  compose(line, level, module, text));
	}
	errno = saved;
}

void
log_debug(const char *module, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_LEVEL_DEBUG, module, fmt, ap);
	va_end(ap);
}

void
log_info(const char *module, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_LEVEL_INFO, module, fmt, ap);
	va_end(ap);
}

void
log_warn(const char *module, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_LEVEL_WARN, module, fmt, ap);
	va_end(ap);
}

void
log_error(const char *module, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_LEVEL_ERROR, module, fmt, ap);
	va_end(ap);
}

void
log_state(const char *module, const char *fmt, ...)
{
	char text[LINE_BYTES - 200];
	char line[LINE_BYTES];
	char *slot = kept[atomic_fetch_add(&kept_count, 1) % KEPT];
	int saved = errno;
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	len = compose(line, LOG_LEVEL_INFO, module, text);
	if (log_enabled(LOG_LEVEL_INFO))
		write_all(STDERR_FILENO, line, len);
	line[len - 1] = '\0';
	snprintf(slot, KEPT_BYTES, "%.*s", KEPT_BYTES - 1, line);
	errno = saved;
}

void
log_dump(int fd)
{
	unsigned end = atomic_load(&kept_count);
	unsigned i = end > KEPT ? end - KEPT : 0;

	for (; i != end; i++) {
		const char *slot = kept[i % KEPT];

		write_all(fd, "kept ", 5);
		write_all(fd, slot, strnlen(slot, KEPT_BYTES));
		write_all(fd, "\n", 1);
	}
}

static void
on_abort(int sig)
{
	static const char head[] = "aborting; the last changes of state:\n";

	write_all(STDERR_FILENO, head, sizeof(head) - 1);
	log_dump(STDERR_FILENO);
	raise(sig); /* the default action is back: SA_RESETHAND */
}

static bool
bare(const char *text)
{
	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++)
		if ((unsigned char)*text <= ' ' || *text == '"' ||
		    *text == '=' || *text == '\\')
			return false;
	return true;
}

const char *
log_quote(char *buf, size_t size, const char *text)
{
	size_t len = 0;

	assert(size >= 3);
	if (text == NULL)
		text = "";
	if (bare(text)) {
		snprintf(buf, size, "%s", text);
		return buf;
	}
	buf[len++] = '"';
	for (; *text != '\0' && len + 3 < size; text++) {
		if (*text == '"' || *text == '\\')
			buf[len++] = '\\';
		buf[len++] = *text;
	}
	buf[len++] = '"';
	buf[len] = '\0';
	return buf;
}
