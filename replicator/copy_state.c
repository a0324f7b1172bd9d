#include "replicator/copy_state.h"

#include <inttypes.h>
#include <string.h>

#define SEEN_MAX 32

static json_t *
last_json(const struct copy_state *s)
{
	const struct copy_result *r = &s->last;
	json_t *doc = json_object();

	json_put_bool(doc, "ok", s->error.code == ERR_NONE);
	json_put_str(doc, "error",
		     s->error.code != ERR_NONE ? err_text(&s->error) : NULL);
	json_put_int(doc, "began_us", s->began_us);
	json_put_int(doc, "ended_us", s->ended_us);
	json_put_bool(doc, "same", r->same);
	json_put_bool(doc, "mended", r->mended);
	json_put_bool(doc, "held", r->held);
	json_put_int(doc, "version", r->version);
	json_put_int(doc, "added", r->diff.added);
	json_put_int(doc, "changed", r->diff.changed);
	json_put_int(doc, "removed", r->diff.removed);
	json_put_bool(doc, "settings", r->diff.settings);
	json_put_int(doc, "files", r->files);
	json_put_int(doc, "bytes", r->bytes);
	json_put_int(doc, "bytes_changed", r->diff.bytes);
	json_put_int(doc, "fetched", r->fetched);
	json_put_int(doc, "wire_in", r->wire_in);
	json_put_int(doc, "wire_out", r->wire_out);
	json_put_str(doc, "replaced",
		     r->replaced[0] != '\0' ? r->replaced : NULL);
	return doc;
}

void
copy_state_json(const struct copy_state *s, int64_t now_us, json_t *doc)
{
	json_put_int(doc, "verified_us", s->verified_us);
	json_put(doc, "age_ms",
		 s->verified_us > 0
		     ? json_integer((now_us - s->verified_us) / 1000)
		     : json_null());
	json_put_bool(doc, "alarm", copy_state_alarm(s, now_us));
	json_put_int(doc, "done_us", s->done_us);
	json_put_str(doc, "held", s->held[0] != '\0' ? s->held : NULL);
	json_put_int(doc, "failures", s->failures);
	json_put(doc, "last", s->ended_us > 0 ? last_json(s) : json_null());
}

void
copy_state_write(const struct copy_state *s, struct strbuf *out)
{
	JSON_AUTO doc = json_object();

	copy_state_json(s, s->ended_us, doc);
	json_object_del(doc, "age_ms");
	json_object_del(doc, "alarm");
	json_put(doc, "seen",
		 s->seen != NULL ? json_deep_copy(s->seen) : json_object());
	json_write(doc, JSON_AS_MADE, out);
	strbuf_addc(out, '\n');
}

static void
read_last(struct copy_state *s, const json_t *doc)
{
	struct copy_result *r = &s->last;
	const char *words = NULL;
	bool ok = true;

	json_get_bool(doc, "ok", &ok, NULL);
	json_get_str(doc, "error", &words, NULL);
	if (!ok)
		err_set(&s->error, ERR_IO, "%s", words != NULL ? words : "");
	json_get_int(doc, "began_us", &s->began_us, NULL);
	json_get_int(doc, "ended_us", &s->ended_us, NULL);
	json_get_bool(doc, "same", &r->same, NULL);
	json_get_bool(doc, "mended", &r->mended, NULL);
	json_get_bool(doc, "held", &r->held, NULL);
	json_get_int(doc, "version", &r->version, NULL);
	json_get_int(doc, "added", &r->diff.added, NULL);
	json_get_int(doc, "changed", &r->diff.changed, NULL);
	json_get_int(doc, "removed", &r->diff.removed, NULL);
	json_get_bool(doc, "settings", &r->diff.settings, NULL);
	json_get_int(doc, "files", &r->files, NULL);
	json_get_int(doc, "bytes", &r->bytes, NULL);
	json_get_int(doc, "bytes_changed", &r->diff.bytes, NULL);
	json_get_int(doc, "fetched", &r->fetched, NULL);
	json_get_int(doc, "wire_in", &r->wire_in, NULL);
	json_get_int(doc, "wire_out", &r->wire_out, NULL);
	words = "";
	json_get_str(doc, "replaced", &words, NULL);
	snprintf(r->replaced, sizeof(r->replaced), "%s", words);
}

