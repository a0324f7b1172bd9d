#include "proxy/authority.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/mem.h"
#include "io/work.h"

#define NAME "authority.json"
#define FILE_MAX 65536

/* One writing of it; all its own, for it may run in a thread. */
struct store {
	char *dir;
	char *path;
	char *temp;
	struct strbuf text;
	struct stat seen;
	struct err err;
	int done;
};

struct authority {
	struct work *storing;
	authority_stored_fn *fn;
	void *ctx;
	char *dir;
	char *path;
	char *temp;
	int lock;
	struct stat seen; /* of the file that we read or wrote last */
};

static void on_stored(void *ctx, void *job);

struct authority *
authority_open(const char *dir, struct err *e)
{
	struct authority *a = mem_new(struct authority);
	char *lock = mem_printf("%s/authority.lock", dir);

	a->dir = mem_strdup(dir);
	a->path = mem_printf("%s/" NAME, dir);
	a->temp = mem_printf("%s/" NAME ".new", dir);
	a->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (a->lock < 0) {
		err_set(e, ERR_IO, "%s: %s", lock, strerror(errno));
	} else if (flock(a->lock, LOCK_EX | LOCK_NB) < 0) {
		err_set(e, ERR_REFUSED,
			"%s: another proxy decides with this state_dir", lock);
		close(a->lock);
		a->lock = -1;
	}
	mem_free(lock);
	if (a->lock < 0)
		authority_close(&a);
	return a;
}

void
authority_close(struct authority **ap)
{
	struct authority *a = *ap;

	*ap = NULL;
	if (a == NULL)
		return;
	work_stop(&a->storing); /* nothing is written without the lock */
	if (a->lock >= 0)
		close(a->lock);
	mem_free(a->dir);
	mem_free(a->path);
	mem_free(a->temp);
	mem_free(a);
}

static void
checksum(const json_t *doc, struct strbuf *out)
{
	uint8_t sum[CRYPTO_SHA256_SIZE];
	STRBUF_AUTO text = { 0 };

	json_write(doc, JSON_SORTED, &text);
	crypto_sha256(strbuf_span(&text), sum);
	crypto_hex(span_make((const char *)sum, sizeof(sum)), out);
}

json_t *
authority_json(const struct authority_record *r)
{
	json_t *doc = json_object();
	json_t *failovers = json_array();

	for (int i = 0; i < AUTHORITY_FAILOVERS && r->failovers[i] != 0; i++)
		json_array_append_new(failovers, json_integer(r->failovers[i]));
	json_put_int(doc, "v", 1);
	json_put_int(doc, "epoch", (int64_t)r->epoch);
	json_put_str(doc, "active", route_site_name(r->active));
	json_put_str(doc, "mode", r->held ? "held" : "automatic");
	json_put_bool(doc, "degraded", r->degraded);
	json_put_int(doc, "degraded_us", r->degraded_us);
	json_put_bool(doc, "observe", r->observe);
	json_put_int(doc, "paused_until_us", r->paused_until_us);
	json_put_int(doc, "ttl_ms", r->ttl_ms);
	json_put_int(doc, "maintained_us", r->maintained_us);
	json_put_int(doc, "maintained_until_us", r->maintained_until_us);
	json_put(doc, "redirects", redirects_json(&r->redirects));
	json_put(doc, "failovers_us", failovers);
	json_put_str(doc, "who", r->who);
	json_put_str(doc, "why", r->why);
	json_put_int(doc, "when_us", r->when_us);
	return doc;
}

static int
verify(json_t *doc, struct err *e)
{
	STRBUF_AUTO sum = { 0 };
	STRBUF_AUTO kept = { 0 };
	const char *said;

	if (json_need_str(doc, "sha256", &said, e) < 0)
		return -1;
	strbuf_adds(&kept, said);
	json_object_del(doc, "sha256");
	checksum(doc, &sum);
	if (!span_eq(strbuf_span(&sum), strbuf_span(&kept)))
		return err_set(e, ERR_INVALID,
			       "the checksum does not fit: the record was "
			       "damaged or edited");
	return 0;
}

static int
read_failovers(const json_t *doc, struct authority_record *out, struct err *e)
{
	json_t *list;

	if (json_get_array(doc, "failovers_us", &list, e) < 0)
		return -1;
	for (size_t i = 0; i < json_array_size(list) && i < AUTHORITY_FAILOVERS;
	     i++)
		out->failovers[i] = json_integer_value(json_array_get(list, i));
	return 0;
}

static int
read_site(const json_t *doc, struct authority_record *out, struct err *e)
{
	const char *active, *mode;
	int64_t epoch;

	if (json_need_int(doc, "epoch", &epoch, e) < 0 ||
	    json_need_str(doc, "active", &active, e) < 0 ||
	    json_need_str(doc, "mode", &mode, e) < 0)
		return -1;
	if (epoch < 1)
		return err_set(e, ERR_INVALID, "epoch must be at least 1");
	if (strcmp(active, "primary") != 0 && strcmp(active, "backup") != 0)
		return err_set(e, ERR_INVALID,
			       "active must be primary or backup, not %s",
			       active);
	out->epoch = (uint64_t)epoch;
	out->active = active[0] == 'p' ? ROUTE_PRIMARY : ROUTE_BACKUP;
	out->held = strcmp(mode, "held") == 0;
	return 0;
}

