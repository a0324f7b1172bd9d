/*
 * The man page and the completion, from the tables of args.c.
 */
#ifndef GSBCTL_MANUAL_H
#define GSBCTL_MANUAL_H

#include <stdio.h>

/* docs/gsbctl.1 is this. */
void manual_page(FILE *to);

/* For bash. */
void manual_completion(FILE *to);

#endif
