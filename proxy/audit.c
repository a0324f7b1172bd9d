/*
 *   {"id":7,...,"prev":"<hash of line 6>","hash":"<sha256 of all before>"}
 */
#include "proxy/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"

#define NAME "audit.log"
#define TAIL_BYTES 65536
/* ,"hash":"...64..."} */
#define SUFFIX_LEN (9 + 64 + 2)

struct audit {
	char *dir;
	char *path;
	int fd;
	int64_t max_bytes;
	int64_t size;
	char head[AUDIT_HASH_SIZE];
};

static void
hash_of(struct span text, char out[static AUDIT_HASH_SIZE])
{
	uint8_t sum[CRYPTO_SHA256_SIZE];
	STRBUF_AUTO hex = { 0 };

	crypto_sha256(text, sum);
	crypto_hex(span_make((const char *)sum, sizeof(sum)), &hex);
	(void)span_copy(strbuf_span(&hex), out, AUDIT_HASH_SIZE);
}

/* What the line says its hash is; false: it has none. */
static bool
said_hash(struct span line, char out[static AUDIT_HASH_SIZE])
{
	struct span end;

	out[0] = '\0';
	if (line.len < SUFFIX_LEN)
		return false;
	end = span_skip(line, line.len - SUFFIX_LEN);
	if (!span_starts(end, ",\"hash\":\"") || !span_ends(end, "\"}"))
		return false;
	return span_copy(span_make(end.at + 9, AUDIT_HASH_SIZE - 1), out,
			 AUDIT_HASH_SIZE);
}

static void
take_line(struct audit *a, struct span line, audit_line_fn *fn, void *ctx)
{
	JSON_AUTO doc = json_read(line, NULL);
	char hash[AUDIT_HASH_SIZE];

	if (said_hash(line, hash))
		memcpy(a->head, hash, sizeof(a->head));
	if (json_is_object(doc))
		fn(ctx, doc);
}

static int
fault(const char *path, struct err *e)
{
	return err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
}

/* Tells the lines at the end; *whole: where the last of them ends. */
static int
read_tail(struct audit *a, int fd, off_t *whole, audit_line_fn *fn, void *ctx)
{
	off_t size = lseek(fd, 0, SEEK_END);
	off_t from = size > TAIL_BYTES ? size - TAIL_BYTES : 0;
	char *buf = mem_alloc(TAIL_BYTES);
	ssize_t n = size < 0 ? -1 : pread(fd, buf, TAIL_BYTES, from);
	struct span rest = span_make(buf, n > 0 ? (size_t)n : 0), line;

	while (rest.len > 0 && rest.at[rest.len - 1] != '\n')
		rest.len--;
	*whole = from + (off_t)rest.len;
	/* The first piece may be the end of a line. */
	if (from > 0)
		(void)span_cut(&rest, '\n', &line);
	while (rest.len > 0 && span_cut(&rest, '\n', &line))
		take_line(a, line, fn, ctx);
	mem_free(buf);
	return n < 0 ? -1 : 0;
}

