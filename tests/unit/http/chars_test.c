#include "http/chars.h"

#include "base/unit.h"

/* Every entry again, from the grammar. */
static bool
class_by_rfc(int c, int class)
{
	bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		     (c >= 'A' && c <= 'Z');

	switch (class) {
	case HTTP_CHAR_TOKEN: /* RFC 9110 5.6.2 */
		return alnum || (c != 0 && strchr("!#$%&'*+-.^_`|~", c));
	case HTTP_CHAR_VALUE: /* RFC 9110 5.5 */
		return c == '\t' || c == ' ' || (c >= 0x21 && c <= 0x7e) ||
		       c >= 0x80;
	case HTTP_CHAR_TARGET:
		return c > 0x20 && c < 0x7f && !strchr("\"#<>", c);
	case HTTP_CHAR_HOST: /* RFC 3986 3.2.2 */
		return alnum || (c != 0 && strchr("-._~!$&'()*+,;=%", c));
	default:
		return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
		       (c >= 'A' && c <= 'F');
	}
}

static void
test_classes(void **state)
{
	for (int c = 0; c < 256; c++)
		for (int class = 1; class <= HTTP_CHAR_HEX; class *= 2)
			if (http_char_is((char)c, class) !=
			    class_by_rfc(c, class))
				fail_msg("byte %d, class %d", c, class);
}

/* All between begin and end are "x", save perhaps the one at hit. */
static void
check_scans(const char *begin, const char *end, const char *hit)
{
	int c = (unsigned char)*hit;

	assert_ptr_equal(http_chars_skip_token(begin, begin, end),
			 class_by_rfc(c, HTTP_CHAR_TOKEN) ? end : hit);
	assert_ptr_equal(http_chars_skip_value(begin, begin, end),
			 class_by_rfc(c, HTTP_CHAR_VALUE) ? end : hit);
	assert_ptr_equal(http_chars_skip_target(begin, begin, end),
			 class_by_rfc(c, HTTP_CHAR_TARGET) ? end : hit);
	assert_ptr_equal(http_chars_find_end(begin, begin, end),
			 c == '\n' ? hit : end);
}

/* The wide loop and the narrow one agree, wherever the byte stands. */
static void
test_scans(void **state)
{
	char buf[70];

	for (int c = 0; c < 256; c++)
		for (size_t at = 0; at < sizeof(buf); at++) {
			const char *end = buf + sizeof(buf);
			const char *hit = buf + at;

			memset(buf, 'x', sizeof(buf));
			buf[at] = (char)c;
			check_scans(buf, end, hit);
			check_scans(hit, end, hit);
			check_scans(buf, hit + 1, hit);
		}
	assert_ptr_equal(http_chars_skip_value(buf, buf, buf), buf);
}

/* By the words of head.h, a byte at a time. */
static size_t
end_by_words(const char *buf, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (buf[i] == '\n' && (i == 0 || buf[i - 1] != '\r' || i == 1 ||
				       buf[i - 2] == '\n'))
			break;
	return i;
}

/* All texts of a few of the bytes that matter, in the middle of others. */
static void
test_ends(void **state)
{
	static const char letters[] = { '\r', '\n', 'x' };
	char buf[40];

	for (size_t at = 0; at + 6 <= sizeof(buf); at++)
		for (unsigned n = 0; n < 729; n++) {
			size_t want;

			memset(buf, 'x', sizeof(buf));
			for (unsigned k = 0, left = n; k < 6; k++, left /= 3)
				buf[at + k] = letters[left % 3];
			want = end_by_words(buf, sizeof(buf));
			assert_ptr_equal(
			    http_chars_find_end(buf, buf, buf + sizeof(buf)),
			    buf + want);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_scans),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
