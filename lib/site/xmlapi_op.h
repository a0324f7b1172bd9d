/*
 * What the operations of the XML API share. An operation's run() is called
 * when the caller is who he says and may call it; it ends the request by
 * xmlapi_answer, a write whose render makes xmlapi_content, or api_fail.
 */
#ifndef SITE_XMLAPI_OP_H
#define SITE_XMLAPI_OP_H

#include "site/api.h"
#include "site/auth.h"
#include "site/record.h"
#include "site/store.h"
#include "site/timezone.h"
#include "site/xmlapi_map.h"
#include "site/xmlapi_request.h"

enum xmlapi_need {
	XMLAPI_NEEDS_SITE, /* no credentials */
	XMLAPI_NEEDS_ACCOUNT,
	XMLAPI_NEEDS_HOST,   /* may schedule meetings */
	XMLAPI_NEEDS_READER, /* may see everything of the company */
	XMLAPI_NEEDS_ADMIN,  /* and change it */
};

struct xmlapi_op {
	const char *name;     /* "CreateMeeting"; compared without case */
	const char *service;  /* "meeting" */
	const char *prefix;   /* "meet" */
	const char *response; /* "createMeetingResponse" */
	enum xmlapi_need need;
	auth_fn *run;
};

/* Up to a NULL name. */
extern const struct xmlapi_op xmlapi_user_ops[], xmlapi_login_ops[],
    xmlapi_meeting_ops[], xmlapi_attendee_ops[], xmlapi_session_ops[],
    xmlapi_site_ops[], xmlapi_teleconf_ops[], xmlapi_history_ops[];

#define XMLAPI_VERSION "WebEx XML API V10.0.0"

/* The request's data while it is in the XML API. */
struct xmlapi_call {
	struct xmlapi_request request;
	const struct xmlapi_op *op;    /* NULL until it is known */
	const char *subject;           /* the operation's own: whom */
	const struct meeting *meeting; /* and which */
	const struct xmlapi_sort *sort;
	const struct timezone_info *tz;
	struct store_page page;
};

static inline struct xmlapi_call *
xmlapi_call(const struct api *a)
{
	return a->data;
}

/* The elements of the operation; never NULL. */
const struct xml_node *xmlapi_body(const struct api *a);
/* Text of an element by path, NULL if absent or empty. */
const char *xmlapi_text(const struct api *a, const char *path);

/* bodyContent around the operation's elements: what answers and journals
 * hold. It names the service in its first line, for the envelope. */
struct span xmlapi_content(struct api *a, const struct strbuf *elements);
void xmlapi_answer(struct api *a, const struct strbuf *elements);

/* FAULT_INVALID with the error's text. */
void xmlapi_invalid(struct api *a, const struct err *e);
/* For a render: refuses with that fault. */
void xmlapi_refuse(struct write_answer *out, enum fault fault);

bool xmlapi_is_admin(const struct api *a);
/* As above, or an administrator who only reads. */
bool xmlapi_is_reader(const struct api *a);

/* "https://host/company" of this request's company, in the arena. */
const char *xmlapi_home(struct api *a);

/* Lets guests into the meeting; the same on both sites. In the arena. */
const char *xmlapi_guest_token(struct api *a, const struct meeting *meeting);

/*
 * listControl and order. words: pairs of an orderBy word and the store's
 * order, up to a NULL.
 */
int xmlapi_page_read(struct api *a, const char *const *words,
		     struct store_page *page, struct err *e)
    __attribute__((warn_unused_result));
/* A date of dateScope or dataScope as a timestamptz text, NULL if absent;
 * in the scope's own zone, else GMT. */
int xmlapi_scope_read(struct api *a, const char *path, const char **out,
		      struct err *e) __attribute__((warn_unused_result));
const struct timezone_info *xmlapi_scope_zone(struct api *a);
void xmlapi_records(const struct api *a, int64_t total, size_t returned,
		    struct strbuf *out);

#endif
