/* Small files as a whole, and descriptors written to the end. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>

#include "base/err.h"
#include "base/span.h"
#include "base/strbuf.h"

/*
 * Appends all that is left to read. Errors do not name the file: ERR_IO, or
 * ERR_LIMIT when out becomes longer than max.
 */
int file_read_all(int fd, size_t max, struct strbuf *out, struct err *e)
    __attribute__((warn_unused_result));

/* The file at path; errors name it. ERR_NOT_FOUND: there is none. */
int file_read(const char *path, size_t max, struct strbuf *out, struct err *e)
    __attribute__((warn_unused_result));

/* All of it; -1 with errno. */
int file_write_all(int fd, struct span data)
    __attribute__((warn_unused_result));

#endif
