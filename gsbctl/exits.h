/*
 * What gsbctl's exit status says.
 */
#ifndef GSBCTL_EXITS_H
#define GSBCTL_EXITS_H

enum exits {
	EXITS_DONE,
	EXITS_USAGE,
	EXITS_REFUSED,
	EXITS_TIMED_OUT, /* it goes on */
	EXITS_NOT_READY,
	EXITS_UNREACHABLE,
	EXITS_CALLED_OFF
};

#endif
