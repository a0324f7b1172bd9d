/*
 * Everything in which the two site nodes differ, as data. No code of
 * lib/site asks which of the two it is.
 */
#ifndef SITE_ROLE_H
#define SITE_ROLE_H

#include <stdbool.h>

struct site_role {
	const char *program;    /* "gsb-primary" */
	const char *name;       /* "primary": in grants, GSB-Site */
	int number;             /* 1, 2: mark of versions, residue of numbers */
	char letter;            /* 'P': in the paths of rooms */
	const char *gsb_status; /* "PRIMARY": what integrators see (G24) */
	bool owns_configuration; /* else its copy is read-only (G16) */
};

#endif
