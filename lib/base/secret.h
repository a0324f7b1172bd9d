/* Secrets of the configuration: files of one line that others cannot read. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/err.h"
#include "base/strbuf.h"

/* Appended, without blanks around; an empty path gives nothing. -1: missing,
 * empty, or not 0600. */
int secret_read(const char *path, struct strbuf *out, struct err *e)
    __attribute__((warn_unused_result));

#endif
