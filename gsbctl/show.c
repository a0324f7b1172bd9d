#include "gsbctl/show.h"

#include <stdarg.h>
#include <string.h>

#include "gsbctl/words.h"

#define COLUMN 26

enum hue { PLAIN, GOOD, BAD, WARN, DIM, BOLD };

static const char *const hues[] = { "", "32", "31", "33", "2", "1" };

static void paint(const struct show *s, enum hue hue, int width,
		  const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Padded to width after the colour, so that columns stand. */
static void
paint(const struct show *s, enum hue hue, int width, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (s->color && hue != PLAIN)
		fprintf(s->to, "\033[%sm%s\033[0m", hues[hue], text);
	else
		fputs(text, s->to);
	for (int n = (int)strlen(text); n < width; n++)
		fputc(' ', s->to);
}

static void
label(const struct show *s, const char *name)
{
	fputs("  ", s->to);
	paint(s, DIM, 11, "%s", name);
}

static void
end(const struct show *s)
{
	fputc('\n', s->to);
}

/* The last column ends where its text does. */
static int
width_of(const char *site)
{
	return strcmp(site, "primary") == 0 ? COLUMN : 0;
}

static const char *
site_path(char buf[static WORDS_SIZE], const char *site, const char *rest)
{
	snprintf(buf, WORDS_SIZE, "sites.%s.%s", site, rest);
	return buf;
}

static enum hue
state_hue(const char *state)
{
	if (strcmp(state, "NORMAL") == 0)
		return GOOD;
	if (strcmp(state, "CLOSED") == 0 || strcmp(state, "LOST") == 0 ||
	    strcmp(state, "FENCING") == 0)
		return BAD;
	return WARN;
}

static enum hue
verdict_hue(const char *verdict)
{
	return strcmp(verdict, "whole") == 0     ? GOOD
	       : strcmp(verdict, "partial") == 0 ? WARN
	       : strcmp(verdict, "unknown") == 0 ? DIM
						 : BAD;
}

static void
show_head(const struct show *s, const json_t *d)
{
	const char *state = words_str(d, "state", "?");
	char buf[WORDS_SIZE];
	int64_t paused = words_int(d, "paused_until_us");

	label(s, "state");
	paint(s, state_hue(state), 0, "%s", state);
	fprintf(s->to, " for %s", words_ms(words_int(d, "state_ms"), buf));
	if (paused > 0)
		paint(s, WARN, 0, ", paused until %s", words_time(paused, buf));
	if (words_bool(d, "observe"))
		paint(s, WARN, 0, ", automation only observes");
	if (!words_bool(d, "automatic"))
		paint(s, WARN, 0, ", failover.automatic is off");
	end(s);
	label(s, "serving");
	paint(s, BOLD, 0, "%s", words_str(d, "active", "nobody"));
	fprintf(s->to, ", epoch %lld, %s", (long long)words_int(d, "epoch"),
		words_str(d, "mode", "?"));
	if (strcmp(words_str(d, "routing", "serve"), "serve") != 0)
		paint(s, WARN, 0, ", requests are %s",
		      strcmp(words_str(d, "routing", ""), "hold") == 0
			  ? "held"
			  : "answered 503");
	end(s);
	label(s, "since");
	fprintf(s->to, "%s by %s: %s\n",
		words_time(words_int(d, "when_us"), buf),
		words_str(d, "who", "?"), words_str(d, "why", "?"));
	if (words_int(d, "maintained_us") != 0)
		show_maintenance(s, d);
	show_redirects(s, d);
	label(s, "commits");
	if (words_bool(d, "degraded"))
		paint(s, BAD, 0, "DEGRADED: on one site alone");
	else
		paint(s, GOOD, 0, "on both sites");
	end(s);
}

void
show_redirects(const struct show *s, const json_t *d)
{
	json_t *list = NULL;
	char buf[WORDS_SIZE];

	(void)json_get_array(d, "redirects", &list, NULL);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *r = json_array_get(list, i);
		bool rooms = strcmp(words_str(r, "service", ""), "collab") == 0;

		label(s, "redirect");
		paint(s, WARN, 0, "%s to the %s",
		      rooms ? "all rooms" : words_str(r, "company", "?"),
		      words_str(r, "to", "?"));
		fprintf(s->to, " until %s\n",
			words_time(words_int(r, "until_us"), buf));
	}
}

