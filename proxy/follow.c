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

static void
obey(struct follow *f, const json_t *status)
{
	const char *active = json_string_value(
	    json_object_get(status, "active"));
	int64_t epoch = json_integer_value(json_object_get(status, "epoch"));
	enum route_site site;

	if (active == NULL || epoch <= 0)
		return;
	site = strcmp(active, route_site_name(ROUTE_PRIMARY)) == 0
		   ? ROUTE_PRIMARY
		   : ROUTE_BACKUP;
	if (plane_follow(f->plane, (uint64_t)epoch, site))
		plane_close_websockets(f->plane,
				       site == ROUTE_PRIMARY ? ROUTE_BACKUP
							     : ROUTE_PRIMARY,
				       1012, MOVE_MS);
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
