/*
 * What went wrong in the world, as a value: set where it is seen, prefixed
 * on the way up, logged once by whoever decides. Bugs are asserts instead.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_code {
	ERR_NONE,
	ERR_INVALID,   /* the input is wrong; the text says what is right */
	ERR_NOT_FOUND, /* no such thing */
	ERR_REFUSED,   /* the other side, or a rule of ours, said no */
	ERR_TIMEOUT,   /* the deadline passed */
	ERR_CLOSED,    /* the other side has gone */
	ERR_IO,        /* the system or a peer failed */
	ERR_LIMIT,     /* too many, too large, too deep */
	ERR_CANCELLED, /* the owner stopped it */
	ERR_UNCERTAIN, /* sent, but no answer: never retry blindly */
};

/* Plain value without ownership: copy it freely; { 0 } is "no error". */
struct err {
	enum err_code code;
	char text[384];
	char sqlstate[6];
	char detail[128]; /* such as the name of a violated constraint */
};

#define ERR_PRINTF(n) __attribute__((format(printf, n, n + 1)))

/*
 * Both return -1, so that "return err_set(...)" reads as failing; e may be
 * NULL. The text is cut at its end when it is too long. err_set clears
 * sqlstate and detail; err_prefix keeps everything and puts its words and
 * ": " before the text. The arguments may point into *e.
 */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
    ERR_PRINTF(3);
int err_prefix(struct err *e, const char *fmt, ...) ERR_PRINTF(2);

/* Never NULL; "no error" for ERR_NONE and for NULL. */
const char *err_text(const struct err *e);

/* "none", "invalid", "not-found", ... for logs and metrics. */
const char *err_code_name(enum err_code code);

void err_clear(struct err *e);

#endif
