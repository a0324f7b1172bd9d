#include "proxy/companies.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "proxy/sitecall.h"

#define CALL_MS 2000
/* The site hashes the first password and writes; that takes its time. */
#define ADD_MS 15000
#define ID_BYTES 16

struct companies {
	char *path;
	char *temp;
	const struct keyring *keys;
	void (*on_change)(void *ctx);
	void *ctx;
	json_t *list; /* {"etag", "companies"}; NULL: not known */
	struct route_companies *names;
	uint64_t serial;
	struct httpc *call;
	int64_t not_before_ms; /* after a failed call */
};

struct companies_add {
	struct companies *owner;
	struct httpc *call;
	companies_added_fn *fn;
	void *ctx;
};

static int
take_list(struct companies *c, json_t *doc, struct err *e)
{
	json_t *list;
	const char *etag;
	struct span *names;
	size_t n;

	if (json_need_str(doc, "etag", &etag, e) < 0 ||
	    json_get_array(doc, "companies", &list, e) != 1)
		return -1;
	n = json_array_size(list);
	names = mem_array(struct span, n + 1);
	for (size_t i = 0; i < n; i++)
		names[i] = span_of(json_string_value(json_array_get(list, i)));
	route_companies_free(&c->names);
	c->names = route_companies_new(names, n);
	mem_free(names);
	json_incref(doc);
	json_decref(c->list);
	c->list = doc;
	c->serial++;
	return 0;
}

static void
load(struct companies *c)
{
	STRBUF_AUTO text = { 0 };
	struct err e = { 0 };

	if (file_read(c->path, SIZE_MAX, &text, &e) < 0) {
		if (e.code != ERR_NOT_FOUND)
			log_warn("companies", "error=\"%s\"", err_text(&e));
		return;
	}
	JSON_AUTO doc = json_read(strbuf_span(&text), &e);
	if (doc == NULL || take_list(c, doc, &e) < 0)
		log_warn("companies", "file=%s error=\"%s\"", c->path,
			 err_text(&e));
}

/* A cache: losing it costs one question, so no fsync. */
static void
save(const struct companies *c)
{
	STRBUF_AUTO text = { 0 };
	FILE *f = fopen(c->temp, "we");
	bool good;

	if (f == NULL) {
		log_warn("companies", "file=%s error=\"%s\"", c->temp,
			 strerror(errno));
		return;
	}
	json_write(c->list, JSON_AS_MADE, &text);
	good = fwrite(text.at, 1, text.len, f) == text.len;
	good = fclose(f) == 0 && good;
	if (!good || rename(c->temp, c->path) < 0)
		log_warn("companies", "file=%s error=\"%s\"", c->path,
			 strerror(errno));
}

struct companies *
companies_open(const struct companies_conf *conf)
{
	struct companies *c = mem_new(struct companies);

	c->path = mem_printf("%s/companies.json", conf->dir);
	c->temp = mem_printf("%s/companies.json.new", conf->dir);
	c->keys = conf->keys;
	c->on_change = conf->on_change;
	c->ctx = conf->ctx;
	load(c);
	return c;
}

void
companies_close(struct companies **cp)
{
	struct companies *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	httpc_cancel(&c->call);
	route_companies_free(&c->names);
	json_decref(c->list);
	mem_free(c->path);
	mem_free(c->temp);
	mem_free(c);
}

struct route_companies *
companies_hold(struct companies *c)
{
	return c->names != NULL ? route_companies_hold(c->names) : NULL;
}

bool
companies_know(const struct companies *c, const char *name)
{
	return c->names != NULL && route_companies_has(c->names, span_of(name));
}

uint64_t
companies_serial(const struct companies *c)
{
	return c->serial;
}

json_t *
companies_json(const struct companies *c)
{
	json_t *doc;

	if (c->list != NULL)
		return json_incref(c->list);
	doc = json_object();
	json_put_str(doc, "etag", NULL);
	json_put(doc, "companies", json_array());
	return doc;
}

