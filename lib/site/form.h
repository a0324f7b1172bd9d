/* The JSON API's form of answers. */
#ifndef SITE_FORM_H
#define SITE_FORM_H

#include "base/json.h"
#include "site/api.h"

extern const struct api_form form_json; /* content is a JSON text */
extern const struct api_form form_csv;  /* content is a table (csv.h) */

/* Takes j; its text in the arena. */
struct span form_json_text(struct api *a, json_t *j);

/* {"message", "errors", "trackingId"}; given. */
json_t *form_json_failure(const char *text, const char *tracking);

#endif
