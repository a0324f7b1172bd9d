/*
 * Values of a JSON document as words for people; never NULL. Texts live in
 * the caller's buffer or in the document.
 */
#ifndef GSBCTL_WORDS_H
#define GSBCTL_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

#define WORDS_SIZE 64

const char *words_str(const json_t *doc, const char *path, const char *none);
int64_t words_int(const json_t *doc, const char *path);
bool words_bool(const json_t *doc, const char *path);

/* "850 ms", "41 s", "2 h 13 min", "3 d 4 h" */
const char *words_ms(int64_t ms, char buf[static WORDS_SIZE]);
/* "12 B", "1.5 MiB" */
const char *words_bytes(int64_t bytes, char buf[static WORDS_SIZE]);
/* "2024-01-02 03:04:05Z" of UNIX microseconds */
const char *words_time(int64_t wall_us, char buf[static WORDS_SIZE]);

#endif
