#include "proxy/hpack.h"

#include <string.h>

#include "base/mem.h"

/* RFC 7541 4.1, 4.2 */
#define ENTRY 32
#define TABLE 4096
/* RFC 7541 Appendix A */
#define STATIC_ENTRIES 61
#define STATIC_STATUS 8
/* First bytes: RFC 7541 6. */
#define INDEXED 0x80
#define INSERTED 0x40
#define RESIZED 0x20
#define NEVER 0x10
#define LITERAL 0x00

static const uint8_t static_names[HTTP_FIELD_COUNT] = {
	[HTTP_FIELD_ACCEPT] = 19,
	[HTTP_FIELD_ACCEPT_ENCODING] = 16,
	[HTTP_FIELD_AUTHORIZATION] = 23,
	[HTTP_FIELD_CACHE_CONTROL] = 24,
	[HTTP_FIELD_CONTENT_ENCODING] = 26,
	[HTTP_FIELD_CONTENT_LENGTH] = 28,
	[HTTP_FIELD_CONTENT_TYPE] = 31,
	[HTTP_FIELD_COOKIE] = 32,
	[HTTP_FIELD_DATE] = 33,
	[HTTP_FIELD_ETAG] = 34,
	[HTTP_FIELD_EXPECT] = 35,
	[HTTP_FIELD_HOST] = 38,
	[HTTP_FIELD_IF_MODIFIED_SINCE] = 40,
	[HTTP_FIELD_IF_NONE_MATCH] = 41,
	[HTTP_FIELD_LINK] = 45,
	[HTTP_FIELD_LOCATION] = 46,
	[HTTP_FIELD_PROXY_AUTHENTICATE] = 48,
	[HTTP_FIELD_PROXY_AUTHORIZATION] = 49,
	[HTTP_FIELD_RANGE] = 50,
	[HTTP_FIELD_REFERER] = 51,
	[HTTP_FIELD_RETRY_AFTER] = 53,
	[HTTP_FIELD_SERVER] = 54,
	[HTTP_FIELD_SET_COOKIE] = 55,
	[HTTP_FIELD_TRANSFER_ENCODING] = 57,
	[HTTP_FIELD_USER_AGENT] = 58,
	[HTTP_FIELD_VIA] = 60,
};

/* Mostly others each time: they would only drive out what comes again. */
static const uint64_t differing = HTTP_FIELD_BIT(HTTP_FIELD_CONTENT_LENGTH) |
				  HTTP_FIELD_BIT(HTTP_FIELD_ETAG) |
				  HTTP_FIELD_BIT(HTTP_FIELD_LOCATION) |
				  HTTP_FIELD_BIT(HTTP_FIELD_RANGE) |
				  HTTP_FIELD_BIT(HTTP_FIELD_SET_COOKIE);
/* Nobody on the way may put them into a table either (RFC 7541 7.1.3). */
static const uint64_t secret = HTTP_FIELD_BIT(HTTP_FIELD_SET_COOKIE);

struct hpack *
hpack_new(void)
{
	struct hpack *t = mem_new(struct hpack);

	t->max = TABLE;
	return t;
}

void
hpack_free(struct hpack **t)
{
	mem_free(*t);
	*t = NULL;
}

/* RFC 7541 5.1; kind: the bits before those of the number. */
static char *
add_number(char *out, unsigned kind, unsigned bits, size_t n)
{
	size_t most = ((size_t)1 << bits) - 1;

	if (n < most) {
		*out++ = (char)(kind | n);
		return out;
	}
	*out++ = (char)(kind | most);
	for (n -= most; n >= 128; n >>= 7)
		*out++ = (char)(0x80 | (n & 0x7f));
	*out++ = (char)n;
	return out;
}

char *
hpack_status(char *out, unsigned status)
{
	static const unsigned known[] = { 200, 204, 206, 304, 400, 404, 500 };

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] == status) {
			*out++ = (char)(INDEXED | (STATIC_STATUS + i));
			return out;
		}
	*out++ = LITERAL | STATIC_STATUS;
	*out++ = 3;
	*out++ = (char)('0' + status / 100);
	*out++ = (char)('0' + status / 10 % 10);
	*out++ = (char)('0' + status % 10);
	return out;
}

/* Eight letters in one go: those from A to Z get the bit of small ones. */
static uint64_t
small(uint64_t x)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t low = x & 0x7f * each;
	uint64_t from_a = low + (0x80 - 'A') * each;
	uint64_t past_z = low + (0x80 - 'Z' - 1) * each;

	return x | (from_a & ~past_z & ~x & 0x80 * each) >> 2;
}