void
copy_state_read(struct copy_state *s, struct span text)
{
	JSON_AUTO doc = json_read(text, NULL);
	const char *held = "";
	json_t *last = NULL, *seen = NULL;

	*s = (struct copy_state){ 0 };
	json_get_int(doc, "verified_us", &s->verified_us, NULL);
	json_get_int(doc, "done_us", &s->done_us, NULL);
	json_get_str(doc, "held", &held, NULL);
	snprintf(s->held, sizeof(s->held), "%s", held);
	if (json_get_object(doc, "last", &last, NULL) == 1)
		read_last(s, last);
	if (json_get_object(doc, "seen", &seen, NULL) == 1)
		s->seen = json_incref(seen);
	else
		s->seen = json_object();
}

void
copy_state_fini(struct copy_state *s)
{
	json_decref(s->seen);
	s->seen = NULL;
}

static void
note_seen(struct copy_state *s, const char *digest, int64_t at_us)
{
	/* A few more than versions are kept; which goes does not matter. */
	while (json_object_size(s->seen) >= SEEN_MAX)
		json_object_del(
		    s->seen, json_object_iter_key(json_object_iter(s->seen)));
	json_put_int(s->seen, digest, at_us);
}

void
copy_state_note(struct copy_state *s, int64_t began_us, int64_t now_us,
		const struct copy_result *result, const struct err *err)
{
	s->began_us = began_us;
	s->ended_us = now_us;
	s->runs++;
	s->wire_in += result->wire_in;
	s->last = *result;
	if (err != NULL) {
		s->error = *err;
		s->failures++;
		s->failed++;
		return;
	}
	err_clear(&s->error);
	s->failures = 0;
	s->fetched += result->fetched;
	s->done_us = result->asked_us;
	if (result->held)
		return;
	s->held[0] = '\0';
	s->verified_us = result->asked_us;
	note_seen(s, result->digest, result->asked_us);
}

void
copy_state_rolled_back(struct copy_state *s, const char *from, const char *to)
{
	int64_t seen = 0;

	snprintf(s->held, sizeof(s->held), "%s", from);
	json_get_int(s->seen, to, &seen, NULL);
	s->verified_us = seen;
}

bool
copy_state_alarm(const struct copy_state *s, int64_t now_us)
{
	return now_us - s->verified_us > COPY_ALARM_US;
}

static void
put(struct strbuf *out, const char *name, const char *kind, const char *help,
    int64_t value)
{
	strbuf_addf(out,
		    "# HELP gsb_copy_%s %s\n# TYPE gsb_copy_%s %s\n"
		    "gsb_copy_%s %" PRId64 "\n",
		    name, help, name, kind, name, value);
}

void
copy_state_metrics(const struct copy_state *s, int64_t now_us,
		   struct strbuf *out)
{
	const struct copy_result *r = &s->last;

	put(out, "age_seconds", "gauge",
	    "Since what is here was the primary's; -1: never.",
	    s->verified_us > 0 ? (now_us - s->verified_us) / 1000000 : -1);
	put(out, "alarm", "gauge", "It is older than 24 hours.",
	    copy_state_alarm(s, now_us));
	put(out, "failures", "gauge", "In a row.", s->failures);
	put(out, "held", "gauge", "An operator has rolled back.",
	    s->held[0] != '\0');
	put(out, "runs_total", "counter", "Copies that ended.",
	    (int64_t)s->runs);
	put(out, "failed_total", "counter", "Of them, not well.",
	    (int64_t)s->failed);
	put(out, "wire_bytes_total", "counter", "Received.", s->wire_in);
	put(out, "fetched_bytes_total", "counter", "Of content.", s->fetched);
	put(out, "version", "gauge", "Of the last copy.", r->version);
	put(out, "files", "gauge", "Of that version.", r->files);
	put(out, "bytes", "gauge", "Of that version.", r->bytes);
	put(out, "last_took_ms", "gauge", "The last copy.",
	    (s->ended_us - s->began_us) / 1000);
}
