#include "proxy/rewrite.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "proxy/request_data.h"

/* Never passed on; the rest of the hop-by-hop ones Connection names. */
static const uint64_t dropped = HTTP_FIELD_BIT(HTTP_FIELD_CONNECTION) |
				HTTP_FIELD_BIT(HTTP_FIELD_KEEP_ALIVE) |
				HTTP_FIELD_BIT(HTTP_FIELD_PROXY_CONNECTION) |
				HTTP_FIELD_BIT(HTTP_FIELD_PROXY_AUTHENTICATE) |
				HTTP_FIELD_BIT(HTTP_FIELD_PROXY_AUTHORIZATION) |
				HTTP_FIELD_BIT(HTTP_FIELD_TE) |
				HTTP_FIELD_BIT(HTTP_FIELD_TRANSFER_ENCODING) |
				HTTP_FIELD_BIT(HTTP_FIELD_UPGRADE) |
				HTTP_FIELD_BIT(HTTP_FIELD_GSB_EPOCH) |
				HTTP_FIELD_BIT(HTTP_FIELD_GSB_NOT_PROCESSED) |
				HTTP_FIELD_BIT(HTTP_FIELD_GSB_OTHER) |
				HTTP_FIELD_BIT(HTTP_FIELD_GSB_OUTCOME) |
				HTTP_FIELD_BIT(HTTP_FIELD_GSB_REQUEST) |
				HTTP_FIELD_BIT(HTTP_FIELD_GSB_SITE);
/* From a client: never believed, and 100 Continue is ours to say. */
static const uint64_t dropped_request =
    HTTP_FIELD_BIT(HTTP_FIELD_EXPECT) | HTTP_FIELD_BIT(HTTP_FIELD_FORWARDED) |
    HTTP_FIELD_BIT(HTTP_FIELD_X_FORWARDED_FOR) |
    HTTP_FIELD_BIT(HTTP_FIELD_X_FORWARDED_HOST) |
    HTTP_FIELD_BIT(HTTP_FIELD_X_FORWARDED_PROTO);

static char *
add(char *out, const char *from, size_t n)
{
	memcpy(out, from, n);
	return out + n;
}

static char *
add_span(char *out, struct span s)
{
	if (s.len > 0)
		memcpy(out, s.at, s.len);
	return out + s.len;
}

#define ADD(out, text) add((out), (text), sizeof(text) - 1)

static unsigned
digits_of(uint64_t n)
{
	unsigned digits = 1;

	for (; n >= 10000; n /= 10000)
		digits += 4;
	return digits + (n >= 10) + (n >= 100) + (n >= 1000);
}

size_t
rewrite_number(uint64_t n, char *out)
{
	static const char pairs[] = "00010203040506070809101112131415161718"
				    "19202122232425262728293031323334353637"
				    "38394041424344454647484950515253545556"
				    "57585960616263646566676869707172737475"
				    "76777879808182838485868788899091929394"
				    "9596979899";
	unsigned digits = digits_of(n);
	char *at = out + digits;

	for (; n >= 100; n /= 100) {
		at -= 2;
		memcpy(at, pairs + 2 * (n % 100), 2);
	}
	if (n >= 10)
		memcpy(out, pairs + 2 * n, 2);
	else
		out[0] = (char)('0' + n);
	return digits;
}

static bool
is_named(const struct http_head *h, struct span name)
{
	for (unsigned i = 0; i < h->nfields; i++) {
		struct span rest = h->fields[i].value, element;

		if (h->fields[i].id != HTTP_FIELD_CONNECTION)
			continue;
		while (http_list_next(&rest, &element))
			if (span_ieq(element, name))
				return true;
	}
	return false;
}

/* A body's length and the addressee are no one's to strip by naming them. */
static bool
may_be_named(enum http_field id)
{
	return id != HTTP_FIELD_CONTENT_LENGTH && id != HTTP_FIELD_HOST;
}

static bool
is_gone(const struct http_head *h, const struct http_line *l, uint64_t drop)
{
	if ((drop & HTTP_FIELD_BIT(l->id)) != 0)
		return true;
	return h->names_fields && may_be_named(l->id) && is_named(h, l->name);
}

bool
rewrite_passes(const struct http_head *h, const struct http_line *l)
{
	return !is_gone(h, l, dropped);
}

/* Copies the lines that stay, in runs; the fields in drop do not. */
static char *
add_lines(char *out, const struct http_head *h, uint64_t drop)
{
	const char *run = NULL;

	for (unsigned i = 0; i < h->nfields; i++) {
		const struct http_line *l = &h->fields[i];
		bool gone = (drop & HTTP_FIELD_BIT(l->id)) != 0;

		if (!gone && h->names_fields && may_be_named(l->id))
			gone = is_named(h, l->name);
		if (gone && run != NULL) {
			out = add(out, run, (size_t)(l->name.at - run));
			run = NULL;
		} else if (!gone && run == NULL) {
			run = l->name.at;
		}
	}
	if (run != NULL) {
		const struct http_line *l = &h->fields[h->nfields - 1];
		const char *end = l->value.at + l->value.len;

		out = add(out, run, (size_t)(end - run));
		out = ADD(out, "\r\n");
	}
	return out;
}

