#include "base/strbuf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static void
grow(struct strbuf *sb, size_t n)
{
	size_t cap = sb->cap > 0 ? sb->cap : 64;

	assert(n < SIZE_MAX / 4 - sb->len);
	while (cap - sb->len < n + 1)
		cap *= 2;
	sb->at = mem_resize(sb->at, cap, cap);
	sb->cap = cap;
	sb->at[sb->len] = '\0';
}

char *
strbuf_reserve(struct strbuf *sb, size_t n)
{
	if (sb->cap - sb->len <= n)
		grow(sb, n);
	return sb->at + sb->len;
}

void
strbuf_add(struct strbuf *sb, const void *from, size_t n)
{
	char *to = strbuf_reserve(sb, n);

	if (n > 0)
		memcpy(to, from, n);
	sb->len += n;
	sb->at[sb->len] = '\0';
}

void
strbuf_addc(struct strbuf *sb, char c)
{
	strbuf_add(sb, &c, 1);
}

void
strbuf_adds(struct strbuf *sb, const char *text)
{
	strbuf_add(sb, text, strlen(text));
}

void
strbuf_addi(struct strbuf *sb, int64_t number)
{
	uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
	char text[20];
	size_t at = sizeof(text);

	do
		text[--at] = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	if (number < 0)
		text[--at] = '-';
	strbuf_add(sb, text + at, sizeof(text) - at);
}

void
strbuf_add_span(struct strbuf *sb, struct span s)
{
	strbuf_add(sb, s.at, s.len);
}

void
strbuf_addf(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(sb, fmt, ap);
	va_end(ap);
}

void
strbuf_addv(struct strbuf *sb, const char *fmt, va_list ap)
{
	size_t room = sb->cap - sb->len;
	va_list again;
	int n;

	/* mostly it fits into what is there; else its length is known now */
	va_copy(again, ap);
	n = vsnprintf(room > 0 ? sb->at + sb->len : NULL, room, fmt, ap);
	assert(n >= 0);
	if ((size_t)n >= room)
		vsnprintf(strbuf_reserve(sb, (size_t)n), (size_t)n + 1, fmt,
			  again);
	va_end(again);
	sb->len += (size_t)n;
}

void
strbuf_consume(struct strbuf *sb, size_t n)
{
	assert(n <= sb->len);
	if (n == 0)
		return;
	memmove(sb->at, sb->at + n, sb->len - n);
	strbuf_cut(sb, sb->len - n);
}

void
strbuf_cut(struct strbuf *sb, size_t len)
{
	assert(len <= sb->len);
	sb->len = len;
	if (sb->at != NULL)
		sb->at[len] = '\0';
}

void
strbuf_reset(struct strbuf *sb)
{
	strbuf_cut(sb, 0);
}

void
strbuf_fini(struct strbuf *sb)
{
	mem_free(sb->at);
	*sb = (struct strbuf){ 0 };
}

char *
strbuf_take(struct strbuf *sb)
{
	char *text = strbuf_reserve(sb, 0) - sb->len;

	*sb = (struct strbuf){ 0 };
	return text;
}
