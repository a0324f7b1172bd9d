/*
 * Configuration: any text loads, or is refused with the name of its file;
 * the raw reader gives each value within its limits.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct settings {
	const char *text;
	int64_t n, ms, bytes;
	bool on;
	int word;
};

static const char *const words[] = { "one", "two", NULL };

#define AT(member) offsetof(struct settings, member)
static const struct conf_key keys[] = {
	{ "a", "text", CONF_STRING, AT(text), "x", "h", 0, 0, NULL },
	{ "a", "n", CONF_INT, AT(n), "1", "h", 1, 9, NULL },
	{ "a", "ms", CONF_MS, AT(ms), "1s", "h", 0, 0, NULL },
	{ "b", "bytes", CONF_BYTES, AT(bytes), "1", "h", 0, 0, NULL },
	{ "b", "on", CONF_BOOL, AT(on), "on", "h", 0, 0, NULL },
	{ "b", "word", CONF_ENUM, AT(word), "one", "h", 0, 0, words },
};

static void
check_load(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct settings s = { 0 };
	struct err e = { 0 };
	char path[40];
	int fd = memfd_create("conf", MFD_CLOEXEC);
	struct conf_source from = { path, NULL };

	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (conf_load(&from, keys, sizeof(keys) / sizeof(keys[0]), &s, arena,
		      &e) == 0)
		assert(s.n >= 1 && s.n <= 9 && s.ms >= 0 && s.bytes >= 0 &&
		       s.word >= 0 && s.word <= 1 && s.text != NULL);
	else
		assert(span_starts(span_of(e.text), path));
	close(fd);
	arena_free(&arena);
}

static int
on_entry(void *ctx, const char *section, const char *key, const char *value,
	 struct err *e)
{
	size_t *calls = ctx;

	assert(section[0] != '\0' && (key == NULL) == (value == NULL));
	if (++*calls > 1000)
		return err_set(e, ERR_LIMIT, "enough");
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { 0 };
	size_t calls = 0;

	if (conf_read_text("f", span_make((const char *)data, size), on_entry,
			   &calls, &e) < 0)
		assert(span_starts(span_of(e.text), "f:"));
	check_load(data, size);
	return 0;
}
