/*
 * Companies, accounts and meetings as the APIs see them: reads end by fn,
 * writes by their journalled answer (write.h). One statement each.
 *
 * What changes a row is a JSON object keyed by column: absent members stay as
 * they are, null clears, and phones, address, telephony, options and extra
 * are merged member by member. Unknown members are ignored. The caller has
 * checked the values; text is UTF-8. A row that is not there is refused as
 * FAULT_NO_USER or FAULT_NO_MEETING, one of another host as FAULT_DENIED,
 * within the write, so that the journal comes first.
 */
#ifndef SITE_STORE_H
#define SITE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "site/api.h"
#include "site/record.h"
#include "site/write.h"

/* Orders: names of columns, "-" before it for descending; unknown ones are
 * ignored. Accounts: webexid email first_name last_name active created number;
 * meetings: starts confname host. NULL filters do not filter. */
struct store_page {
	int64_t skip, max;
	const char *order[3];
	bool total; /* count them all; else in the order that cursors need */
};

#include "site/store_account.h"
#include "site/store_meeting.h"

#endif
