#include "proxy/sessions.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"

struct sessions {
	struct sessions_one one[SESSIONS_MAX]; /* until_ms 0: free */
	struct sessions_one invited[SESSIONS_INVITED];
	int64_t failed_ms[SESSIONS_TRIES]; /* a ring: when, 0: never */
	unsigned next_failed;
};

struct sessions *
sessions_new(void)
{
	return mem_new(struct sessions);
}

void
sessions_free(struct sessions **sp)
{
	struct sessions *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	explicit_bzero(s, sizeof(*s));
	mem_free(s);
}

static void
make_word(char out[static SESSIONS_WORD])
{
	STRBUF_AUTO text = { 0 };
	char bytes[32];

	crypto_random(bytes, sizeof(bytes));
	crypto_base64url(span_make(bytes, sizeof(bytes)), &text);
	snprintf(out, SESSIONS_WORD, "%s", strbuf_text(&text));
}

/* In place of the one that ends first; a free one ended long ago. */
static struct sessions_one *
place(struct sessions_one *table, unsigned n)
{
	struct sessions_one *first = table;

	for (unsigned i = 1; i < n; i++)
		if (table[i].until_ms < first->until_ms)
			first = &table[i];
	memset(first, 0, sizeof(*first));
	return first;
}

static struct sessions_one *
find(struct sessions_one *table, unsigned n, struct span word)
{
	for (unsigned i = 0; i < n; i++)
		if (table[i].until_ms != 0 &&
		    crypto_equal(span_of(table[i].word), word))
			return &table[i];
	return NULL;
}

const struct sessions_one *
sessions_add(struct sessions *s, const char *who, int64_t now_ms)
{
	struct sessions_one *one = place(s->one, SESSIONS_MAX);

	make_word(one->word);
	make_word(one->csrf);
	snprintf(one->who, sizeof(one->who), "%s", who);
	one->until_ms = now_ms + SESSIONS_MS;
	return one;
}

const struct sessions_one *
sessions_find(const struct sessions *s, struct span word, int64_t now_ms)
{
	struct sessions_one *table = (struct sessions_one *)s->one;
	const struct sessions_one *one = find(table, SESSIONS_MAX, word);

	return one != NULL && now_ms < one->until_ms ? one : NULL;
}

void
sessions_end(struct sessions *s, struct span word)
{
	struct sessions_one *one = find(s->one, SESSIONS_MAX, word);

	if (one != NULL)
		memset(one, 0, sizeof(*one));
}

void
sessions_invite(struct sessions *s, const char *who, int64_t now_ms,
		char out[static SESSIONS_WORD])
{
	struct sessions_one *one = place(s->invited, SESSIONS_INVITED);

	make_word(one->word);
	snprintf(one->who, sizeof(one->who), "%s", who);
	one->until_ms = now_ms + SESSIONS_INVITE_MS;
	memcpy(out, one->word, SESSIONS_WORD);
}

const struct sessions_one *
sessions_redeem(struct sessions *s, struct span word, int64_t now_ms)
{
	struct sessions_one *one = find(s->invited, SESSIONS_INVITED, word);
	struct sessions_one used;

	if (one == NULL)
		return NULL;
	used = *one;
	memset(one, 0, sizeof(*one));
	return now_ms < used.until_ms ? sessions_add(s, used.who, now_ms)
				      : NULL;
}

bool
sessions_may_try(const struct sessions *s, int64_t now_ms)
{
	int64_t oldest = s->failed_ms[s->next_failed];

	return oldest == 0 || now_ms - oldest >= SESSIONS_TRIES_MS;
}

void
sessions_failed(struct sessions *s, int64_t now_ms)
{
	s->failed_ms[s->next_failed] = now_ms;
	s->next_failed = (s->next_failed + 1) % SESSIONS_TRIES;
}
