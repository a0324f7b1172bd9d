/* The elements of accounts and meetings, in schema order (xmlapi_map.h). */
#ifndef SITE_XMLAPI_FIELDS_H
#define SITE_XMLAPI_FIELDS_H

#include "site/xmlapi_map.h"

struct account;
struct api;
struct meeting;

extern const struct xmlapi_map xmlapi_user_map[];
extern const struct xmlapi_map xmlapi_privilege_map[]; /* admins' alone */
extern const struct xmlapi_map xmlapi_meeting_map[];

/* Given: the values of a row, for xmlapi_map_write. */
json_t *xmlapi_user_values(struct api *a, const struct account *account);
json_t *xmlapi_meeting_values(struct api *a, const struct meeting *meeting);

/* "ACTIVATED" or "DEACTIVATED" of the store's word. */
const char *xmlapi_active(const char *active);
/* "INPROGRESS" or "NOT_INPROGRESS" of the store's word. */
const char *xmlapi_status(const char *state);

#endif
