#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gsbctl/args.h"
#include "gsbctl/manual.h"

static char *
text_of(void (*print)(FILE *to))
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	print(f);
	fclose(f);
	return text;
}

static void
test_every_verb_is_explained(void **state)
{
	const char *first, *second;

	for (size_t i = 0; args_verb_words(i, &first, &second); i++)
		if (strcmp(first, "help") != 0 &&
		    strstr(args_help, first) == NULL)
			fail_msg("%s is not in the help", first);
}

/* GSB_WRITE_DOCS=1 writes it again. */
static void
test_the_page_in_docs_is_this(void **state)
{
	const char *path = GSB_SOURCE_DIR "/docs/gsbctl.1";
	static char page[32768];
	char *right = text_of(manual_page);
	FILE *f;

	if (getenv("GSB_WRITE_DOCS") != NULL) {
		f = fopen(path, "we");
		assert_non_null(f);
		fputs(right, f);
		fclose(f);
	}
	f = fopen(path, "re");
	assert_non_null(f);
	page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
	fclose(f);
	if (strcmp(page, right) != 0)
		fail_msg("docs/gsbctl.1 is not what gsbctl says: "
			 "GSB_WRITE_DOCS=1 build/asan/bin/unit/gsbctl-manual");
	free(right);
}

static void
test_bash_completes(void **state)
{
	static const char asked[] =
	    "COMP_WORDS=(gsbctl maintenance s); COMP_CWORD=2; _gsbctl; "
	    "echo \"${COMPREPLY[@]}\"; COMP_WORDS=(gsbctl failo); "
	    "COMP_CWORD=1; _gsbctl; echo \"${COMPREPLY[@]}\"; "
	    "COMP_WORDS=(gsbctl pause --exp); COMP_CWORD=2; _gsbctl; "
	    "echo \"${COMPREPLY[@]}\"";
	char *script = text_of(manual_completion);
	char path[] = "/tmp/manual_test.XXXXXX", command[96], said[256];
	FILE *f = fdopen(mkstemp(path), "w");

	fprintf(f, "%s\n%s\n", script, asked);
	fclose(f);
	snprintf(command, sizeof(command), "bash %s", path);
	f = popen(command, "r");
	said[fread(said, 1, sizeof(said) - 1, f)] = '\0';
	assert_int_equal(pclose(f), 0);
	remove(path);
	assert_string_equal(said, "start status\nfailover\n--expires-in\n");
	free(script);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_verb_is_explained),
		cmocka_unit_test(test_the_page_in_docs_is_this),
		cmocka_unit_test(test_bash_completes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
