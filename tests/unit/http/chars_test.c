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

/* The wide loop and the narrow one agree, wherever the byte stands. */
static void
test_scans(void **state)
{
	char buf[70];

	for (int c = 0; c < 256; c++)
		for (size_t at = 0; at < sizeof(buf); at++) {
			const char *end = buf + sizeof(buf);
			const char *bad = class_by_rfc(c, HTTP_CHAR_VALUE)
					      ? end
					      : buf + at;
			const char *lf = c == '\n' ? buf + at : end;

			memset(buf, 'x', sizeof(buf));
			buf[at] = (char)c;
			assert_ptr_equal(http_chars_skip_value(buf, end), bad);
			assert_ptr_equal(http_chars_find_lf(buf, end), lf);
		}
	assert_ptr_equal(http_chars_skip_value(buf, buf), buf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_scans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
