/* The rows behind timezone.h, ascending by id. */
#ifndef SITE_TIMEZONE_TABLE_H
#define SITE_TIMEZONE_TABLE_H

#include "site/timezone.h"

extern const struct timezone_info timezone_rows[];
extern const unsigned timezone_rows_n;

#endif
