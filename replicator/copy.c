/*
 *   waits -> a run -> waits          the timer, or an operator, starts one;
 *        \-> a rollback -/           after a failure it waits less
 *
 * `look` reads in the pool what versions there are; a rollback is one with
 * an order in it.
 */
#include "replicator/copy.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/keyring.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/retry.h"
#include "io/timer.h"
#include "io/work.h"
#include "replicator/copy_clock.h"
#include "replicator/copy_ctl.h"
#include "replicator/copy_look.h"
#include "replicator/copy_run.h"
#include "replicator/copy_state.h"

#define MODULE "copy"
/* The wall clock may jump: it is looked at so often. */
#define TICK_MS 20000
#define OVERRIDE_MAX_MS (INT64_C(7) * 24 * 3600 * 1000)

static const struct retry_conf again = { .first_ms = 5000, .max_ms = 600000 };

struct copy {
	struct copy_conf conf;
	struct copy_clock clock;
	struct vault *vault;
	struct keyring *keys;
	struct copy_ctl *ctl;
	struct timer *tick;
	struct copy_run *run;
	int64_t began_us;  /* wall clock of the run */
	int64_t began_ms;  /* monotonic, likewise */
	int64_t retry_ms;  /* monotonic: not before */
	struct work *look; /* under way */
	json_t *versions;
	bool alarm;
	struct copy_state state;
};

static void on_tick(void *ctx);
static void on_end(void *ctx, const struct copy_result *result,
		   const struct err *err);
static void on_looked(void *ctx, void *job);
static json_t *on_status(void *ctx);
static int on_order(void *ctx, const struct copy_order *order, struct err *e);

static void
look(struct copy *c, bool rollback)
{
	struct copy_look l = { .vault = vault_share(c->vault),
			       .rollback = rollback };

	work_cancel(&c->look);
	c->look = work_start(copy_look_run, &l, sizeof(l), copy_look_fini,
			     on_looked, c);
}

/* So that no two pairs ask at the same second. */
static uint32_t
seed_of(const char *dir)
{
	char host[256] = "";
	STRBUF_AUTO text = { 0 };
	uint8_t sum[CRYPTO_SHA256_SIZE];
	uint32_t seed;

	gethostname(host, sizeof(host) - 1);
	strbuf_addf(&text, "%s %s", host, dir);
	crypto_sha256(strbuf_span(&text), sum);
	memcpy(&seed, sum, sizeof(seed));
	return seed;
}

int
copy_check(const struct copy_conf *conf, struct err *e)
{
	int minute;

	if (copy_clock_parse(conf->at, &minute, e) < 0)
		return err_prefix(e, "[copy] at");
	if (conf->url[0] == '\0')
		return 0;
	if (strncmp(conf->url, "http://", 7) != 0 &&
	    strncmp(conf->url, "https://", 8) != 0)
		return err_set(e, ERR_INVALID,
			       "[copy] url: \"%s\" must begin with http:// or "
			       "https://",
			       conf->url);
	if (conf->dir[0] == '\0' || conf->keys_file[0] == '\0' ||
	    conf->socket[0] == '\0')
		return err_set(e, ERR_INVALID,
			       "[copy] url needs [copy] dir, [copy] socket and "
			       "[keys] file as well");
	return 0;
}

static int
begin(struct copy *c, struct err *e)
{
	STRBUF_AUTO text = { 0 };

	if (copy_clock_parse(c->conf.at, &c->clock.at_minute, e) < 0)
		return -1;
	c->clock.jitter_us = c->conf.jitter_ms * 1000;
	c->clock.seed = seed_of(c->conf.dir);
	c->keys = keyring_load(c->conf.keys_file, e);
	c->vault = c->keys != NULL ? vault_open(c->conf.dir, e) : NULL;
	if (c->vault == NULL ||
	    vault_note_read(c->vault, "status.json", &text, e) < 0)
		return -1;
	copy_state_read(&c->state, strbuf_span(&text));
	c->ctl = copy_ctl_open(&(struct copy_ctl_conf){ .path = c->conf.socket,
							.status = on_status,
							.order = on_order,
							.ctx = c },
			       e);
	return c->ctl != NULL ? 0 : -1;
}

/* The site's web shows the age from it. */
static void
save(struct copy *c)
{
	STRBUF_AUTO text = { 0 };
	struct err e = { 0 };

	copy_state_write(&c->state, &text);
	if (vault_note_write(c->vault, "status.json", strbuf_span(&text), &e) <
	    0)
		log_error(MODULE, "why=\"%s\"", err_text(&e));
}

struct copy *
copy_new(const struct copy_conf *conf, struct err *e)
{
	struct copy *c = mem_new(struct copy);

	c->conf = *conf;
	if (begin(c, e) < 0) {
		copy_free(&c);
		return NULL;
	}
	save(c);
	look(c, false);
	c->tick = timer_start(0, on_tick, c);
	return c;
}

