/* Bytes as text and back: hex, base64, base64url. */
#include <string.h>

#include "base/crypto.h"

struct alphabet {
	const char *digits;
	bool padded;
};
static const struct alphabet plain = {
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", true
};
static const struct alphabet url = {
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
	false
};

void
crypto_hex(struct span data, struct strbuf *out)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < data.len; i++) {
		unsigned char c = (unsigned char)data.at[i];

		strbuf_addc(out, hex[c >> 4]);
		strbuf_addc(out, hex[c & 15]);
	}
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int
crypto_unhex(struct span text, struct strbuf *out)
{
	size_t was = out->len;

	if (text.len % 2 != 0)
		return -1;
	for (size_t i = 0; i < text.len; i += 2) {
		int high = hex_digit(text.at[i]);
		int low = hex_digit(text.at[i + 1]);

		if (high < 0 || low < 0) {
			strbuf_cut(out, was);
			return -1;
		}
		strbuf_addc(out, (char)(high << 4 | low));
	}
	return 0;
}

static void
encode(const struct alphabet *abc, struct span data, struct strbuf *out)
{
	for (size_t i = 0; i < data.len; i += 3) {
		size_t n = data.len - i < 3 ? data.len - i : 3;
		uint32_t bits = 0;

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 |
			       (k < n ? (unsigned char)data.at[i + k] : 0U);
		for (size_t k = 0; k <= n; k++)
			strbuf_addc(out,
				    abc->digits[bits >> (18 - 6 * k) & 63]);
		for (size_t k = n; k < 3 && abc->padded; k++)
			strbuf_addc(out, '=');
	}
}

/* Up to four digits without padding; false if they are not canonical. */
static bool
decode_group(const struct alphabet *abc, const char *at, size_t n,
	     struct strbuf *out)
{
	uint32_t bits = 0;

	for (size_t k = 0; k < 4; k++) {
		const char *hit = k < n ? memchr(abc->digits, at[k], 64)
					: abc->digits;

		if (hit == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(hit - abc->digits);
	}
	if (n < 2 || (n == 2 && (bits & 0xffff) != 0) ||
	    (n == 3 && (bits & 0xff) != 0))
		return false;
	for (size_t k = 0; k + 1 < n; k++)
		strbuf_addc(out, (char)(bits >> (16 - 8 * k) & 0xff));
	return true;
}

static int
decode(const struct alphabet *abc, struct span text, struct strbuf *out)
{
	size_t was = out->len;

	if (abc->padded) {
		if (text.len % 4 != 0)
			return -1;
		for (int k = 0; k < 2 && span_ends(text, "="); k++)
			text.len--;
	}
	for (size_t i = 0; i < text.len; i += 4) {
		size_t n = text.len - i < 4 ? text.len - i : 4;

		if (!decode_group(abc, text.at + i, n, out)) {
			strbuf_cut(out, was);
			return -1;
		}
	}
	return 0;
}

void
crypto_base64url(struct span data, struct strbuf *out)
{
	encode(&url, data, out);
}

int
crypto_unbase64url(struct span text, struct strbuf *out)
{
	return decode(&url, text, out);
}

void
crypto_base64(struct span data, struct strbuf *out)
{
	encode(&plain, data, out);
}

int
crypto_unbase64(struct span text, struct strbuf *out)
{
	return decode(&plain, text, out);
}