int
authority_parse(struct span text, struct authority_record *out, struct err *e)
{
	JSON_AUTO doc = json_read(text, e);
	const char *who, *why;
	json_t *redirects = NULL;

	memset(out, 0, sizeof(*out));
	if (doc == NULL)
		return -1;
	if (!json_is_object(doc))
		return err_set(e, ERR_INVALID, "not an object");
	if (verify(doc, e) < 0 || read_site(doc, out, e) < 0 ||
	    read_failovers(doc, out, e) < 0 ||
	    json_get_array(doc, "redirects", &redirects, e) < 0 ||
	    redirects_parse(redirects, &out->redirects, e) < 0 ||
	    json_need_bool(doc, "degraded", &out->degraded, e) < 0 ||
	    json_get_int(doc, "degraded_us", &out->degraded_us, e) < 0 ||
	    json_get_bool(doc, "observe", &out->observe, e) < 0 ||
	    json_get_int(doc, "ttl_ms", &out->ttl_ms, e) < 0 ||
	    json_get_int(doc, "maintained_us", &out->maintained_us, e) < 0 ||
	    json_get_int(doc, "maintained_until_us", &out->maintained_until_us,
			 e) < 0 ||
	    json_need_int(doc, "paused_until_us", &out->paused_until_us, e) <
		0 ||
	    json_need_str(doc, "who", &who, e) < 0 ||
	    json_need_str(doc, "why", &why, e) < 0 ||
	    json_need_int(doc, "when_us", &out->when_us, e) < 0)
		return -1;
	snprintf(out->who, sizeof(out->who), "%s", who);
	snprintf(out->why, sizeof(out->why), "%s", why);
	return 0;
}

int
authority_load(struct authority *a, struct authority_record *out, struct err *e)
{
	STRBUF_AUTO text = { 0 };
	int fd = open(a->path, O_RDONLY | O_CLOEXEC);
	int done;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_set(e, ERR_IO, "%s: %s", a->path, strerror(errno));
	done = fstat(fd, &a->seen) < 0
		   ? err_set(e, ERR_IO, "%s", strerror(errno))
		   : file_read_all(fd, FILE_MAX, &text, e);
	close(fd);
	if (done < 0 || authority_parse(strbuf_span(&text), out, e) < 0)
		return err_prefix(e, "%s", a->path);
	return 1;
}

static int
write_whole(int fd, struct span text, struct err *e)
{
	if (file_write_all(fd, text) < 0)
		return err_set(e, ERR_IO, "%s", strerror(errno));
	if (fsync(fd) < 0)
		return err_set(e, ERR_IO, "fsync: %s", strerror(errno));
	return 0;
}

static int
sync_dir(const char *dir, struct err *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int done;

	if (fd < 0)
		return err_set(e, ERR_IO, "%s: %s", dir, strerror(errno));
	done = fsync(fd);
	if (done < 0)
		err_set(e, ERR_IO, "%s: fsync: %s", dir, strerror(errno));
	close(fd);
	return done;
}

static int
put(struct store *s)
{
	struct err *e = &s->err;
	int fd, done;

	fd = open(s->temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, ERR_IO, "%s: %s", s->temp, strerror(errno));
	done = write_whole(fd, strbuf_span(&s->text), e);
	if (done == 0 && fstat(fd, &s->seen) < 0)
		done = err_set(e, ERR_IO, "%s", strerror(errno));
	close(fd);
	if (done < 0)
		return err_prefix(e, "%s", s->temp);
	if (rename(s->temp, s->path) < 0)
		return err_set(e, ERR_IO, "%s: %s", s->path, strerror(errno));
	return sync_dir(s->dir, e);
}

/* In a thread of the pool, or on the loop. */
static void
run(void *job)
{
	struct store *s = job;

	s->done = put(s);
}

static void
fini(void *job)
{
	struct store *s = job;

	mem_free(s->dir);
	mem_free(s->path);
	mem_free(s->temp);
	strbuf_fini(&s->text);
}

static void
init(struct store *s, const struct authority *a,
     const struct authority_record *r)
{
	JSON_AUTO doc = authority_json(r);
	STRBUF_AUTO sum = { 0 };

	memset(s, 0, sizeof(*s));
	checksum(doc, &sum);
	json_put_str(doc, "sha256", strbuf_text(&sum));
	json_write(doc, JSON_AS_MADE, &s->text);
	strbuf_addc(&s->text, '\n');
	s->dir = mem_strdup(a->dir);
	s->path = mem_strdup(a->path);
	s->temp = mem_strdup(a->temp);
}

int
authority_store(struct authority *a, const struct authority_record *r,
		struct err *e)
{
	struct store s;

	assert(a->storing == NULL);
	init(&s, a, r);
	run(&s);
	if (s.done == 0)
		a->seen = s.seen; /* else authority_confirm will not know it */
	else
		*e = s.err;
	fini(&s);
	return s.done;
}

void
authority_store_start(struct authority *a, const struct authority_record *r,
		      authority_stored_fn *fn, void *ctx)
{
	struct store s;

	assert(a->storing == NULL);
	init(&s, a, r);
	a->fn = fn;
	a->ctx = ctx;
	a->storing = work_start(run, &s, sizeof(s), fini, on_stored, a);
}

static void
on_stored(void *ctx, void *job)
{
	struct authority *a = ctx;
	struct store *s = job;

	a->storing = NULL; /* it has ended */
	if (s->done == 0)
		a->seen = s->seen;
	a->fn(a->ctx, s->done == 0 ? NULL : &s->err);
}

int
authority_confirm(struct authority *a, struct err *e)
{
	struct stat now;

	if (a->storing != NULL)
		return 0;
	if (stat(a->path, &now) < 0)
		return err_set(e, ERR_IO, "%s: %s", a->path, strerror(errno));
	if (now.st_ino != a->seen.st_ino || now.st_size != a->seen.st_size ||
	    now.st_mtim.tv_sec != a->seen.st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != a->seen.st_mtim.tv_nsec)
		return err_set(e, ERR_INVALID,
			       "%s: somebody else has written it", a->path);
	return 0;
}
