/*
 * A request to the XML API, read liberally: every shape that integrations
 * send becomes the same plain structure. Pure.
 *
 * Accepted: raw XML whatever the Content-Type says; a form with XML= (the
 * document encoded or raw) and UID PWD SID PID beside it; roots and children
 * with any prefix, declared or not; names in any case; the operation as
 * "java:com.webex.service.binding.meeting.CreateMeeting" (a blank behind the
 * colon too) or "meet:createMeeting". An empty element counts as absent.
 */
#ifndef SITE_XMLAPI_REQUEST_H
#define SITE_XMLAPI_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "base/xml.h"

/* NULL or 0: absent. */
struct xmlapi_security {
	const char *webex_id;
	const char *email;
	const char *password;
	const char *session_ticket;
	const char *access_token;
	const char *site_name;
	int64_t site_id;
	const char *partner_id;
};

struct xmlapi_request {
	struct xmlapi_security security;
	const char *service;   /* "meeting", "user", ...; NULL: not said */
	const char *operation; /* as sent: "CreateMeeting", "createMeeting" */
	const struct xml_node *body; /* bodyContent */
};

/*
 * Everything in *out lives in the arena. -1: err_text is the reason for the
 * FAILURE document, "validation: ..." and where.
 */
int xmlapi_request_read(struct span body, struct arena *arena,
			struct xmlapi_request *out, struct err *e)
    __attribute__((warn_unused_result));

#endif