/* After a rotation the newest line stands in the file before. */
static void
read_former(struct audit *a, audit_line_fn *fn, void *ctx)
{
	char *path = mem_printf("%s.1", a->path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t whole;

	if (fd >= 0) {
		(void)read_tail(a, fd, &whole, fn, ctx);
		close(fd);
	}
	mem_free(path);
}

static int
open_file(struct audit *a, struct err *e)
{
	struct stat st;

	a->fd = open(a->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (a->fd < 0 || fstat(a->fd, &st) < 0)
		return fault(a->path, e);
	a->size = st.st_size;
	return 0;
}

struct audit *
audit_open(const char *dir, int64_t max_bytes, audit_line_fn *fn, void *ctx,
	   struct err *e)
{
	struct audit *a = mem_new(struct audit);
	off_t whole = 0;

	a->dir = mem_strdup(dir);
	a->path = mem_printf("%s/" NAME, dir);
	a->max_bytes = max_bytes;
	if (open_file(a, e) < 0) {
		audit_close(&a);
		return NULL;
	}
	if (a->size == 0)
		read_former(a, fn, ctx);
	if (read_tail(a, a->fd, &whole, fn, ctx) < 0 ||
	    (whole < a->size && ftruncate(a->fd, whole) < 0)) {
		fault(a->path, e);
		audit_close(&a);
		return NULL;
	}
	if (whole < a->size)
		log_warn("audit", "file=%s cut_bytes=%lld", a->path,
			 (long long)(a->size - whole));
	a->size = whole;
	return a;
}

void
audit_close(struct audit **ap)
{
	struct audit *a = *ap;

	*ap = NULL;
	if (a == NULL)
		return;
	if (a->fd >= 0)
		close(a->fd);
	mem_free(a->dir);
	mem_free(a->path);
	mem_free(a);
}

const char *
audit_head(const struct audit *a)
{
	return a->head;
}

/* What cannot be moved stays: the file then grows beyond its limit. */
static void
rotate(struct audit *a)
{
	struct err e = { 0 };

	for (int i = AUDIT_FILES - 1; i >= 0; i--) {
		char *from = i > 0 ? mem_printf("%s.%d", a->path, i)
				   : mem_strdup(a->path);
		char *to = mem_printf("%s.%d", a->path, i + 1);

		if (rename(from, to) < 0 && errno != ENOENT)
			log_error("audit", "file=%s error=\"%s\"", from,
				  strerror(errno));
		mem_free(from);
		mem_free(to);
	}
	close(a->fd);
	if (open_file(a, &e) < 0)
		log_error("audit", "error=\"%s\"", err_text(&e));
}

int
audit_append(struct audit *a, json_t *event, struct err *e)
{
	STRBUF_AUTO line = { 0 };
	char hash[AUDIT_HASH_SIZE];

	if (a->size >= a->max_bytes)
		rotate(a);
	json_put_str(event, "prev", a->head);
	json_write(event, JSON_AS_MADE, &line);
	strbuf_cut(&line, line.len - 1);
	hash_of(strbuf_span(&line), hash);
	strbuf_addf(&line, ",\"hash\":\"%s\"}\n", hash);
	if (write(a->fd, line.at, line.len) != (ssize_t)line.len) {
		fault(a->path, e);
		/* A part of a line must not stay. */
		if (a->fd >= 0 && ftruncate(a->fd, a->size) < 0)
			log_error("audit", "file=%s error=\"%s\"", a->path,
				  strerror(errno));
		return -1;
	}
	a->size += (int64_t)line.len;
	memcpy(a->head, hash, sizeof(a->head));
	return 0;
}

/* --- the chain ---------------------------------------------------------- */

struct reader {
	struct audit_found *out;
	char file[32]; /* its last name, for people */
	uint64_t line;
	bool chained; /* a line with a hash came; from then on each has one */
	bool met;     /* the head that is looked for */
	const char *head;
};

static void
blame(struct reader *r, const char *what)
{
	if (r->out->fault[0] == '\0')
		snprintf(r->out->fault, sizeof(r->out->fault), "%s:%llu: %s",
			 r->file, (unsigned long long)r->line, what);
}

static void
check_link(struct reader *r, const json_t *doc)
{
	const char *prev = "";

	(void)json_get_str(doc, "prev", &prev, NULL);
	/* The oldest line that is kept has nothing before it. */
	if (r->chained && strcmp(prev, r->out->head) != 0)
		blame(r, "the line before it is not the one that it followed: "
			 "lines were taken out, put in or changed");
}

static void
check_line(struct reader *r, struct span line)
{
	char said[AUDIT_HASH_SIZE], real[AUDIT_HASH_SIZE];
	JSON_AUTO doc = json_read(line, NULL);
	int64_t id = 0;

	r->line++;
	r->out->lines++;
	if (!json_is_object(doc)) {
		blame(r, "not an event");
		return;
	}
	if (json_get_int(doc, "id", &id, NULL) == 1) {
		r->out->first = r->out->first == 0 ? id : r->out->first;
		r->out->last = id;
	}
	if (!said_hash(line, said)) {
		/* An earlier version wrote none. */
		if (r->chained)
			blame(r, "it has no hash");
		return;
	}
	hash_of(span_make(line.at, line.len - SUFFIX_LEN), real);
	if (strcmp(said, real) != 0)
		blame(r, "it was changed: its hash does not fit");
	check_link(r, doc);
	r->chained = true;
	memcpy(r->out->head, said, sizeof(said));
	r->met = r->met || strcmp(said, r->head) == 0;
}

static void
read_file(struct reader *r, const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t cap = 0;
	ssize_t n;

	snprintf(r->file, sizeof(r->file), "%s", strrchr(path, '/') + 1);
	r->line = 0;
	if (f == NULL) {
		blame(r, strerror(errno));
		return;
	}
	r->out->files++;
	while ((n = getline(&text, &cap, f)) > 0)
		check_line(r, span_trim(span_make(text, (size_t)n)));
	if (ferror(f))
		blame(r, strerror(errno));
	free(text);
	fclose(f);
}

void
audit_verify(const char *dir, const char *head, struct audit_found *out)
{
	struct reader r = { .out = out, .head = head };
	int files = 0;

	memset(out, 0, sizeof(*out));
	for (int i = AUDIT_FILES; i >= 0; i--) {
		char *path = i > 0 ? mem_printf("%s/" NAME ".%d", dir, i)
				   : mem_printf("%s/" NAME, dir);

		/* Before the oldest there is nothing; a gap is a fault. */
		if (files > 0 || i == 0 || access(path, F_OK) == 0) {
			read_file(&r, path);
			files++;
		}
		mem_free(path);
	}
	if (head[0] != '\0' && !r.met)
		blame(&r, "the newest event that the proxy wrote is not there");
	out->good = out->fault[0] == '\0';
}
