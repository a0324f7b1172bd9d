#include "proxy/follow.h"

#include <string.h>

#include "base/mem.h"
#include "io/ctl.h"
#include "io/timer.h"

#define ASK_MS 250
#define TIMEOUT_MS 2000
#define MOVE_MS 5000 /* WebSockets of the site that serves no more */

struct follow {
	struct plane *plane;
	char *admin;
	struct timer *timer;
	struct ctl_call *call;
};

static void on_due(void *ctx);
static void on_answer(void *ctx, int status, const json_t *body,
		      const struct err *err);

struct follow *
follow_start(struct plane *plane, const char *admin)
{
	struct follow *f = mem_new(struct follow);

	f->plane = plane;
	f->admin = mem_strdup(admin);
	f->timer = timer_start(ASK_MS, on_due, f);
	return f;
}

void
follow_end(struct follow **fp)
{
	struct follow *f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	timer_cancel(&f->timer);
	ctl_cancel(&f->call);
	mem_free(f->admin);
	mem_free(f);
}

static void
on_due(void *ctx)
{
	struct follow *f = ctx;
	struct ctl_target to = { .path = f->admin,
				 .method = "GET",
				 .target = "/v1/status",
				 .timeout_ms = TIMEOUT_MS };

	f->timer = NULL; /* it has fired */
	f->call = ctl_call(&to, NULL, on_answer, f);
}

/* Those of the other site go when nothing of theirs is left there. */
static void
obey(struct follow *f, const json_t *status)
{
	struct plane_news news;
	enum route_site other;

	if (!follow_read(status, &news) || !plane_follow(f->plane, &news))
		return;
	other = news.active == ROUTE_PRIMARY ? ROUTE_BACKUP : ROUTE_PRIMARY;
	if (!news.rooms[other])
		plane_close_websockets(f->plane, other, 1012, MOVE_MS);
}

static void
on_answer(void *ctx, int status, const json_t *body, const struct err *err)
{
	struct follow *f = ctx;

	f->call = NULL; /* it has ended */
	if (err == NULL && status == 200)
		obey(f, body);
	f->timer = timer_start(ASK_MS, on_due, f);
}

/* --- rules ------------------------------------------------------------- */

bool
follow_read(const json_t *status, struct plane_news *out)
{
	const char *active = NULL, *routing = NULL;
	json_t *redirects = NULL;
	int64_t epoch = 0;
	struct err e;

	memset(out, 0, sizeof(*out));
	(void)json_get_bool(status, "sites.primary.services.collab.serving",
			    &out->rooms[ROUTE_PRIMARY], &e);
	(void)json_get_bool(status, "sites.backup.services.collab.serving",
			    &out->rooms[ROUTE_BACKUP], &e);
	if (json_get_str(status, "routing", &routing, &e) != 1 ||
	    json_get_str(status, "active", &active, &e) != 1 ||
	    json_get_int(status, "epoch", &epoch, &e) != 1 ||
	    json_get_array(status, "redirects", &redirects, &e) < 0 ||
	    redirects_parse(redirects, &out->redirects, &e) < 0 ||
	    strcmp(routing, route_mode_name(ROUTE_SERVE)) != 0 || epoch < 1)
		return false;
	out->epoch = (uint64_t)epoch;
	out->active = strcmp(active, route_site_name(ROUTE_PRIMARY)) == 0
			  ? ROUTE_PRIMARY
			  : ROUTE_BACKUP;
	return true;
}
