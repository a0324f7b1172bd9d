#include "proxy/orders.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/mem.h"

#define KEPT 64

static const char *const state_names[] = { "running", "done", "failed",
					   "cancelled" };
static_assert(sizeof(state_names) / sizeof(state_names[0]) ==
		  ORDERS_CANCELLED + 1,
	      "one name for each state");

struct entry {
	uint64_t id;
	struct rules_order order;
	enum orders_state state;
	char message[256];
	int64_t begun_us, ended_us;
};

struct orders {
	uint64_t last;
	struct entry kept[KEPT]; /* order id stands at id % KEPT */
};

struct orders *
orders_new(void)
{
	struct orders *os = mem_new(struct orders);

	/* Ids of a former life must not be taken for new ones. */
	os->last = (uint64_t)(clock_wall_us() / 1000000);
	return os;
}

void
orders_free(struct orders **op)
{
	mem_free(*op);
	*op = NULL;
}

static int
parse_to(const json_t *body, struct rules_order *out, struct err *e)
{
	const char *to;
	int got = json_get_str(body, "to", &to, e);

	if (got < 0)
		return -1;
	out->to_given = got == 1;
	if (got == 1 && strcmp(to, "primary") != 0 && strcmp(to, "backup") != 0)
		return err_set(e, ERR_INVALID,
			       "to must be primary or backup, not \"%.40s\"",
			       to);
	if (got == 1)
		out->to = to[0] == 'p' ? ROUTE_PRIMARY : ROUTE_BACKUP;
	if (got == 0 &&
	    (out->verb == RULES_SWITCHOVER || out->verb == RULES_FAILOVER ||
	     out->verb == RULES_REDIRECT_ADD || out->verb == RULES_ADOPT))
		return err_set(e, ERR_INVALID, "%s needs to: primary or backup",
			       rules_verb_name(out->verb));
	return 0;
}

static int
parse_redirect(const json_t *body, struct rules_order *out, struct err *e)
{
	const char *company = "", *service = "web";

	if (json_get_str(body, "company", &company, e) < 0 ||
	    json_get_str(body, "service", &service, e) < 0)
		return -1;
	if (strcmp(service, "web") != 0 && strcmp(service, "collab") != 0)
		return err_set(e, ERR_INVALID,
			       "service must be web or collab, not \"%.40s\"",
			       service);
	out->service = service[0] == 'c' ? ROUTE_COLLAB : ROUTE_WEB;
	if (!span_copy(span_of(company), out->company, sizeof(out->company)))
		return err_set(e, ERR_INVALID, "company is too long");
	return 0;
}

static int
parse_flags(const json_t *body, struct rules_order *out, bool *dry_run,
	    struct err *e)
{
	if (json_get_bool(body, "dry_run", dry_run, e) < 0 ||
	    json_get_bool(body, "allow_data_loss", &out->allow_data_loss, e) <
		0 ||
	    json_get_bool(body, "allow_partial", &out->allow_partial, e) < 0 ||
	    json_get_bool(body, "allow_behind", &out->allow_behind, e) < 0 ||
	    json_get_bool(body, "force", &out->force, e) < 0 ||
	    parse_redirect(body, out, e) < 0 ||
	    json_get_int(body, "expires_in_ms", &out->expires_ms, e) < 0)
		return -1;
	return 0;
}

int
orders_parse(const json_t *body, struct rules_order *out, bool *dry_run,
	     struct err *e)
{
	const char *verb, *reason, *who = NULL;
	int v;

	memset(out, 0, sizeof(*out));
	*dry_run = false;
	if (!json_is_object(body))
		return err_set(e, ERR_INVALID, "the body must be an object");
	if (json_need_str(body, "verb", &verb, e) < 0)
		return -1;
	v = rules_verb_parse(verb);
	if (v < 0)
		return err_set(e, ERR_INVALID,
			       "verb must be switchover, failover, failback, "
			       "maintenance-start, maintenance-finish, "
			       "redirect-add, redirect-del, "
			       "pause, observe, resume, adopt or cancel, "
			       "not \"%.40s\"",
			       verb);
	out->verb = (enum rules_verb)v;
	if (json_need_str(body, "reason", &reason, e) < 0 ||
	    json_get_str(body, "who", &who, e) < 0)
		return -1;
	if (reason[strspn(reason, " \t")] == '\0')
		return err_set(e, ERR_INVALID, "reason must not be empty");
	snprintf(out->why, sizeof(out->why), "%s", reason);
	snprintf(out->who, sizeof(out->who), "%s",
		 who != NULL ? who : "operator");
	return parse_to(body, out, e) < 0 ||
		       parse_flags(body, out, dry_run, e) < 0
		   ? -1
		   : 0;
}

