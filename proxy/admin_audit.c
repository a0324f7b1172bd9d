#include "proxy/admin_audit.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "io/work.h"
#include "proxy/audit.h"

#define ASKERS_MAX 16

struct job {
	char *dir;
	char head[AUDIT_HASH_SIZE];
	struct audit_found found;
};

struct admin_audit {
	const struct events *events;
	struct work *work;
	struct ctl_req *askers[ASKERS_MAX]; /* NULL: free */
};

static void run(void *job);
static void fini(void *job);
static void on_read(void *ctx, void *job);

struct admin_audit *
admin_audit_new(const struct events *events)
{
	struct admin_audit *a = mem_new(struct admin_audit);

	a->events = events;
	return a;
}

void
admin_audit_free(struct admin_audit **ap)
{
	struct admin_audit *a = *ap;

	*ap = NULL;
	if (a == NULL)
		return;
	work_cancel(&a->work);
	mem_free(a);
}

void
admin_audit_ask(struct admin_audit *a, struct ctl_req *req)
{
	struct job job = { 0 };
	int i = 0;

	while (i < ASKERS_MAX && a->askers[i] != NULL)
		i++;
	if (i == ASKERS_MAX) {
		ctl_refuse(req, 503, "too many callers wait already");
		return;
	}
	a->askers[i] = req;
	if (a->work != NULL)
		return;
	job.dir = mem_strdup(events_dir(a->events));
	snprintf(job.head, sizeof(job.head), "%s", events_head(a->events));
	a->work = work_start(run, &job, sizeof(job), fini, on_read, a);
}

void
admin_audit_gone(struct admin_audit *a, const struct ctl_req *req)
{
	for (int i = 0; i < ASKERS_MAX; i++)
		if (a->askers[i] == req)
			a->askers[i] = NULL;
}

static void
run(void *job)
{
	struct job *j = job;

	audit_verify(j->dir, j->head, &j->found);
}

static void
fini(void *job)
{
	mem_free(((struct job *)job)->dir);
}

static json_t *
found_json(const struct audit_found *f)
{
	json_t *doc = json_object();
	char text[320];

	if (f->good)
		snprintf(text, sizeof(text),
			 "%llu events in %u files, %lld to %lld: the chain is "
			 "whole",
			 (unsigned long long)f->lines, f->files,
			 (long long)f->first, (long long)f->last);
	else
		snprintf(text, sizeof(text), "%s", f->fault);
	json_put_bool(doc, "good", f->good);
	json_put_int(doc, "files", f->files);
	json_put_int(doc, "lines", (int64_t)f->lines);
	json_put_int(doc, "first", f->first);
	json_put_int(doc, "last", f->last);
	json_put_str(doc, "head", f->head);
	json_put_str(doc, "message", text);
	return doc;
}

static void
on_read(void *ctx, void *job)
{
	struct admin_audit *a = ctx;
	const struct job *j = job;

	a->work = NULL; /* it has ended */
	for (int i = 0; i < ASKERS_MAX; i++) {
		struct ctl_req *req = a->askers[i];

		a->askers[i] = NULL;
		if (req != NULL)
			ctl_reply(req, 200, found_json(&j->found));
	}
}
