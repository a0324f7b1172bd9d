#include "proxy/redirects.h"

#include <string.h>

#include "base/mem.h"

static int
find(const struct redirects *r, const char *company, enum route_service service)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->one[i].service == service &&
		    span_iis(span_of(company), r->one[i].company))
			return (int)i;
	return -1;
}

static void
take_out(struct redirects *r, unsigned i)
{
	r->n--;
	memmove(&r->one[i], &r->one[i + 1], (r->n - i) * sizeof(r->one[0]));
	memset(&r->one[r->n], 0, sizeof(r->one[0]));
}

int
redirects_set(struct redirects *r, const struct redirects_one *one)
{
	int i = find(r, one->company, one->service);

	if (i < 0 && r->n == REDIRECTS_MAX)
		return -1;
	r->one[i >= 0 ? (unsigned)i : r->n++] = *one;
	return 0;
}

bool
redirects_del(struct redirects *r, const char *company,
	      enum route_service service)
{
	int i = find(r, company, service);

	if (i < 0)
		return false;
	take_out(r, (unsigned)i);
	return true;
}

bool
redirects_drop(struct redirects *r, enum route_site to)
{
	unsigned was = r->n;

	for (unsigned i = r->n; i > 0; i--)
		if (r->one[i - 1].to == to)
			take_out(r, i - 1);
	return r->n != was;
}

bool
redirects_expire(struct redirects *r, int64_t wall_us)
{
	unsigned was = r->n;

	for (unsigned i = r->n; i > 0; i--)
		if (r->one[i - 1].until_us <= wall_us)
			take_out(r, i - 1);
	return r->n != was;
}

bool
redirects_lead(const struct redirects *r, enum route_site to,
	       enum route_service service)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->one[i].to == to && r->one[i].service == service)
			return true;
	return false;
}

json_t *
redirects_json(const struct redirects *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < r->n; i++) {
		const struct redirects_one *one = &r->one[i];
		json_t *doc = json_object();

		json_put_str(doc, "company", one->company);
		json_put_str(doc, "service", route_service_name(one->service));
		json_put_str(doc, "to", route_site_name(one->to));
		json_put_int(doc, "until_us", one->until_us);
		json_array_append_new(list, doc);
	}
	return list;
}

static int
parse_one(const json_t *doc, struct redirects_one *out, struct err *e)
{
	const char *company, *service, *to;

	if (json_need_str(doc, "company", &company, e) < 0 ||
	    json_need_str(doc, "service", &service, e) < 0 ||
	    json_need_str(doc, "to", &to, e) < 0 ||
	    json_need_int(doc, "until_us", &out->until_us, e) < 0)
		return -1;
	if (!span_copy(span_of(company), out->company, sizeof(out->company)))
		return err_set(e, ERR_INVALID, "company is too long");
	out->service = strcmp(service, "collab") == 0 ? ROUTE_COLLAB
						      : ROUTE_WEB;
	out->to = strcmp(to, "backup") == 0 ? ROUTE_BACKUP : ROUTE_PRIMARY;
	return 0;
}

int
redirects_parse(const json_t *list, struct redirects *out, struct err *e)
{
	memset(out, 0, sizeof(*out));
	if (json_array_size(list) > REDIRECTS_MAX)
		return err_set(e, ERR_INVALID, "more than %d redirects",
			       REDIRECTS_MAX);
	for (size_t i = 0; i < json_array_size(list); i++)
		if (parse_one(json_array_get(list, i), &out->one[out->n++], e) <
		    0)
			return err_prefix(e, "redirects");
	return 0;
}

const struct route_redirect *
redirects_route(const struct redirects *r)
{
	struct route_redirect *out;

	if (r->n == 0)
		return NULL;
	out = mem_array(struct route_redirect, r->n);
	for (unsigned i = 0; i < r->n; i++) {
		memcpy(out[i].company, r->one[i].company,
		       sizeof(out[i].company));
		out[i].service[r->one[i].service] = true;
		out[i].to = r->one[i].to;
	}
	return out;
}
