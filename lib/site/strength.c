#include "site/strength.h"

#include <assert.h>
#include <stddef.h>
#include <zxcvbn.h>

static const char *const words[] = {
	[STRENGTH_NONE] = "very weak: among the first that are guessed",
	[STRENGTH_WEAK] = "weak: guessed soon",
	[STRENGTH_FAIR] = "fair",
	[STRENGTH_GOOD] = "good",
	[STRENGTH_HIGH] = "strong",
};
#define LEVELS (sizeof(words) / sizeof(words[0]))

enum strength
strength_of(const char *password, const char *word)
{
	static const double bits[] = { 9.97, 19.93, 26.58, 33.22 };
	const char *known[] = { word, NULL };
	double entropy = ZxcvbnMatch(password, known, NULL);
	size_t level = 0;

	while (level < LEVELS - 1 && entropy >= bits[level])
		level++;
	return (enum strength)level;
}

const char *
strength_words(enum strength s)
{
	assert((size_t)s < LEVELS);
	return words[s];
}
