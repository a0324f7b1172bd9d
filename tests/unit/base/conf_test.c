#include "base/conf.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "base/unit.h"

struct settings {
	const char *conninfo;
	int64_t timeout_ms;
	int64_t port;
	int64_t body_bytes;
	bool sync;
	int mode;
};

static const char *const modes[] = { "auto", "window", "manual", NULL };

#define AT(member) offsetof(struct settings, member)
static const struct conf_key keys[] = {
	{ "db", "conninfo", CONF_STRING, AT(conninfo), NULL,
	  "how to reach the database", 0, 0, NULL },
	{ "db", "timeout", CONF_MS, AT(timeout_ms), "2s", "for a statement",
	  100, 60000, NULL },
	{ "db", "sync", CONF_BOOL, AT(sync), "on", "wait for the peer", 0, 0,
	  NULL },
	{ "listen", "port", CONF_INT, AT(port), "8080", "TCP port", 1, 65535,
	  NULL },
	{ "listen", "body", CONF_BYTES, AT(body_bytes), "1MiB", "largest body",
	  0, 0, NULL },
	{ "listen", "mode", CONF_ENUM, AT(mode), "auto", "fail-back", 0, 0,
	  modes },
};

struct fixture {
	struct arena *arena;
	char path[40];
	struct settings got;
	struct err e;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fd;

	assert_non_null(f);
	f->arena = arena_new();
	snprintf(f->path, sizeof(f->path), "/tmp/conf-test-XXXXXX");
	fd = mkstemp(f->path);
	assert_true(fd >= 0);
	close(fd);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(&f->arena);
	unlink(f->path);
	free(f);
	return 0;
}