void
show_maintenance(const struct show *s, const json_t *d)
{
	int64_t since = words_int(d, "maintained_us");
	int64_t until = words_int(d, "maintained_until_us");
	char buf[WORDS_SIZE];

	label(s, "primary");
	if (since == 0) {
		fputs("not under maintenance\n", s->to);
		return;
	}
	paint(s, WARN, 0, "under maintenance since %s", words_time(since, buf));
	if (until != 0)
		paint(s, words_int(d, "wall_us") > until ? BAD : PLAIN, 0,
		      ", announced until %s", words_time(until, buf));
	end(s);
}

static void
show_ways(const struct show *s, const json_t *d)
{
	label(s, "fail-over");
	if (words_bool(d, "failover.ready"))
		paint(s, GOOD, 0, "to the %s: ready",
		      words_str(d, "failover.to", "?"));
	else
		paint(s, BAD, 0, "to the %s: no, %s",
		      words_str(d, "failover.to", "?"),
		      words_str(d, "failover.why_not", "?"));
	end(s);
	if (strcmp(words_str(d, "active", ""), "backup") != 0)
		return;
	label(s, "fail-back");
	if (words_bool(d, "failback.ready"))
		paint(s, GOOD, 0, "ready");
	else
		paint(s, WARN, 0, "not yet: %s",
		      words_str(d, "failback.why_not", "?"));
	end(s);
}

static void
service_cell(const struct show *s, const json_t *d, const char *site,
	     const char *service)
{
	char rest[WORDS_SIZE], path[2 * WORDS_SIZE], text[WORDS_SIZE];
	char left[WORDS_SIZE];
	const char *health;
	bool serves;

	snprintf(rest, sizeof(rest), "services.%s.health", service);
	snprintf(path, sizeof(path), "sites.%s.%s", site, rest);
	health = words_str(d, path, "?");
	snprintf(path, sizeof(path), "sites.%s.services.%s.serving", site,
		 service);
	serves = words_bool(d, path);
	snprintf(path, sizeof(path), "sites.%s.services.%s.lease_ms", site,
		 service);
	snprintf(text, sizeof(text), "%s%s%.20s", health,
		 serves ? ", lease " : "",
		 serves ? words_ms(words_int(d, path), left) : "");
	paint(s,
	      strcmp(health, "ok") == 0     ? GOOD
	      : strcmp(health, "down") == 0 ? BAD
					    : DIM,
	      width_of(site), "%s", text);
}

static void
text_cell(const struct show *s, const json_t *d, const char *site,
	  const char *rest)
{
	char path[WORDS_SIZE];
	const char *text = words_str(d, site_path(path, site, rest), "-");
	bool good = strcmp(text, "ok") == 0 || strcmp(text, "on") == 0 ||
		    strcmp(text, "remote_apply") == 0;
	bool bad = strcmp(text, "down") == 0 || strcmp(text, "degraded") == 0;

	paint(s, good ? GOOD : bad ? BAD : PLAIN, width_of(site), "%s", text);
}

