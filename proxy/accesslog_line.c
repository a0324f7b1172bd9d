/*
 * One line of the access log. Written by hand: it is made for each request,
 * and printf would cost more than the rest of the log.
 */
#include <string.h>

#include "base/clock.h"
#include "proxy/accesslog.h"
#include "proxy/rewrite.h"

#define TARGET_MAX 1024 /* bytes of a target that are shown */

static char *
add(char *out, const char *text)
{
	size_t n = strlen(text);

	memcpy(out, text, n);
	return out + n;
}

#define ADD(out, text) \
	((char *)memcpy((out), (text), sizeof(text) - 1) + sizeof(text) - 1)

static char *
add_bytes(char *out, struct span s)
{
	if (s.len > 0)
		memcpy(out, s.at, s.len);
	return out + s.len;
}

static char *
add_number(char *out, int64_t n)
{
	if (n < 0) {
		*out++ = '-';
		n = -n;
	}
	return out + rewrite_number((uint64_t)n, out);
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
#define HAS_ZERO(v) (((v)-EACH(1)) & ~(v)&EACH(0x80))

/* Eight bytes that mean themselves, in JSON and in quoted words. */
static bool
is_plain(uint64_t v)
{
	uint64_t controls = (v - EACH(0x20)) & ~v;

	return (((v | controls) & EACH(0x80)) | HAS_ZERO(v ^ EACH('"')) |
		HAS_ZERO(v ^ EACH('\\')) | HAS_ZERO(v ^ EACH(0x7f))) == 0;
}

/* Escaped for JSON and for quoted words alike. */
static char *
add_text(char *out, struct span s)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = s.len < TARGET_MAX ? s.len : TARGET_MAX, i = 0;
	uint64_t eight;

	for (; n - i >= sizeof(eight); i += sizeof(eight)) {
		memcpy(&eight, s.at + i, sizeof(eight));
		if (!is_plain(eight))
			break;
		memcpy(out, &eight, sizeof(eight));
		out += sizeof(eight);
	}
	for (; i < n; i++) {
		unsigned char c = (unsigned char)s.at[i];

		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
			*out++ = (char)c;
			continue;
		}
		out = ADD(out, "\\u00");
		*out++ = hex[c >> 4];
		*out++ = hex[c & 15];
	}
	return out;
}

/* Tickets and passwords come in queries: names are shown, values are not. */
static size_t
hide_values(struct span target, char out[static TARGET_MAX])
{
	bool query = false, hidden = false;
	size_t n = 0;

	for (size_t i = 0; i < target.len && n < TARGET_MAX; i++) {
		char c = target.at[i];

		query = query || c == '?';
		if (c == '&')
			hidden = false;
		if (hidden)
			continue;
		out[n++] = c;
		hidden = query && c == '=';
		if (hidden && n < TARGET_MAX)
			out[n++] = '*';
	}
	return n;
}

static char *
add_target(char *out, struct span target)
{
	char shown[TARGET_MAX];

	if (target.len == 0 || memchr(target.at, '?', target.len) == NULL)
		return add_text(out, target);
	return add_text(out, span_make(shown, hide_values(target, shown)));
}

static char *
add_string(char *out, struct span s)
{
	*out++ = '"';
	out = add_text(out, s);
	*out++ = '"';
	return out;
}

/* The second does not change from line to line in a busy log. */
static char *
add_time(char *out, int64_t wall_us)
{
	static _Thread_local int64_t second = -1;
	static _Thread_local char text[CLOCK_ISO_SIZE];
	int64_t now = wall_us / 1000000;
	unsigned ms = (unsigned)(wall_us / 1000 % 1000);

	if (now != second) {
		clock_iso(now * 1000000, text);
		second = now;
	}
	memcpy(out, text, 20);
	out[20] = (char)('0' + ms / 100);
	out[21] = (char)('0' + ms / 10 % 10);
	out[22] = (char)('0' + ms % 10);
	out[23] = 'Z';
	return out + 24;
}

static char *
add_place(char *out, const struct accesslog_entry *e)
{
	if (e->site == NULL)
		return out;
	out = ADD(out, ",\"site\":\"");
	out = add(out, e->site);
	out = ADD(out, "\",\"service\":\"");
	out = add(out, e->service);
	out = ADD(out, "\",\"epoch\":");
	out = add_number(out, (int64_t)e->epoch);
	out = ADD(out, ",\"attempts\":");
	return add_number(out, e->attempts);
}

static char *
add_json(char *out, const struct accesslog_entry *e)
{
	out = ADD(out, "{\"time\":\"");
	out = add_time(out, e->wall_us);
	out = ADD(out, "\",\"client\":\"");
	out = add(out, e->client);
	out = ADD(out, "\",\"id\":");
	*out++ = '"';
	out = add_bytes(out, e->id); /* our own letters */
	*out++ = '"';
	out = ADD(out, ",\"method\":");
	out = add_string(out, e->method);
	out = ADD(out, ",\"target\":\"");
	out = add_target(out, e->target);
	*out++ = '"';
	out = ADD(out, ",\"protocol\":\"");
	out = add(out, e->protocol);
	out = ADD(out, "\",\"status\":");
	out = add_number(out, e->status);
	out = ADD(out, ",\"bytes_in\":");
	out = add_number(out, (int64_t)e->bytes_in);
	out = ADD(out, ",\"bytes_out\":");
	out = add_number(out, (int64_t)e->bytes_out);
	out = add_place(out, e);
	out = ADD(out, ",\"read_us\":");
	out = add_number(out, e->read_us);
	out = ADD(out, ",\"held_us\":");
	out = add_number(out, e->held_us);
	out = ADD(out, ",\"answer_us\":");
	out = add_number(out, e->answer_us);
	out = ADD(out, ",\"total_us\":");
	out = add_number(out, e->total_us);
	out = ADD(out, ",\"end\":\"");
	out = add(out, e->end);
	return ADD(out, "\"}\n");
}

/* [10/Oct/2000:13:55:36 +0000], as the common log format has it */
static char *
add_common_time(char *out, int64_t wall_us)
{
	char date[CLOCK_HTTP_SIZE];

	clock_http(wall_us, date); /* "Sun, 06 Nov 1994 08:49:37 GMT" */
	*out++ = '[';
	memcpy(out, date + 5, 2);
	out[2] = '/';
	memcpy(out + 3, date + 8, 3);
	out[6] = '/';
	memcpy(out + 7, date + 12, 4);
	out[11] = ':';
	memcpy(out + 12, date + 17, 8);
	return ADD(out + 20, " +0000]");
}

static char *
add_common(char *out, const struct accesslog_entry *e)
{
	out = add(out, e->client);
	out = ADD(out, " - - ");
	out = add_common_time(out, e->wall_us);
	out = ADD(out, " \"");
	out = add_text(out, e->method);
	*out++ = ' ';
	out = add_target(out, e->target);
	*out++ = ' ';
	out = add(out, e->protocol);
	out = ADD(out, "\" ");
	out = add_number(out, e->status);
	*out++ = ' ';
	out = add_number(out, (int64_t)e->bytes_out);
	*out++ = '\n';
	return out;
}

size_t
accesslog_line(enum plane_log_format format, const struct accesslog_entry *e,
	       char out[static ACCESSLOG_LINE_MAX])
{
	char *end = format == PLANE_LOG_JSON ? add_json(out, e)
					     : add_common(out, e);

	return (size_t)(end - out);
}