static int
load(struct fixture *f, const char *text, const char *const *overrides)
{
	struct conf_source from = { f->path, overrides };
	FILE *file = fopen(f->path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return conf_load(&from, keys, UNIT_COUNT(keys), &f->got, f->arena,
			 &f->e);
}

static void
test_all_kinds(void **state)
{
	struct fixture *f = *state;

	unit_works(load(f,
			"\xef\xbb\xbf; words\n[db]\nconninfo = host=/run ; #x\n"
			"timeout=500ms\nsync = No\n\n# more\n[listen]\r\n"
			"port: 443\r\nbody = 64KiB\nmode = manual",
			NULL),
		   &f->e);
	assert_string_equal(f->got.conninfo, "host=/run ; #x");
	assert_int_equal(f->got.timeout_ms, 500);
	assert_false(f->got.sync);
	assert_int_equal(f->got.port, 443);
	assert_int_equal(f->got.body_bytes, 65536);
	assert_int_equal(f->got.mode, 2);
}

static void
test_defaults_and_overrides(void **state)
{
	static const char *const overrides[] = { "db.conninfo=a=b.c",
						 "listen.port=1", NULL };
	struct fixture *f = *state;
	struct conf_source none = { NULL, overrides };

	unit_works(load(f, "[listen]\nport = 2\n", overrides), &f->e);
	assert_string_equal(f->got.conninfo, "a=b.c");
	assert_int_equal(f->got.port, 1);
	assert_int_equal(f->got.timeout_ms, 2000);
	assert_true(f->got.sync);
	assert_int_equal(f->got.body_bytes, 1 << 20);
	assert_int_equal(f->got.mode, 0);
	unit_works(
	    conf_load(&none, keys, UNIT_COUNT(keys), &f->got, f->arena, &f->e),
	    &f->e);
}

static void
test_a_value_goes_on(void **state)
{
	struct fixture *f = *state;

	unit_works(load(f,
			"[db]\nconninfo = host=x\n\n  ; words\n\tport=5\n"
			"    dbname=y\ntimeout = 1s\n",
			NULL),
		   &f->e);
	assert_string_equal(f->got.conninfo, "host=x port=5 dbname=y");
	assert_int_equal(f->got.timeout_ms, 1000);
}

static void
refuses(struct fixture *f, const char *text, const char *part)
{
	unit_fails(load(f, text, NULL), &f->e, part);
	if (strncmp(err_text(&f->e), f->path, strlen(f->path)) != 0)
		fail_msg("%s: does not name the file", err_text(&f->e));
}

static void
test_mistakes_in_the_form(void **state)
{
	struct fixture *f = *state;

	refuses(f, "[db]\nwords alone\n",
		":2: is neither [section] nor key = value");
	refuses(f, "[db\n", ":1: the section has no ]");
	refuses(f, "[]\n", ":1: a section is [NAME]");
	refuses(f, "[db] x\n", ":1: nothing may follow the ]");
	refuses(f, "port = 1\n", ":1: a key stands before the first");
	refuses(f, "[db]\n  conninfo = x\n", ":2: an indented line continues");
	refuses(f, "[db]\nconninfo = x\n [listen]\n",
		":3: a section must start its line");
	refuses(f, "[db]\n= x\n", ":2: ");
	refuses(f, "", "key conninfo is missing in [db]: how to reach");
}

static void
test_mistakes_in_the_content(void **state)
{
	struct fixture *f = *state;

	refuses(f, "[bd]\n", ":1: unknown section [bd]; did you mean [db]?");
	refuses(f, "[listen]\nprot = 1\n",
		":2: unknown key prot in [listen]; did you mean port?");
	refuses(f, "[db]\nport = 1\n", ":2: unknown key port in [db]");
	refuses(f, "[db]\ntimeout = 1s\n[listen]\n[db]\ntimeout = 2s\n",
		":5: timeout occurs twice in [db]");
	refuses(f, "[listen]\nport = 0\n",
		":2: port: 0 is out of range; it must be from 1 to 65535");
	refuses(f, "[listen]\nport = 80 ; x\n",
		":2: port: \"80 ; x\" is not a whole number");
	refuses(f, "[db]\ntimeout = 5\n", "write it like 500ms, 2s");
	refuses(f, "[db]\ntimeout = 99ms\n", "from 100 to 60000 ms");
	refuses(f, "[db]\ntimeout = -1s\n", "is not a time");
	refuses(f, "[db]\ntimeout = 99999999999999999d\n", "is not a time");
	refuses(f, "[db]\nsync = maybe\n", "neither on nor off");
	refuses(f, "[listen]\nbody = 1MB\n", "write it like 100, 64KiB");
	refuses(f, "[listen]\nmode = x\n",
		"\"x\" is none of auto, window, manual");
}

static void
test_mistakes_in_overrides(void **state)
{
	static const char *const bad[][2] = {
		{ "listen.port", "is not section.key=value" },
		{ "port=1", "is not section.key=value" },
		{ "listen.prt=1", "did you mean port?" },
		{ "lisen.port=1", "did you mean [listen]?" },
		{ "listen.port=x", "is not a whole number" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < UNIT_COUNT(bad); i++) {
		const char *const list[] = { bad[i][0], NULL };

		unit_fails(load(f, "[db]\nconninfo=x\n", list), &f->e,
			   bad[i][1]);
		assert_non_null(strstr(err_text(&f->e), bad[i][0]));
	}
}

static void
test_long_lines(void **state)
{
	struct fixture *f = *state;
	STRBUF_AUTO text = { 0 };
	char *at;

	strbuf_adds(&text, "[db]\nconninfo = ");
	at = strbuf_reserve(&text, 5000);
	memset(at, 'x', 3989);
	text.len += 3989;
	strbuf_adds(&text, "\n");
	unit_works(load(f, strbuf_text(&text), NULL), &f->e);
	assert_int_equal(strlen(f->got.conninfo), 3989);
	strbuf_cut(&text, text.len - 1);
	strbuf_adds(&text, "y\n");
	refuses(f, strbuf_text(&text), ":2: the line has more than 4000");
}

static void
test_files_that_are_none(void **state)
{
	struct fixture *f = *state;
	struct conf_source from = { "/nowhere/x.conf", NULL };

	unit_fails(
	    conf_load(&from, keys, UNIT_COUNT(keys), &f->got, f->arena, &f->e),
	    &f->e, "/nowhere/x.conf: No such file");
	assert_int_equal(f->e.code, ERR_NOT_FOUND);
	from.path = "/tmp";
	unit_fails(
	    conf_load(&from, keys, UNIT_COUNT(keys), &f->got, f->arena, &f->e),
	    &f->e, "/tmp: is not a regular file");
}

/* The sample loads once its required key is filled in. */
static void
test_sample(void **state)
{
	struct fixture *f = *state;
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	char *at;

	conf_print_sample(to, keys, UNIT_COUNT(keys));
	fclose(to);
	assert_non_null(strstr(text, "; wait for the peer\n;sync = on\n"));
	assert_non_null(strstr(text, "; one of: auto window manual\n"));
	at = strstr(text, ";conninfo =");
	assert_non_null(at);
	*at = ' ';
	memmove(at, at + 1, strlen(at));
	unit_works(load(f, text, NULL), &f->e);
	free(text);
}

static int
on_entry(void *ctx, const char *section, const char *key, const char *value,
	 struct err *e)
{
	strbuf_addf(ctx, "%s/%s=%s|", section, key ? key : "-",
		    value ? value : "-");
	if (key != NULL && strcmp(key, "bad") == 0)
		return err_set(e, ERR_INVALID, "refused here");
	return 0;
}

static void
test_read(void **state)
{
	STRBUF_AUTO seen = { 0 };
	struct err e = { 0 };

	unit_works(conf_read_text("t.ini",
				  span_of("[table a]\nx = 1\n[table b]\n"
					  "[table b]\nx =\n"),
				  on_entry, &seen, &e),
		   &e);
	assert_string_equal(strbuf_text(&seen),
			    "table a/-=-|table a/x=1|table b/-=-|"
			    "table b/-=-|table b/x=|");
	strbuf_reset(&seen);
	unit_fails(conf_read_text("t.ini",
				  span_of("[a]\n\nbad = 1\n y\nz = 1\n"),
				  on_entry, &seen, &e),
		   &e, "t.ini:3: refused here");
	assert_string_equal(strbuf_text(&seen), "a/-=-|a/bad=1 y|");
	unit_fails(conf_read_text("t.ini", span_make("[a]\nx = \0y\n", 11),
				  on_entry, &seen, &e),
		   &e, "t.ini:2: the line holds a NUL byte");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_all_kinds),
		TEST(test_defaults_and_overrides),
		TEST(test_a_value_goes_on),
		TEST(test_mistakes_in_the_form),
		TEST(test_mistakes_in_the_content),
		TEST(test_mistakes_in_overrides),
		TEST(test_long_lines),
		TEST(test_files_that_are_none),
		TEST(test_sample),
		cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
