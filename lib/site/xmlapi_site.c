/* What the XML API tells about the site itself: GetSite, LstTimeZone and
 * LstMeetingType. */
#include <stdio.h>
#include <string.h>

#include "http/url.h"
#include "site/files.h"
#include "site/settings.h"
#include "site/site.h"
#include "site/xmlapi_meeting.h"
#include "site/xmlapi_op.h"
#include "site/xmlvalue.h"

static void run_site(struct api *a);
static void run_zones(struct api *a);
static void run_types(struct api *a);

const struct xmlapi_op xmlapi_site_ops[] = {
	{ "GetSite", "site", "ns1", "getSiteResponse", XMLAPI_NEEDS_ACCOUNT,
	  run_site },
	{ "LstTimeZone", "site", "ns1", "lstTimeZoneResponse",
	  XMLAPI_NEEDS_ACCOUNT, run_zones },
	{ "LstMeetingType", "meetingtype", "mtgtype", "lstMeetingTypeResponse",
	  XMLAPI_NEEDS_ACCOUNT, run_types },
	{ 0 },
};

static const struct type {
	int64_t id;
	const char *code, *name;
	bool listed; /* in schedulers */
} types[] = {
	{ 3, "PRO", "Pro Meeting", true },
	{ XMLAPI_AUDIO_ONLY, "AUO", "Teleconference", false },
};
#define TYPES (sizeof(types) / sizeof(types[0]))

#define TRUE "true"
#define FALSE "false"

/* Pairs of names and texts, up to a NULL name. */
static void
leaves(struct strbuf *out, const char *const *pairs)
{
	for (; pairs[0] != NULL; pairs += 2)
		xml_leaf(out, pairs[0], pairs[1]);
}

/* Two that are the same on both sites exactly while their files are. */
struct versions {
	char pages[FILES_STAMP_SIZE], clients[FILES_STAMP_SIZE];
};

static void
read_versions(struct api *a, struct versions *out)
{
	struct files_view *v = files_hold(a->site->files);

	files_stamp(v, "pages", a->company->name, out->pages);
	files_stamp(v, "clients", a->company->name, out->clients);
	files_release(&v);
}

static void
add_meta(struct api *a, const struct timezone_info *tz,
	 const struct versions *versions, struct strbuf *sb)
{
	const char *name = a->company->name;
	const char *host = strstr(a->site->conf->public_url, "://") + 3;
	const char *brand = a->company->brand[0] != '\0' ? a->company->brand
							 : name;
	const char *domain = arena_printf(a->arena, "%s.%s", name, host);

	xml_open(sb, "ns1:metaData");
	leaves(sb, (const char *const[]){ "ns1:isEnterprise", FALSE,
					  "ns1:serviceType", "MeetingCenter",
					  NULL });
	for (size_t i = 0; i < TYPES; i++) {
		xml_open(sb, "ns1:meetingTypes");
		xml_leaf_int(sb, "ns1:meetingTypeID", types[i].id);
		xml_leaf(sb, "ns1:meetingTypeName", types[i].name);
		xml_leaf(sb, "ns1:hideInScheduler",
			 types[i].listed ? FALSE : TRUE);
		xml_close(sb, "ns1:meetingTypes");
	}
	leaves(sb, (const char *const[]){ "ns1:siteName", name, "ns1:brandName",
					  brand, "ns1:region", "US",
					  "ns1:currency", "US Dollars", NULL });
	xml_leaf_int(sb, "ns1:timeZoneID", tz->id);
	leaves(sb, (const char *const[]){ "ns1:timeZone",
					  tz->text,
					  "ns1:webDomain",
					  domain,
					  "ns1:meetingDomain",
					  domain,
					  "ns1:telephonyDomain",
					  domain,
					  "ns1:pageVersion",
					  versions->pages,
					  "ns1:clientVersion",
					  versions->clients,
					  "ns1:pageLanguage",
					  "ENGLISH",
					  "ns1:activateStatus",
					  TRUE,
					  "ns1:webPageType",
					  "J2EE",
					  "ns1:iCalendar",
					  TRUE,
					  NULL });
	xml_close(sb, "ns1:metaData");
}

static void
add_security(struct api *a, struct strbuf *sb)
{
	struct settings s;

	settings_of(a, &s);
	xml_open(sb, "ns1:securityOptions");
	leaves(sb, (const char *const[]){
		       "ns1:allMeetingsUnlisted", s.all_unlisted ? TRUE : FALSE,
		       "ns1:allMeetingsPassword", s.all_password ? TRUE : FALSE,
		       "ns1:joinBeforeHost", s.join_before_host ? TRUE : FALSE,
		       NULL });
	xml_close(sb, "ns1:securityOptions");
}

static void
run_site(struct api *a)
{
	STRBUF_AUTO sb = { 0 };
	struct versions versions;

	read_versions(a, &versions);
	xml_open(&sb, "ns1:siteInstance");
	add_meta(a, timezone_by_id(TIMEZONE_GMT), &versions, &sb);
	leaves(&sb,
	       (const char *const[]){ "ns1:ucf", NULL, "ns1:clientPlatforms",
				      NULL, "ns1:resourceRestrictions", NULL,
				      "ns1:supportAPI", TRUE, NULL });
	xml_open(&sb, "ns1:supportedServices");
	xml_open(&sb, "ns1:meetingCenter");
	leaves(&sb, (const char *const[]){
			"ns1:enabled", TRUE, "ns1:pageVersion", versions.pages,
			"ns1:clientVersion", versions.clients, NULL });
	xml_close(&sb, "ns1:meetingCenter");
	xml_close(&sb, "ns1:supportedServices");
	add_security(a, &sb);
	xml_close(&sb, "ns1:siteInstance");
	xmlapi_answer(a, &sb);
}