static void
lag_cell(const struct show *s, const json_t *d, const char *site, int width)
{
	char path[WORDS_SIZE], bytes[WORDS_SIZE], ms[WORDS_SIZE];
	const char *state = words_str(
	    d, site_path(path, site, "replication.out.state"), "unknown");

	words_bytes(
	    words_int(d, site_path(path, site, "replication.out.lag_bytes")),
	    bytes);
	words_ms(words_int(d, site_path(path, site, "replication.out.lag_ms")),
		 ms);
	int64_t risk = words_int(
	    d, site_path(path, site, "replication.out.at_risk"));

	if (risk > 0)
		paint(s, WARN, width, "%s, %lld at risk", state,
		      (long long)risk);
	else if (strcmp(state, "streaming") == 0)
		paint(s, PLAIN, width, "%s behind, %s", bytes, ms);
	else
		paint(s, strcmp(state, "unknown") == 0 ? DIM : WARN, width,
		      "%s", state);
}

/* When all tables were last seen equal; or that they are being made so. */
static void
verified_cell(const struct show *s, const json_t *d, const char *site,
	      const char *rest)
{
	char path[WORDS_SIZE], key[2 * WORDS_SIZE], ago[WORDS_SIZE];
	int64_t age;

	site_path(path, site, "replication.digest");
	snprintf(key, sizeof(key), "%s.healing", path);
	if (words_bool(d, key)) {
		paint(s, WARN, width_of(site), "healing");
		return;
	}
	snprintf(key, sizeof(key), "%s.verified_age_ms", path);
	if (json_get_int(d, key, &age, NULL) == 1)
		paint(s, PLAIN, width_of(site), "%s ago", words_ms(age, ago));
	else
		paint(s, DIM, width_of(site), "not yet");
}

/* What a fail-over to it would wait for. */
static void
unmerged_cell(const struct show *s, const json_t *d, const char *site,
	      const char *rest)
{
	char path[WORDS_SIZE];
	bool promised = words_int(d, site_path(path, site,
					       "replication.in.acknowledged")) >
			0;
	bool pending = words_int(d, site_path(path, site,
					      "replication.in.pending")) > 0;

	paint(s, promised || pending ? PLAIN : DIM, width_of(site), "%s",
	      promised  ? "acknowledged"
	      : pending ? "some"
			: "none");
}

static void
number_cell(const struct show *s, const json_t *d, const char *site,
	    const char *rest)
{
	char path[WORDS_SIZE];

	paint(s, PLAIN, width_of(site), "%lld",
	      (long long)words_int(d, site_path(path, site, rest)));
}

static void
verdict_cell(const struct show *s, const json_t *d, const char *site, int width)
{
	char path[WORDS_SIZE];
	const char *verdict = words_str(d, site_path(path, site, "verdict"),
					"?");
	bool active = words_bool(d, site_path(path, site, "active"));

	paint(s, verdict_hue(verdict), width, "%s%s", verdict,
	      active ? ", active" : "");
}

static const struct row {
	const char *name;
	void (*text)(const struct show *s, const json_t *d, const char *site,
		     const char *rest);
	const char *rest;
} rows[] = {
	{ "database", text_cell, "services.web.db" },
	{ "web", service_cell, "web" },
	{ "collab", service_cell, "collab" },
	{ "rooms", number_cell, "services.collab.rooms" },
	{ "sync", text_cell, "replication.sync" },
	{ "equal", verified_cell, "" },
	{ "unmerged", unmerged_cell, "" },
	{ "in flight", number_cell, "traffic.in_flight" },
	{ "websockets", number_cell, "traffic.websockets" },
	{ "version", text_cell, "services.web.version" },
};

static void
show_error(const struct show *s, const json_t *d, const char *site,
	   const char *service)
{
	char path[2 * WORDS_SIZE];
	const char *error;

	snprintf(path, sizeof(path), "sites.%s.services.%s.error", site,
		 service);
	error = words_str(d, path, NULL);
	if (error == NULL)
		return;
	label(s, "");
	paint(s, BAD, 0, "%s %s: %s", site, service, error);
	end(s);
}

