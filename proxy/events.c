#include "proxy/events.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define KEPT 1024
#define TAIL_BYTES 65536

struct events {
	char *path;
	int fd;
	uint64_t last;
	uint64_t former_epoch;
	char *kept[KEPT]; /* lines; event id stands at id % KEPT */
	void (*fn)(void *ctx);
	void *ctx;
};

static void
take_line(struct events *ev, struct span line)
{
	JSON_AUTO doc = json_read(line, NULL);
	int64_t id = 0, epoch = 0;

	if (doc == NULL || json_get_int(doc, "id", &id, NULL) != 1 ||
	    json_get_int(doc, "epoch", &epoch, NULL) != 1)
		return;
	if ((uint64_t)id > ev->last)
		ev->last = (uint64_t)id;
	if ((uint64_t)epoch > ev->former_epoch)
		ev->former_epoch = (uint64_t)epoch;
}

/* A line that a crash cut short would swallow the next one. */
static int
end_line(struct events *ev, struct span tail, struct err *e)
{
	if (tail.len == 0 || span_ends(tail, "\n"))
		return 0;
	if (write(ev->fd, "\n", 1) != 1)
		return err_set(e, ERR_IO, "%s: %s", ev->path, strerror(errno));
	return 0;
}

static int
read_tail(struct events *ev, struct err *e)
{
	char *buf = mem_alloc(TAIL_BYTES);
	off_t size = lseek(ev->fd, 0, SEEK_END);
	off_t from = size > TAIL_BYTES ? size - TAIL_BYTES : 0;
	ssize_t n = pread(ev->fd, buf, TAIL_BYTES, from);
	struct span tail, line, rest;
	int done;

	if (n < 0) {
		mem_free(buf);
		return err_set(e, ERR_IO, "%s: %s", ev->path, strerror(errno));
	}
	tail = span_make(buf, (size_t)n);
	rest = tail;
	while (span_cut(&rest, '\n', &line))
		take_line(ev, line);
	done = end_line(ev, tail, e);
	mem_free(buf);
	return done;
}

struct events *
events_open(const char *dir, struct err *e)
{
	struct events *ev = mem_new(struct events);

	ev->path = mem_printf("%s/audit.log", dir);
	ev->fd = open(ev->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (ev->fd < 0)
		err_set(e, ERR_IO, "%s: %s", ev->path, strerror(errno));
	if (ev->fd < 0 || read_tail(ev, e) < 0)
		events_close(&ev);
	return ev;
}

void
events_close(struct events **ep)
{
	struct events *ev = *ep;

	*ep = NULL;
	if (ev == NULL)
		return;
	if (ev->fd >= 0)
		close(ev->fd);
	for (int i = 0; i < KEPT; i++)
		mem_free(ev->kept[i]);
	mem_free(ev->path);
	mem_free(ev);
}

uint64_t
events_former_epoch(const struct events *ev)
{
	return ev->former_epoch;
}

void
events_observe(struct events *ev, void (*fn)(void *ctx), void *ctx)
{
	ev->fn = fn;
	ev->ctx = ctx;
}

/* As text, for a thousand trees would be megabytes. */
static void
keep(struct events *ev, const json_t *event)
{
	char **slot = &ev->kept[ev->last % KEPT];
	STRBUF_AUTO line = { 0 };

	json_write(event, JSON_AS_MADE, &line);
	strbuf_addc(&line, '\n');
	if (write(ev->fd, line.at, line.len) != (ssize_t)line.len)
		log_error("events", "file=%s error=\"%s\"", ev->path,
			  strerror(errno));
	mem_free(*slot);
	*slot = mem_strdup(strbuf_text(&line));
}

void
events_add(struct events *ev, const char *kind, uint64_t epoch,
	   const char *text, json_t *detail)
{
	JSON_AUTO event = json_object();
	int64_t now = clock_wall_us();
	char iso[CLOCK_ISO_SIZE], quoted[512];

	ev->last++;
	json_put_int(event, "id", (int64_t)ev->last);
	json_put_str(event, "at", clock_iso(now, iso));
	json_put_int(event, "at_us", now);
	json_put_str(event, "kind", kind);
	json_put_int(event, "epoch", (int64_t)epoch);
	json_put_str(event, "text", text);
	if (detail != NULL)
		json_object_update_missing(event, detail);
	json_decref(detail);
	keep(ev, event);
	log_info("events", "kind=%s epoch=%llu text=%s", kind,
		 (unsigned long long)epoch,
		 log_quote(quoted, sizeof(quoted), text));
	if (ev->fn != NULL)
		ev->fn(ev->ctx);
}

json_t *
events_since(const struct events *ev, uint64_t since, size_t max)
{
	json_t *list = json_array();
	uint64_t id = since + 1;

	if (ev->last >= KEPT && id <= ev->last - KEPT)
		id = ev->last - KEPT + 1;
	for (; id <= ev->last && json_array_size(list) < max; id++)
		if (ev->kept[id % KEPT] != NULL)
			json_array_append_new(
			    list,
			    json_read(span_of(ev->kept[id % KEPT]), NULL));
	return list;
}

uint64_t
events_last(const struct events *ev)
{
	return ev->last;
}