/* Numbers below the body; none at all are all. */
static bool
is_wanted(struct api *a, const char *name, int64_t id)
{
	const struct xml_node *n = xml_child(xmlapi_body(a), name);
	bool any = false;
	int64_t number;

	for (; n != NULL; n = xml_next(n, name)) {
		if (span_to_i64(span_of(n->text), &number) == 0 && number == id)
			return true;
		any |= n->text[0] != '\0';
	}
	return !any;
}

/* "GMT-08:00, Pacific (San Jose)" -> "Pacific" */
static const char *
short_name(struct api *a, const struct timezone_info *tz)
{
	const char *name = strstr(tz->text, ", ") + 2;
	const char *end = strstr(name, " (");

	return arena_strndup(a->arena, name, (size_t)(end - name));
}

static void
add_zone(struct api *a, const struct timezone_info *tz, int64_t at,
	 struct strbuf *sb)
{
	const char *name = short_name(a, tz);

	xml_open(sb, "ns1:timeZone");
	xml_leaf_int(sb, "ns1:timeZoneID", tz->id);
	xml_leaf_int(sb, "ns1:gmtOffset", timezone_offset_s(tz, at) / 60);
	xml_leaf(sb, "ns1:description", tz->text);
	xml_leaf(sb, "ns1:shortName", name);
	xml_leaf(sb, "ns1:hideTimeZoneName", FALSE);
	xml_leaf(sb, "ns1:fallInDST", timezone_is_dst(tz, at) ? TRUE : FALSE);
	xml_leaf(sb, "ns1:standardLabel",
		 arena_printf(a->arena, "%s Standard Time", name));
	xml_leaf(sb, "ns1:daylightLabel",
		 arena_printf(a->arena, "%s Summer Time", name));
	xml_close(sb, "ns1:timeZone");
}

/* Offsets are those at the date (GMT), else now. */
static void
run_zones(struct api *a)
{
	const char *date = xmlapi_text(a, "date");
	int64_t at = clock_wall_us();
	const struct timezone_info *all;
	STRBUF_AUTO sb = { 0 };
	struct err e;
	unsigned n;

	all = timezone_table(&n);
	if (date != NULL &&
	    xmlvalue_instant(date, "date", timezone_by_id(TIMEZONE_GMT), &at,
			     &e) < 0) {
		xmlapi_invalid(a, &e);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		if (is_wanted(a, "timeZoneID", all[i].id))
			add_zone(a, &all[i], at, &sb);
	if (sb.len == 0)
		api_fail(a, FAULT_NO_RECORD, NULL);
	else
		xmlapi_answer(a, &sb);
}

static void
add_type(const struct type *t, struct strbuf *sb)
{
	xml_open(sb, "mtgtype:meetingType");
	leaves(sb, (const char *const[]){
		       "mtgtype:productCodePrefix", t->code, "mtgtype:active",
		       "ACTIVATED", "mtgtype:name", t->name,
		       "mtgtype:displayName", t->name, NULL });
	xml_open(sb, "mtgtype:limits");
	leaves(sb,
	       (const char *const[]){ "mtgtype:maxDuration", "1440",
				      "mtgtype:maxInMeetingUser", "2000",
				      "mtgtype:maxMeetingUser", "2000", NULL });
	xml_close(sb, "mtgtype:limits");
	leaves(sb, (const char *const[]){ "mtgtype:options", NULL,
					  "mtgtype:phoneNumbers", NULL, NULL });
	xml_leaf_int(sb, "mtgtype:meetingTypeID", t->id);
	xml_open(sb, "mtgtype:serviceTypes");
	xml_leaf(sb, "mtgtype:serviceType", "MeetingCenter");
	xml_close(sb, "mtgtype:serviceTypes");
	xml_close(sb, "mtgtype:meetingType");
}

static void
run_types(struct api *a)
{
	static const char *const orders[] = { NULL };
	struct store_page *page = &xmlapi_call(a)->page;
	STRBUF_AUTO items = { 0 };
	STRBUF_AUTO sb = { 0 };
	int64_t total = 0;
	size_t n = 0;
	struct err e;

	if (xmlapi_page_read(a, orders, page, &e) < 0) {
		xmlapi_invalid(a, &e);
		return;
	}
	for (size_t i = 0; i < TYPES; i++) {
		if (!is_wanted(a, "meetingTypeID", types[i].id))
			continue;
		if (total++ < page->skip || (int64_t)n >= page->max)
			continue;
		add_type(&types[i], &items);
		n++;
	}
	if (n == 0) {
		api_fail(a, FAULT_NO_RECORD, NULL);
		return;
	}
	xmlapi_records(a, total, n, &sb);
	strbuf_add_span(&sb, strbuf_span(&items));
	xmlapi_answer(a, &sb);
}
