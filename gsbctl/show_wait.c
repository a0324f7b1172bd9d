#include <stdio.h>
#include <string.h>

#include "gsbctl/show.h"
#include "gsbctl/words.h"

static long long
of_site(const json_t *d, const char *site, const char *what)
{
	char path[WORDS_SIZE];

	snprintf(path, sizeof(path), "sites.%s.traffic.%s", site, what);
	return words_int(d, path);
}

static void
bracket(const json_t *d, char *buf, size_t size)
{
	snprintf(buf, size, "%lld requests held, %lld writes in flight",
		 (long long)words_int(d, "traffic.held"),
		 of_site(d, "primary", "may_write") +
		     of_site(d, "backup", "may_write"));
}

const char *
show_wait(const json_t *d, char buf[static SHOW_WAIT_SIZE])
{
	const char *state = words_str(d, "state", "?");
	bool to_backup = strcmp(words_str(d, "active", ""), "backup") == 0;
	char why[SHOW_WAIT_SIZE / 2] = "", time[WORDS_SIZE];

	if (strcmp(words_str(d, "routing", ""), "hold") == 0)
		bracket(d, why, sizeof(why));
	else if (strcmp(state, "RELEASE") == 0)
		snprintf(
		    why, sizeof(why), "%lld rooms' sockets still to move",
		    of_site(d, to_backup ? "primary" : "backup", "websockets"));
	else
		snprintf(why, sizeof(why), "%s",
			 words_str(d,
				   to_backup ? "failback.why_not"
					     : "failover.why_not",
				   ""));
	snprintf(buf, SHOW_WAIT_SIZE, "%s for %s%s%s", state,
		 words_ms(words_int(d, "state_ms"), time),
		 why[0] != '\0' ? ": " : "", why);
	return buf;
}