char *
hpack_small(char *out, struct span name)
{
	uint64_t eight;
	size_t i = 0;

	for (; i + 8 <= name.len; i += 8) {
		memcpy(&eight, name.at + i, 8);
		eight = small(eight);
		memcpy(out + i, &eight, 8);
	}
	for (; i < name.len; i++) {
		char c = name.at[i];

		out[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
	}
	return out + name.len;
}

static char *
add_literal(char *out, const struct http_line *l, unsigned kind, unsigned bits)
{
	unsigned name = static_names[l->id];

	out = add_number(out, kind, bits, name);
	if (name == 0) {
		out = add_number(out, 0, 7, l->name.len);
		out = hpack_small(out, l->name);
	}
	out = add_number(out, 0, 7, l->value.len);
	if (l->value.len > 0)
		memcpy(out, l->value.at, l->value.len);
	return out + l->value.len;
}

/* By its length, its first and its last bytes; at least 8. Never 0. */
static uint32_t
tag_of(struct span line)
{
	uint64_t first, last;

	memcpy(&first, line.at, 8);
	memcpy(&last, line.at + line.len - 8, 8);
	first ^= last << 25 | last >> 39;
	return (uint32_t)(((first ^ line.len) * UINT64_C(0x9e3779b97f4a7c15)) >>
			  32) |
	       1;
}

/* Neither pushed out by newer ones nor by a smaller table. */
static bool
is_there(const struct hpack *t, const struct hpack_line *l)
{
	return l->start >= t->floor && t->total - l->start <= t->max;
}

static const struct hpack_line *
find(const struct hpack *t, uint32_t tag, struct span text)
{
	unsigned set = tag >> 29;

	for (unsigned i = 0; i < HPACK_WAYS; i++) {
		const struct hpack_line *l = &t->line[set][i];

		if (t->tags[set][i] == tag && l->len == text.len &&
		    memcmp(l->text, text.at, text.len) == 0 && is_there(t, l))
			return l;
	}
	return NULL;
}

/* Takes the place of the oldest of its set. */
static void
remember(struct hpack *t, uint32_t tag, struct span text, uint32_t size)
{
	unsigned set = tag >> 29, oldest = 0;
	struct hpack_line *l;

	for (unsigned i = 1; i < HPACK_WAYS; i++)
		if (t->line[set][i].start < t->line[set][oldest].start)
			oldest = i;
	l = &t->line[set][oldest];
	t->tags[set][oldest] = tag;
	l->start = t->total;
	l->number = t->lines++;
	l->len = (uint32_t)text.len;
	memcpy(l->text, text.at, text.len);
	t->total += size;
}

char *
hpack_field(struct hpack *t, char *out, const struct http_line *line)
{
	const char *end = line->value.at + line->value.len;
	struct span text = span_make(line->name.at,
				     (size_t)(end - line->name.at));
	uint32_t size = (uint32_t)(line->name.len + line->value.len + ENTRY);
	uint64_t bit = HTTP_FIELD_BIT(line->id);
	const struct hpack_line *known;
	uint32_t tag;

	if ((differing & bit) != 0)
		return add_literal(out, line,
				   (secret & bit) != 0 ? NEVER : LITERAL, 4);
	if (text.len < 8 || text.len > HPACK_LINE || size > t->max)
		return add_literal(out, line, LITERAL, 4);
	tag = tag_of(text);
	known = find(t, tag, text);
	if (known != NULL)
		return add_number(out, INDEXED, 7,
				  STATIC_ENTRIES + t->lines - known->number);
	remember(t, tag, text, size);
	return add_literal(out, line, INSERTED, 6);
}

static void
set_max(struct hpack *t, uint32_t max)
{
	uint32_t least = max < t->max ? max : t->max;

	/* What is gone does not come back when the table grows. */
	if (t->total > least && t->floor < t->total - least)
		t->floor = t->total - least;
	t->max = max;
}

/* RFC 7541 5.1 with 5 bits; *i is of its first byte. */
static uint32_t
read_number(const uint8_t *at, size_t len, size_t *i)
{
	uint32_t n = at[(*i)++] & 0x1f;
	bool more = n == 0x1f;

	for (unsigned shift = 0; more && *i < len; shift += 7) {
		n += (uint32_t)(at[*i] & 0x7f) << shift;
		more = (at[(*i)++] & 0x80) != 0;
	}
	return n;
}

size_t
hpack_resized(struct hpack *t, const uint8_t *block, size_t len)
{
	size_t i = 0;

	while (i < len && (block[i] & 0xe0) == RESIZED)
		set_max(t, read_number(block, len, &i));
	return i;
}
