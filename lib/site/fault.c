#include "site/fault.h"

#include <assert.h>
#include <stddef.h>

static const struct fault_row rows[] = {
	[FAULT_INTERNAL] = { 500, "000000", "An unexpected error occurred" },
	[FAULT_INVALID] = { 400, NULL, "The request is not valid" },
	[FAULT_UNAUTHENTICATED] = { 401, "030002",
				    "The request carries no valid "
				    "credentials" },
	[FAULT_NO_USER] = { 401, "030001", "Invalid user name" },
	[FAULT_PASSWORD] = { 401, "030002", "Incorrect user or password" },
	[FAULT_TICKET] = { 401, "030047", "Not a valid session ticket" },
	[FAULT_LOCKED] = { 423, "030002",
			   "The account is locked after too many failed "
			   "log-ins; try again later" },
	[FAULT_INACTIVE] = { 403, "030002", "The account is not active" },
	[FAULT_DENIED] = { 403, "000001",
			   "Access denied, additional privileges are "
			   "required" },
	[FAULT_NO_SITE] = { 404, NULL, "Site not found" },
	[FAULT_NO_RECORD] = { 404, "000015", "Sorry, no record found" },
	[FAULT_NO_MEETING] = { 404, "060001",
			       "Corresponding Meeting not found" },
	[FAULT_NO_PAGE] = { 404, NULL, "The requested resource was not found" },
	[FAULT_METHOD] = { 405, NULL,
			   "The method is not allowed for this resource" },
	[FAULT_WEBEXID_EXISTS] = { 409, "030004", "webExId already exists" },
	[FAULT_EMAIL_EXISTS] = { 409, "030005", "email already exists" },
	[FAULT_NEEDS_PASSWORD] = { 400, "060026",
				   "Meeting password must not be null" },
	[FAULT_CONFLICT] = { 409, NULL,
			     "The request conflicts with an earlier one" },
	[FAULT_TOO_LARGE] = { 413, NULL, "The request is too large" },
	[FAULT_MEDIA_TYPE] = { 415, NULL,
			       "The content type must be application/json" },
	[FAULT_TOO_MANY] = { 429, NULL, "Too many requests" },
	[FAULT_UNAVAILABLE] = { 503, "000000",
				"The service is unavailable for a moment; "
				"try again" },
};
static_assert(sizeof(rows) / sizeof(rows[0]) == FAULT_COUNT,
	      "one row for each fault");

const struct fault_row *
fault_row(enum fault f)
{
	return &rows[f];
}