void
copy_free(struct copy **cp)
{
	struct copy *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	timer_cancel(&c->tick);
	copy_run_cancel(&c->run);
	work_cancel(&c->look);
	copy_ctl_close(&c->ctl);
	copy_state_fini(&c->state);
	json_decref(c->versions);
	vault_close(&c->vault);
	keyring_free(&c->keys);
	mem_free(c);
}

/* --- when -------------------------------------------------------------------
 */

static int64_t
due_us(const struct copy *c, int64_t now_us)
{
	/* A clock that was ahead must not put the next one off. */
	int64_t last = c->state.done_us <= now_us ? c->state.done_us : 0;

	return copy_clock_due(&c->clock, last);
}

/* Keys may have been changed since the last one. */
static void
read_keys(struct copy *c)
{
	struct err e = { 0 };
	struct keyring *keys = keyring_load(c->conf.keys_file, &e);

	if (keys == NULL) {
		log_error(MODULE, "the keys are as before: why=\"%s\"",
			  err_text(&e));
		return;
	}
	keyring_free(&c->keys);
	c->keys = keys;
}

static void
start_run(struct copy *c, bool ordered, bool verify)
{
	read_keys(c);
	c->began_us = clock_wall_us();
	c->began_ms = clock_mono_ms();
	log_info(MODULE, "copy=begins by=%s", ordered ? "operator" : "clock");
	c->run = copy_run_start(
	    &(struct copy_run_conf){
		.vault = c->vault,
		.keys = c->keys,
		.url = c->conf.url,
		.ca_file = c->conf.ca_file[0] != '\0' ? c->conf.ca_file : NULL,
		.max_rate = c->conf.max_rate,
		.keep = (unsigned)c->conf.keep,
		.held = !ordered && c->state.held[0] != '\0' ? c->state.held
							     : NULL,
		.verify = verify,
	    },
	    on_end, c);
}

static void
check_age(struct copy *c, int64_t now_us)
{
	bool alarm = c->state.ended_us > 0 && /* the first one may come yet */
		     copy_state_alarm(&c->state, now_us);

	if (alarm && !c->alarm)
		log_error(MODULE,
			  "alarm=old the daily copy is older than 24 hours: "
			  "\"%s\"",
			  c->state.error.code != ERR_NONE
			      ? err_text(&c->state.error)
			  : c->state.held[0] != '\0' ? "rolled back"
						     : "none was made yet");
	if (!alarm && c->alarm)
		log_info(MODULE, "alarm=over");
	c->alarm = alarm;
}

static void
on_tick(void *ctx)
{
	struct copy *c = ctx;
	int64_t now_us = clock_wall_us(), now_ms = clock_mono_ms();
	int64_t due_ms = (due_us(c, now_us) - now_us) / 1000;
	int64_t wait_ms = TICK_MS;

	c->tick = NULL;
	check_age(c, now_us);
	if (due_ms < c->retry_ms - now_ms)
		due_ms = c->retry_ms - now_ms;
	if (c->run == NULL && c->look == NULL && due_ms <= 0)
		start_run(c, false, false);
	else if (due_ms > 0 && due_ms < wait_ms)
		wait_ms = due_ms;
	else if (c->look != NULL)
		wait_ms = 100;
	c->tick = timer_start((uint64_t)wait_ms + 1, on_tick, c);
}

static void
log_end(const struct copy *c, const struct copy_result *r,
	const struct err *err)
{
	long long took = (long long)(clock_mono_ms() - c->began_ms);

	if (err != NULL) {
		log_error(MODULE,
			  "copy=failed took_ms=%lld failures=%u why=\"%s\"",
			  took, c->state.failures, err_text(err));
		return;
	}
	log_info(MODULE,
		 "copy=%s version=%lld added=%lld changed=%lld removed=%lld "
		 "settings=%s fetched=%lld wire=%lld of=%lld took_ms=%lld",
		 r->held   ? "held"
		 : r->same ? (r->mended ? "mended" : "same")
			   : "done",
		 (long long)r->version, (long long)r->diff.added,
		 (long long)r->diff.changed, (long long)r->diff.removed,
		 r->diff.settings ? "changed" : "same", (long long)r->fetched,
		 (long long)(r->wire_in + r->wire_out), (long long)r->bytes,
		 took);
	if (r->replaced[0] != '\0' && !r->held)
		log_warn(MODULE,
			 "the emergency change made here (\"%s\") was "
			 "replaced by the primary's version %lld",
			 r->replaced, (long long)r->version);
}

static void
on_end(void *ctx, const struct copy_result *result, const struct err *err)
{
	struct copy *c = ctx;

	c->run = NULL;
	copy_state_note(&c->state, c->began_us, clock_wall_us(), result, err);
	log_end(c, result, err);
	c->retry_ms = err == NULL ? 0
				  : clock_mono_ms() +
					retry_wait_ms(&again, c->state.failures,
						      crypto_random_u32());
	if (err == NULL && !result->held && !result->same)
		vault_note_remove(c->vault, "override.json");
	save(c);
	check_age(c, clock_wall_us());
	look(c, false);
	timer_cancel(&c->tick);
	c->tick = timer_start(0, on_tick, c);
}

