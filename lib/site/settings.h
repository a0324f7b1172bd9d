/*
 * What a company demands of its accounts and meetings: the settings that the
 * programs know, of those that the daily copy carries (files.h). Others are
 * kept for pages. They belong to the primary; both sites obey their copy.
 */
#ifndef SITE_SETTINGS_H
#define SITE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "site/fault.h"

struct api;

/* As site and company say, else what stands behind the name. */
struct settings {
	int64_t min_length; /* password.min_length: 1; characters */
	bool mixed_case;    /* password.mixed_case: false */
	bool digit;         /* password.digit: false */
	bool special;       /* password.special: false */
	bool uncommon;      /* password.uncommon: false; not easily guessed */
	bool all_unlisted;  /* meetings.all_unlisted: false */
	bool all_password;  /* meetings.all_password: false */
	/* meetings.join_before_host: true; may a meeting allow that */
	bool join_before_host;
};

/* Of the request's company. */
void settings_of(const struct api *a, struct settings *out);

/* Of a company's object, or a merge patch of it: -1, the text names the
 * setting and what would be right. Unknown ones are good. */
int settings_check(const json_t *settings, struct err *e)
    __attribute__((warn_unused_result));

/* A new password of an account, *uncommon: it must not be easily guessed
 * either; the columns that a meeting is to have (store.h), made: a new one.
 * False: the request has been refused. */
bool settings_let_password(struct api *a, const char *password, bool *uncommon)
    __attribute__((warn_unused_result));
void settings_refuse_password(struct api *a, const char *why);
bool settings_let_meeting(struct api *a, const json_t *fields, bool made)
    __attribute__((warn_unused_result));

/* The rules behind them. *fault: what a meeting that breaks one is refused
 * as. */
int settings_check_password(const struct settings *s, const char *password,
			    struct err *e) __attribute__((warn_unused_result));
int settings_check_meeting(const struct settings *s, const json_t *fields,
			   bool made, enum fault *fault, struct err *e)
    __attribute__((warn_unused_result));

#endif
