/*
 * logfmt lines on stderr, one write(2) each, safe from any thread:
 *
 *   time=2024-05-01T10:20:30.123Z level=info program=gsb-proxy module=health
 *   url=http://... from=up to=down     (one line)
 *
 * The caller's format gives the pairs: log_info("health", "to=%s", name).
 * Control characters are written as \xHH, so a line stays one line; a value
 * that may hold quotes or blanks goes through log_quote.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR
};

/*
 * Names the program in each line (copied) and hooks SIGABRT, so that a
 * failed assert prints the last 64 state changes. Without it lines carry no
 * program. The level starts at info.
 */
void log_init(const char *program);
void log_set_level(enum log_level level);

/* "debug", "info", "warn", "error"; false for other words. */
bool log_level_parse(const char *name, enum log_level *level);
bool log_enabled(enum log_level level);

void log_debug(const char *module, const char *fmt, ...) ERR_PRINTF(2);
void log_info(const char *module, const char *fmt, ...) ERR_PRINTF(2);
void log_warn(const char *module, const char *fmt, ...) ERR_PRINTF(2);
void log_error(const char *module, const char *fmt, ...) ERR_PRINTF(2);

/* A change of state: logged at info, and kept for the abort report. */
void log_state(const char *module, const char *fmt, ...) ERR_PRINTF(2);

/* What the abort hook prints: the kept changes, oldest first. Signal-safe. */
void log_dump(int fd);

/*
 * text as a logfmt value in buf: bare if it can be, else in double quotes
 * with \" and \\ escaped; cut to fit. Returns buf. text may be NULL.
 */
const char *log_quote(char *buf, size_t size, const char *text);

#endif
