/*
 * How hard a password is to guess (zxcvbn: the 10,000 worst passwords, words,
 * names, keyboard rows, dates, repetitions). Pure; milliseconds: for jobs of
 * the pool.
 */
#ifndef SITE_STRENGTH_H
#define SITE_STRENGTH_H

/* By the guesses that it stands, as zxcvbn's authors count. */
enum strength {
	STRENGTH_NONE, /* less than 1,000 */
	STRENGTH_WEAK, /* less than a million: a list of common ones has it */
	STRENGTH_FAIR, /* less than 100 million */
	STRENGTH_GOOD, /* less than 10,000 million */
	STRENGTH_HIGH,
};

/* word: one that who knows the person tries first; or NULL. */
enum strength strength_of(const char *password, const char *word);

/* For people: "weak: ...". */
const char *strength_words(enum strength s);

#endif