/* --- what operators want ----------------------------------------------------
 */

static void
on_looked(void *ctx, void *job)
{
	struct copy *c = ctx;
	struct copy_look *l = job;

	c->look = NULL;
	json_decref(c->versions);
	c->versions = json_incref(l->versions);
	if (!l->rollback)
		return;
	if (l->err.code != ERR_NONE) {
		log_error(MODULE, "rollback=failed why=\"%s\"",
			  err_text(&l->err));
		return;
	}
	log_warn(MODULE, "rollback=done from=%.12s to=%.12s", l->from, l->to);
	copy_state_rolled_back(&c->state, l->from, l->to);
	save(c);
}

static json_t *
running_json(const struct copy *c)
{
	const struct copy_progress *p = copy_run_progress(c->run);
	int64_t took_ms = clock_mono_ms() - c->began_ms;
	int64_t rate = took_ms > 0 ? p->bytes * 1000 / took_ms : 0;
	json_t *doc = json_object();

	json_put_str(doc, "phase", copy_phase_names[p->phase]);
	json_put_int(doc, "took_ms", took_ms);
	json_put_int(doc, "files", p->files);
	json_put_int(doc, "files_all", p->files_all);
	json_put_int(doc, "bytes", p->bytes);
	json_put_int(doc, "bytes_all", p->bytes_all);
	json_put_int(doc, "wire_bytes", p->wire_bytes);
	json_put_int(doc, "rate", rate);
	json_put(doc, "left_ms",
		 rate > 0
		     ? json_integer((p->bytes_all - p->bytes) * 1000 / rate)
		     : json_null());
	return doc;
}

static json_t *
on_status(void *ctx)
{
	struct copy *c = ctx;
	int64_t now_us = clock_wall_us();
	int64_t slot = 0;
	json_t *doc = json_object();
	STRBUF_AUTO note = { 0 };

	copy_state_json(&c->state, now_us, doc);
	json_put_str(doc, "url", c->conf.url);
	json_put_str(doc, "dir", c->conf.dir);
	json_put_int(doc, "next_us", due_us(c, now_us));
	json_put(doc, "running",
		 c->run != NULL ? running_json(c) : json_null());
	if (vault_visible(c->vault, &slot, NULL) == 0)
		json_put_int(doc, "slot", slot);
	json_put(doc, "versions",
		 c->versions != NULL ? json_incref(c->versions) : json_array());
	json_put(doc, "override", json_null());
	if (vault_note_read(c->vault, "override.json", &note, NULL) == 1)
		json_put(doc, "override", json_read(strbuf_span(&note), NULL));
	return doc;
}

static int
start_override(struct copy *c, const struct copy_order *o, struct err *e)
{
	JSON_AUTO doc = json_object();
	STRBUF_AUTO text = { 0 };

	if (o->expires_ms <= 0 || o->expires_ms > OVERRIDE_MAX_MS)
		return err_set(e, ERR_INVALID,
			       "an override ends by itself: --expires-in, up "
			       "to 7d");
	json_put_str(doc, "reason", o->reason);
	json_put_str(doc, "who", o->who);
	json_put_int(doc, "until_us", clock_wall_us() + o->expires_ms * 1000);
	json_write(doc, JSON_AS_MADE, &text);
	if (vault_note_write(c->vault, "override.json", strbuf_span(&text), e) <
	    0)
		return -1;
	log_warn(MODULE,
		 "override=on who=\"%s\" reason=\"%s\": settings, pages and "
		 "clients may be changed here; the next copy replaces that",
		 o->who, o->reason);
	return 0;
}

static int
on_order(void *ctx, const struct copy_order *o, struct err *e)
{
	struct copy *c = ctx;

	log_info(MODULE, "order=%s who=\"%s\" reason=\"%s\"", o->verb, o->who,
		 o->reason != NULL ? o->reason : "");
	if (strcmp(o->verb, "override") == 0)
		return start_override(c, o, e);
	if (strcmp(o->verb, "protect") == 0) {
		vault_note_remove(c->vault, "override.json");
		return 0;
	}
	if (strcmp(o->verb, "run") != 0 && strcmp(o->verb, "rollback") != 0)
		return err_set(e, ERR_INVALID,
			       "verb must be run, rollback, override or "
			       "protect");
	if (strcmp(o->verb, "run") == 0 && c->run != NULL)
		return 0; /* it is what is wanted */
	if (c->run != NULL)
		return err_set(e, ERR_REFUSED, "a copy is running");
	if (strcmp(o->verb, "run") == 0)
		start_run(c, true, o->verify);
	else
		look(c, true);
	return 0;
}

void
copy_metrics(const struct copy *c, struct strbuf *out)
{
	copy_state_metrics(&c->state, clock_wall_us(), out);
}