size_t
rewrite_request_size(const struct rewrite *in)
{
	return in->head_len + 3 * in->head->host.len + 512;
}

static char *
add_request_line(char *out, const struct http_head *h)
{
	out = add_span(out, h->method_text);
	*out++ = ' ';
	out = add_span(out, h->path);
	if (h->query.at != NULL) {
		*out++ = '?';
		out = add_span(out, h->query);
	}
	return ADD(out, " HTTP/1.1\r\n");
}

static char *
add_forwarded(char *out, const struct rewrite *in)
{
	struct span host = in->head->host;

	out = add_span(out, span_of(in->forwarded));
	if (host.len > 0) {
		out = ADD(out, "X-Forwarded-Host: ");
		out = add_span(out, host);
		out = ADD(out, "\r\n");
	}
	out = ADD(out, "Forwarded: for=");
	out = add_span(out, span_of(in->address));
	out = ADD(out, ";proto=");
	out = add_span(out, span_of(in->proto));
	if (host.len > 0) {
		out = ADD(out, ";host=\"");
		out = add_span(out, host);
		*out++ = '"';
	}
	return ADD(out, "\r\n");
}

size_t
rewrite_request(const struct rewrite *in, char *start)
{
	const struct http_head *h = in->head;
	bool own_host = h->form == HTTP_FORM_ORIGIN && h->host.len > 0;
	uint64_t drop = dropped | dropped_request;
	char *out = add_request_line(start, h);

	if (!own_host) {
		drop |= HTTP_FIELD_BIT(HTTP_FIELD_HOST);
		out = ADD(out, "Host: ");
		out = h->host.len > 0 ? add_span(out, h->host)
				      : ADD(out, "localhost");
		out = ADD(out, "\r\n");
	}
	out = add_lines(out, h, drop);
	if (h->body == HTTP_BODY_CHUNKED)
		out = ADD(out, "Transfer-Encoding: chunked\r\n");
	if (h->upgrade.len > 0) {
		out = ADD(out, "Connection: Upgrade\r\nUpgrade: ");
		out = add_span(out, h->upgrade);
		out = ADD(out, "\r\n");
	}
	out = add_forwarded(out, in);
	out = ADD(out, "GSB-Request: ");
	out = add(out, in->id, REQUEST_ID_SIZE);
	*out++ = ';';
	out += rewrite_number((uint64_t)in->stamp_us, out);
	out = ADD(out, "\r\n");
	return (size_t)(out - start);
}

void
rewrite_tail(char *out, uint64_t epoch, enum route_site site)
{
	char digits[20];
	size_t n = rewrite_number(epoch, digits);

	out = ADD(out, "GSB-Epoch: ");
	memset(out, ' ', 20 - n);
	memcpy(out + 20 - n, digits, n);
	out += 20;
	if (site == ROUTE_PRIMARY)
		ADD(out, "\r\nGSB-Site: primary\r\n\r\n");
	else
		ADD(out, "\r\nGSB-Site:  backup\r\n\r\n");
}

size_t
rewrite_answer_size(const struct http_head *head, size_t head_len)
{
	return head_len + head->upgrade.len + 128;
}

static char *
add_status_line(char *out, const struct http_head *h)
{
	out = ADD(out, "HTTP/1.1 ");
	*out++ = (char)('0' + h->status / 100);
	*out++ = (char)('0' + h->status / 10 % 10);
	*out++ = (char)('0' + h->status % 10);
	*out++ = ' ';
	out = add_span(out, h->reason);
	return ADD(out, "\r\n");
}

size_t
rewrite_answer(const struct http_head *h, enum rewrite_connection connection,
	       bool plain, char *start)
{
	char *out = add_status_line(start, h);

	out = add_lines(out, h, dropped);
	if (h->body == HTTP_BODY_CHUNKED && !plain)
		out = ADD(out, "Transfer-Encoding: chunked\r\n");
	switch (connection) {
	case REWRITE_SILENT:
		break;
	case REWRITE_CLOSE:
		out = ADD(out, "Connection: close\r\n");
		break;
	case REWRITE_KEEP:
		out = ADD(out, "Connection: keep-alive\r\n");
		break;
	case REWRITE_UPGRADE:
		out = ADD(out, "Connection: Upgrade\r\nUpgrade: ");
		out = add_span(out, h->upgrade);
		out = ADD(out, "\r\n");
		break;
	}
	out = ADD(out, "\r\n");
	return (size_t)(out - start);
}

size_t
rewrite_forwarded(const char *address, const char *proto,
		  char out[static REWRITE_FORWARDED_SIZE])
{
	int n = snprintf(out, REWRITE_FORWARDED_SIZE,
			 "X-Forwarded-For: %s\r\nX-Forwarded-Proto: %s\r\n",
			 address, proto);

	return n > 0 ? (size_t)n : 0;
}