static void
show_sites(const struct show *s, const json_t *d)
{
	static const char *const sites[] = { "primary", "backup" };

	label(s, "");
	paint(s, BOLD, COLUMN, "primary");
	paint(s, BOLD, 0, "backup");
	end(s);
	label(s, "judged");
	verdict_cell(s, d, "primary", COLUMN);
	verdict_cell(s, d, "backup", 0);
	end(s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		label(s, rows[i].name);
		rows[i].text(s, d, "primary", rows[i].rest);
		rows[i].text(s, d, "backup", rows[i].rest);
		end(s);
	}
	label(s, "sending");
	lag_cell(s, d, "primary", COLUMN);
	lag_cell(s, d, "backup", 0);
	end(s);
	for (int i = 0; i < 2; i++) {
		show_error(s, d, sites[i], "web");
		show_error(s, d, sites[i], "collab");
	}
}

void
show_status(const struct show *s, const json_t *d)
{
	paint(s, BOLD, 0, "gsb-proxy %s  %s", words_str(d, "version", "?"),
	      words_str(d, "public_url", ""));
	fputs("\n\n", s->to);
	show_head(s, d);
	show_ways(s, d);
	end(s);
	show_sites(s, d);
	label(s, "clients");
	fprintf(s->to, "%lld connections, %lld requests held\n",
		(long long)words_int(d, "traffic.connections"),
		(long long)words_int(d, "traffic.held"));
	if (words_str(d, "order.state", NULL) != NULL) {
		label(s, "last order");
		show_order(s, json_object_get(d, "order"));
	}
}

void
show_pair(const struct show *s, const json_t *d)
{
	const char *state = words_str(d, "state", "?");

	label(s, "pair");
	paint(s, state_hue(state), 0, "%s", state);
	fprintf(s->to, ", %s serves, epoch %lld\n",
		words_str(d, "active", "nobody"),
		(long long)words_int(d, "epoch"));
	label(s, "primary");
	verdict_cell(s, d, "primary", COLUMN);
	paint(s, DIM, 8, "sends");
	lag_cell(s, d, "primary", 0);
	end(s);
	label(s, "backup");
	verdict_cell(s, d, "backup", COLUMN);
	paint(s, DIM, 8, "sends");
	lag_cell(s, d, "backup", 0);
	end(s);
}

static void
show_gate(const struct show *s, const json_t *gate)
{
	const char *verdict = words_str(gate, "verdict", "?");
	enum hue hue = strcmp(verdict, "good") == 0 ? GOOD
		       : words_bool(gate, "bars")   ? BAD
						    : DIM;
	char since[WORDS_SIZE];

	fputs("  ", s->to);
	paint(s, hue, 9, "%s", verdict);
	paint(s, PLAIN, 14, "%s", words_str(gate, "gate", "?"));
	paint(s, PLAIN, 48, "%s", words_str(gate, "value", ""));
	paint(s, DIM, 22, "%s", words_str(gate, "limit", ""));
	paint(s, DIM, 0, "%s", words_ms(words_int(gate, "since_ms"), since));
	end(s);
}

void
show_readiness(const struct show *s, const json_t *d)
{
	json_t *gates = NULL;

	show_pair(s, d);
	show_ways(s, d);
	end(s);
	paint(s, DIM, 0, "  %-9s%-14s%-48s%-22s%s", "gate", "", "is", "limit",
	      "since");
	end(s);
	(void)json_get_array(d, "readiness.gates", &gates, NULL);
	for (size_t i = 0; i < json_array_size(gates); i++)
		show_gate(s, json_array_get(gates, i));
}

void
show_order(const struct show *s, const json_t *o)
{
	const char *state = words_str(o, "state", "?");
	const char *to = words_str(o, "to", NULL);
	bool done = strcmp(state, "done") == 0;
	bool runs = strcmp(state, "running") == 0;

	fprintf(s->to, "%s%s%s ", words_str(o, "verb", "order"),
		to != NULL ? " to " : "", to != NULL ? to : "");
	paint(s, done ? GOOD : runs ? WARN : BAD, 0, "%s", state);
	fprintf(s->to, " (order %lld): %s\n", (long long)words_int(o, "id"),
		words_str(o, "message", ""));
}
