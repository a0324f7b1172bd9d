#include "gsbctl/bar.h"

#include <string.h>

#include "base/unit.h"

static json_t *
running(const char *phase, int64_t bytes, int64_t rate)
{
	json_t *doc = json_object();

	json_put_str(doc, "phase", phase);
	json_put_int(doc, "files", 51);
	json_put_int(doc, "files_all", 301);
	json_put_int(doc, "bytes", bytes);
	json_put_int(doc, "bytes_all", 20 << 20);
	json_put_int(doc, "rate", rate);
	if (rate > 0)
		json_put_int(doc, "left_ms", 8000);
	return doc;
}

static void
shows(const char *phase, int64_t bytes, int64_t rate, size_t width,
      const char *want)
{
	JSON_AUTO doc = running(phase, bytes, rate);
	char text[BAR_SIZE];

	assert_string_equal(bar_text(doc, width, text), want);
}

static void
test_files_bytes_rate_time_left(void **state)
{
	shows("fetch", 5 << 20, 2 << 20, 79,
	      "[###.........] 51/301 files, 5.0 MiB of 20.0 MiB, "
	      "2.0 MiB/s, 8 s left");
	shows("fetch", 20 << 20, 2 << 20, 79,
	      "[############] 51/301 files, 20.0 MiB of 20.0 MiB, "
	      "2.0 MiB/s, 8 s left");
	/* nothing is known of the time yet */
	shows("fetch", 0, 0, 120,
	      "[..............................] 51/301 files, "
	      "0 B of 20.0 MiB");
}

static void
test_each_phase_is_said(void **state)
{
	shows("ask", 0, 0, 50,
	      "[............] asking the primary what there is");
	shows("compare", 0, 0, 0, "comparing with what is here");
	shows("show", 20 << 20, 0, 49,
	      "[############] making the new version visible");
}

/* A line that wraps cannot be written over. */
static void
test_it_fits(void **state)
{
	JSON_AUTO doc = running("fetch", 5 << 20, 2 << 20);
	char text[BAR_SIZE];

	for (size_t width = 1; width < 300; width++)
		assert_true(strlen(bar_text(doc, width, text)) <= width);
	assert_string_equal(bar_text(doc, 20, text), "51/301 files, 5.0 Mi");
	assert_string_equal(bar_text(doc, 0, text),
			    "51/301 files, 5.0 MiB of 20.0 MiB, "
			    "2.0 MiB/s, 8 s left");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_bytes_rate_time_left),
		cmocka_unit_test(test_each_phase_is_said),
		cmocka_unit_test(test_it_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
