/*
 * A growing text or byte buffer, { 0 } when empty. Never fails. at[len] is
 * NUL once anything was added; strbuf_text gives "" before that.
 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct strbuf {
	char *at;
	size_t len;
	size_t cap;
};

/* STRBUF_AUTO sb = { 0 };  it ends by itself at the end of its scope */
#define STRBUF_AUTO __attribute__((cleanup(strbuf_fini))) struct strbuf

/* Room for n more bytes and a NUL; returns where they go. */
char *strbuf_reserve(struct strbuf *sb, size_t n);

void strbuf_add(struct strbuf *sb, const void *from, size_t n);
void strbuf_addc(struct strbuf *sb, char c);
void strbuf_adds(struct strbuf *sb, const char *text);
void strbuf_addi(struct strbuf *sb, int64_t number); /* in decimal */
void strbuf_add_span(struct strbuf *sb, struct span s);
void strbuf_addf(struct strbuf *sb, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void strbuf_addv(struct strbuf *sb, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* The first n bytes go, the rest moves up. */
void strbuf_consume(struct strbuf *sb, size_t n);

/* Shortens to len bytes. */
void strbuf_cut(struct strbuf *sb, size_t len);

/* Empties it and keeps the memory / gives the memory back. */
void strbuf_reset(struct strbuf *sb);
void strbuf_fini(struct strbuf *sb);

/* Given: the text (never NULL, mem_free it); the buffer is empty after. */
char *strbuf_take(struct strbuf *sb);

static inline const char *
strbuf_text(const struct strbuf *sb)
{
	return sb->at != NULL ? sb->at : "";
}

static inline struct span
strbuf_span(const struct strbuf *sb)
{
	return span_make(strbuf_text(sb), sb->len);
}

#endif
