#include "proxy/heritage.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/span.h"
#include "base/strbuf.h"

#define WAIT_MS 15000
#define SOCKETS_MAX (64 * LISTENER_MAX)

struct heritage {
	int line;
	struct listener_socket sockets[SOCKETS_MAX];
	unsigned n;
};

/* "BASE ADDRESS ADDRESS ...": the sockets are BASE + 1, BASE + 2 ... */
char *
heritage_text(int base, const struct listener_socket *sockets, unsigned n)
{
	struct strbuf text = { 0 };

	strbuf_addf(&text, "%d", base);
	for (unsigned i = 0; i < n; i++)
		strbuf_addf(&text, " %s", sockets[i].address);
	return strbuf_take(&text);
}

static bool
take_socket(struct heritage *h, struct span address)
{
	struct listener_socket *s = &h->sockets[h->n];

	if (h->n == SOCKETS_MAX ||
	    !span_copy(address, s->address, sizeof(s->address)))
		return false;
	s->fd = h->line + 1 + (int)h->n++;
	return fcntl(s->fd, F_SETFD, FD_CLOEXEC) == 0;
}

struct heritage *
heritage_find(void)
{
	const char *text = getenv(HERITAGE_NAME);
	struct span rest = span_of(text), part;
	struct heritage *h;
	uint64_t base;
	bool ok;

	if (text == NULL)
		return NULL;
	h = mem_new(struct heritage);
	ok = span_cut(&rest, ' ', &part) && span_to_u64(part, &base) == 0 &&
	     base < 1 << 24;
	h->line = ok ? (int)base : -1;
	ok = ok && fcntl(h->line, F_SETFD, FD_CLOEXEC) == 0;
	while (ok && span_cut(&rest, ' ', &part))
		ok = take_socket(h, part);
	unsetenv(HERITAGE_NAME);
	if (!ok)
		mem_free(h);
	return ok ? h : NULL;
}

int
heritage_take(struct heritage *h, struct err *e)
{
	struct pollfd fd = { .fd = h->line, .events = POLLIN };
	char word = '\0';

	if (send(h->line, "R", 1, MSG_NOSIGNAL) == 1 &&
	    poll(&fd, 1, WAIT_MS) == 1 && recv(h->line, &word, 1, 0) == 1 &&
	    word == 'G')
		return 0;
	return err_set(e, ERR_IO, "the former process did not let go");
}

const struct listener_socket *
heritage_sockets(const struct heritage *h, unsigned *n)
{
	*n = h != NULL ? h->n : 0;
	return h != NULL ? h->sockets : NULL;
}

void
heritage_end(struct heritage **hp, bool serves)
{
	struct heritage *h = *hp;

	*hp = NULL;
	if (h == NULL)
		return;
	if (serves)
		(void)!send(h->line, "S", 1, MSG_NOSIGNAL);
	close(h->line);
	mem_free(h);
}
