#include "proxy/events.h"

#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "proxy/audit.h"

#define KEPT 1024
#define OBSERVERS 4

struct events {
	char *dir;
	struct audit *audit;
	uint64_t last;
	uint64_t former_epoch;
	char *kept[KEPT]; /* lines; event id stands at id % KEPT */
	struct observer {
		void (*fn)(void *ctx); /* NULL: the place is free */
		void *ctx;
	} observers[OBSERVERS];
};

/* As text, for a thousand trees would be megabytes. */
static void
keep(struct events *ev, uint64_t id, const json_t *event)
{
	char **slot = &ev->kept[id % KEPT];
	STRBUF_AUTO line = { 0 };

	json_write(event, JSON_AS_MADE, &line);
	mem_free(*slot);
	*slot = strbuf_take(&line);
}

static void
on_former(void *ctx, const json_t *event)
{
	struct events *ev = ctx;
	int64_t id = 0, epoch = 0;

	if (json_get_int(event, "id", &id, NULL) != 1 ||
	    json_get_int(event, "epoch", &epoch, NULL) != 1 || id <= 0)
		return;
	keep(ev, (uint64_t)id, event);
	if ((uint64_t)id > ev->last)
		ev->last = (uint64_t)id;
	if (epoch > 0 && (uint64_t)epoch > ev->former_epoch)
		ev->former_epoch = (uint64_t)epoch;
}

struct events *
events_open(const char *dir, int64_t max_bytes, struct err *e)
{
	struct events *ev = mem_new(struct events);

	ev->dir = mem_strdup(dir);
	ev->audit = audit_open(dir, max_bytes, on_former, ev, e);
	if (ev->audit == NULL)
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
	audit_close(&ev->audit);
	for (int i = 0; i < KEPT; i++)
		mem_free(ev->kept[i]);
	mem_free(ev->dir);
	mem_free(ev);
}

const char *
events_head(const struct events *ev)
{
	return audit_head(ev->audit);
}

const char *
events_dir(const struct events *ev)
{
	return ev->dir;
}

uint64_t
events_former_epoch(const struct events *ev)
{
	return ev->former_epoch;
}

void
events_observe(struct events *ev, void (*fn)(void *ctx), void *ctx)
{
	for (int i = 0; i < OBSERVERS; i++)
		if (ev->observers[i].fn == NULL) {
			ev->observers[i] = (struct observer){ fn, ctx };
			return;
		}
	assert(!"more observers than there are places");
}

void
events_ignore(struct events *ev, const void *ctx)
{
	for (int i = 0; i < OBSERVERS; i++)
		if (ev->observers[i].ctx == ctx)
			ev->observers[i] = (struct observer){ NULL, NULL };
}

void
events_add(struct events *ev, const char *kind, uint64_t epoch,
	   const char *text, json_t *detail)
{
	JSON_AUTO event = json_object();
	int64_t now = clock_wall_us();
	char iso[CLOCK_ISO_SIZE], quoted[512];
	struct err e = { 0 };

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
	if (audit_append(ev->audit, event, &e) < 0)
		log_error("events", "error=\"%s\"", err_text(&e));
	keep(ev, ev->last, event);
	log_info("events", "kind=%s epoch=%llu text=%s", kind,
		 (unsigned long long)epoch,
		 log_quote(quoted, sizeof(quoted), text));
	for (int i = 0; i < OBSERVERS; i++)
		if (ev->observers[i].fn != NULL)
			ev->observers[i].fn(ev->observers[i].ctx);
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
