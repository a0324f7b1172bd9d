/*
 * One call of the operators' API, waited for.
 */
#ifndef GSBCTL_CALL_H
#define GSBCTL_CALL_H

#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

struct call_answer {
	int status;
	json_t *body; /* owned; NULL: none */
};

/* json_decref's the body; may be called again. */
void call_fini(struct call_answer *a);
#define CALL_AUTO __attribute__((cleanup(call_fini))) struct call_answer

/*
 * On this thread's loop. body may be NULL. -1: the proxy cannot be reached
 * (any status is an answer).
 */
int call_run(const char *socket, const char *method, const char *target,
	     const json_t *body, struct call_answer *out, struct err *e)
    __attribute__((warn_unused_result));

/* "message" of an answer, or words for its status; in buf. */
const char *call_message(const struct call_answer *a, char *buf, size_t size);

#endif
