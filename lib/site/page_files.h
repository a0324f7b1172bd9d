/* What lib/site/pages holds, in the program: templates and assets. */
#ifndef SITE_PAGE_FILES_H
#define SITE_PAGE_FILES_H

#include <stddef.h>

struct page_file {
	const char *name; /* "login.html"; NULL behind the last */
	const char *text;
	size_t len;
};
extern const struct page_file page_files[];

#endif