static void
on_list(void *ctx, const struct httpc_answer *answer, const struct err *err)
{
	struct companies *c = ctx;
	struct err e = { 0 };

	c->call = NULL; /* it has ended */
	c->not_before_ms = clock_mono_ms() + 1000;
	if (sitecall_check(answer, err, &e) < 0) {
		log_warn("companies", "error=\"%s\"", err_text(&e));
		return;
	}
	JSON_AUTO doc = json_read(answer->body, &e);
	if (doc == NULL || take_list(c, doc, &e) < 0) {
		log_warn("companies", "error=\"the site's list: %s\"",
			 err_text(&e));
		return;
	}
	c->not_before_ms = 0;
	save(c);
	c->on_change(c->ctx);
}

void
companies_heard(struct companies *c, const char *address, const char *etag)
{
	const char *known = NULL;
	JSON_AUTO doc = json_object();
	STRBUF_AUTO body = { 0 };

	if (c->call != NULL || etag[0] == '\0' ||
	    clock_mono_ms() < c->not_before_ms)
		return;
	if (c->list != NULL &&
	    json_get_str(c->list, "etag", &known, NULL) == 1 &&
	    strcmp(known, etag) == 0)
		return;
	json_put_str(doc, "op", "list");
	json_put_int(doc, "at_us", clock_wall_us());
	json_write(doc, JSON_AS_MADE, &body);
	c->call = sitecall_start(&(struct sitecall){ .address = address,
						     .path = "/gsb/companies",
						     .keys = c->keys,
						     .timeout_ms = CALL_MS },
				 strbuf_span(&body), on_list, c);
}

void
companies_add_cancel(struct companies_add **ap)
{
	struct companies_add *a = *ap;

	*ap = NULL;
	if (a == NULL)
		return;
	httpc_cancel(&a->call);
	mem_free(a);
}

static void
on_added(void *ctx, const struct httpc_answer *answer, const struct err *err)
{
	struct companies_add *a = ctx;
	companies_added_fn *fn = a->fn;
	void *owner = a->ctx;

	a->call = NULL; /* it has ended */
	a->owner->not_before_ms = 0;
	companies_add_cancel(&a);
	if (err != NULL) {
		fn(owner, 0, NULL, err);
		return;
	}
	JSON_AUTO doc = json_read(answer->body, NULL);
	fn(owner, answer->status, doc, NULL);
}

struct companies_add *
companies_add(struct companies *c, const struct companies_target *to,
	      const json_t *body, companies_added_fn *fn, void *ctx)
{
	struct companies_add *a = mem_new(struct companies_add);
	JSON_AUTO doc = json_copy((json_t *)(uintptr_t)body);
	STRBUF_AUTO text = { 0 };
	STRBUF_AUTO request = { 0 };
	uint8_t id[ID_BYTES];
	char epoch[24];
	const struct httpc_field fields[] = {
		{ "GSB-Epoch", epoch },
		{ "GSB-Site", route_site_name(to->site) },
		{ "GSB-Request", NULL },
		{ NULL, NULL },
	};
	struct httpc_field sent[4];

	if (json_object_get(doc, "op") == NULL)
		json_put_str(doc, "op", "add");
	json_put_int(doc, "at_us", clock_wall_us());
	json_write(doc, JSON_AS_MADE, &text);
	snprintf(epoch, sizeof(epoch), "%llu", (unsigned long long)to->epoch);
	crypto_random(id, sizeof(id));
	crypto_base64url(span_make((const char *)id, sizeof(id)), &request);
	strbuf_addf(&request, ";%lld", (long long)clock_pg_us());
	memcpy(sent, fields, sizeof(sent));
	sent[2].value = strbuf_text(&request);
	a->owner = c;
	a->fn = fn;
	a->ctx = ctx;
	a->call = sitecall_start(&(struct sitecall){ .address = to->address,
						     .path = "/gsb/companies",
						     .keys = c->keys,
						     .timeout_ms = ADD_MS,
						     .fields = sent },
				 strbuf_span(&text), on_added, a);
	return a;
}