static const struct entry *
find(const struct orders *os, uint64_t id)
{
	const struct entry *en = &os->kept[id % KEPT];

	return id != 0 && en->id == id ? en : NULL;
}

static bool
moves(const struct rules_order *o)
{
	return o->verb != RULES_PAUSE && o->verb != RULES_RESUME &&
	       o->verb != RULES_OBSERVE && o->verb != RULES_CANCEL;
}

static struct entry *
running(struct orders *os)
{
	for (int i = 0; i < KEPT; i++)
		if (os->kept[i].id != 0 &&
		    os->kept[i].state == ORDERS_RUNNING &&
		    moves(&os->kept[i].order))
			return &os->kept[i];
	return NULL;
}

/* What waited for its moment gives way to a newer word. */
static void
supersede(struct orders *os, const struct rules_order *o, uint64_t by)
{
	struct entry *en = running(os);

	if (en == NULL || (!moves(o) && o->verb != RULES_CANCEL))
		return;
	en->state = ORDERS_CANCELLED;
	en->ended_us = clock_wall_us();
	snprintf(en->message, sizeof(en->message), "%s by order %llu",
		 o->verb == RULES_CANCEL ? "called off" : "superseded",
		 (unsigned long long)by);
}

uint64_t
orders_take(struct orders *os, const struct rules_order *o, const char *message)
{
	struct entry *en;

	supersede(os, o, os->last + 1);
	en = &os->kept[++os->last % KEPT];
	memset(en, 0, sizeof(*en));
	en->id = os->last;
	en->order = *o;
	en->state = moves(o) ? ORDERS_RUNNING : ORDERS_DONE;
	snprintf(en->message, sizeof(en->message), "%s", message);
	en->begun_us = clock_wall_us();
	if (en->state == ORDERS_DONE)
		en->ended_us = en->begun_us;
	return en->id;
}

uint64_t
orders_change(struct orders *os, const struct failover_change *c)
{
	struct entry *en = running(os);
	enum rules_progress p;

	if (en == NULL)
		return 0;
	p = rules_progress(&en->order, c);
	if (p == RULES_RUNNING)
		return 0;
	en->state = p == RULES_DONE ? ORDERS_DONE : ORDERS_FAILED;
	en->ended_us = clock_wall_us();
	if (p == RULES_DONE)
		snprintf(en->message, sizeof(en->message), "%s: the %s serves",
			 states_fsm.states[c->to],
			 c->to == STATE_NORMAL ? "primary" : "backup");
	else
		snprintf(en->message, sizeof(en->message), "%s: %s%s%s",
			 states_fsm.states[c->to], c->row->why,
			 c->note[0] != '\0' ? "; " : "", c->note);
	return en->id;
}

json_t *
orders_json(const struct orders *os, uint64_t id)
{
	const struct entry *en = find(os, id);
	json_t *doc;

	if (en == NULL)
		return NULL;
	doc = json_object();
	json_put_int(doc, "id", (int64_t)en->id);
	json_put_str(doc, "verb", rules_verb_name(en->order.verb));
	if (en->order.to_given)
		json_put_str(doc, "to", route_site_name(en->order.to));
	json_put_str(doc, "state", state_names[en->state]);
	json_put_str(doc, "message", en->message);
	json_put_str(doc, "who", en->order.who);
	json_put_str(doc, "reason", en->order.why);
	json_put_int(doc, "begun_us", en->begun_us);
	if (en->ended_us != 0)
		json_put_int(doc, "ended_us", en->ended_us);
	return doc;
}

bool
orders_ended(const struct orders *os, uint64_t id)
{
	const struct entry *en = find(os, id);

	return en == NULL || en->state != ORDERS_RUNNING;
}

uint64_t
orders_last(const struct orders *os)
{
	return os->kept[os->last % KEPT].id;
}
