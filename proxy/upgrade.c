/*
 *   old                              new
 *   upgrade_begin -- spawn --------> reads its configuration
 *   lets go of control <----- 'R' -- is ready
 *   -- 'G' ------------------------> opens control, accepts clients
 *   stops accepting <-------- 'S' -- serves
 *   follows what the new one decides until its last connection has ended
 *
 * Until 'S' the end of the new process makes the old one what it was.
 */
#include "proxy/upgrade.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/fdwatch.h"
#include "io/service.h"
#include "io/timer.h"
#include "proxy/follow.h"
#include "proxy/heritage.h"

#define START_MS 20000 /* for a new program to become ready, and to serve */

extern char **environ;

enum stage { ALONE, STARTING, TAKING, RETIRED };

static struct {
	char **argv;
	const struct conf *conf;
	struct control *control;
	struct notices *notices;
	struct admin *admin;
	struct plane *plane; /* while control is not here */
	enum stage stage;
	pid_t child;
	int fd; /* to the child */
	struct fdwatch *watch;
	struct timer *deadline;
	struct follow *follow;
	void (*on_drained)(void *ctx);
} self;

static void on_word(void *ctx, unsigned events);
static void on_late(void *ctx);

void
upgrade_init(char **argv)
{
	self.argv = argv;
	self.fd = -1;
}

static void
close_talk(void)
{
	admin_close(&self.admin);
	notices_close(&self.notices);
}

static int
open_all(const struct control_origin *from, struct err *e)
{
	self.control = control_open(self.conf, from, e);
	if (self.control == NULL)
		return -1;
	self.notices = notices_open(self.conf, self.control->events, e);
	if (self.notices == NULL)
		return -1;
	self.admin = admin_open(self.control, self.notices, e);
	return self.admin != NULL ? 0 : -1;
}

int
upgrade_open(const struct conf *conf, struct err *e)
{
	struct heritage *h = heritage_find();
	struct control_origin from = { 0 };
	int rc = 0;

	self.conf = conf;
	if (h != NULL)
		rc = heritage_take(h, e);
	from.sockets = heritage_sockets(h, &from.nsockets);
	if (rc == 0)
		rc = open_all(&from, e);
	heritage_end(&h, rc == 0);
	return rc;
}

static void
forget_child(void)
{
	fdwatch_cancel(&self.watch);
	timer_cancel(&self.deadline);
	if (self.fd >= 0)
		close(self.fd);
	self.fd = -1;
}

void
upgrade_close(void)
{
	forget_child();
	follow_end(&self.follow);
	close_talk();
	control_close(&self.control);
	plane_close(&self.plane);
}

int
upgrade_reload(const struct conf *conf, struct err *e)
{
	if (self.stage != ALONE)
		return err_set(e, ERR_INVALID, "a new process takes over");
	if (notices_check(conf, e) < 0 ||
	    admin_reload(self.admin, conf, e) < 0 ||
	    control_reload(self.control, conf, e) < 0)
		return -1;
	self.conf = conf;
	return notices_reload(self.notices, conf, e);
}

static void
on_drained(void *ctx)
{
	self.on_drained(ctx);
}

void
upgrade_drain(void (*done)(void *ctx))
{
	self.on_drained = done;
	if (self.control != NULL)
		control_drain(self.control, on_drained, NULL);
	else
		plane_drain(self.plane, on_drained, NULL);
}

static int
spawn(int theirs, const struct listener_socket *sockets, unsigned n,
      struct err *e)
{
	posix_spawn_file_actions_t actions;
	char *heritage;
	int base = theirs, rc;

	for (unsigned i = 0; i < n; i++)
		if (sockets[i].fd > base)
			base = sockets[i].fd;
	base++; /* above all that is copied from */
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, theirs, base);
	for (unsigned i = 0; i < n; i++)
		posix_spawn_file_actions_adddup2(&actions, sockets[i].fd,
						 base + 1 + (int)i);
	heritage = heritage_text(base, sockets, n);
	setenv(HERITAGE_NAME, heritage, 1);
	rc = posix_spawnp(&self.child, self.argv[0], &actions, NULL, self.argv,
			  environ);
	unsetenv(HERITAGE_NAME);
	mem_free(heritage);
	posix_spawn_file_actions_destroy(&actions);
	if (rc != 0)
		return err_set(e, ERR_IO, "%s: %s", self.argv[0], strerror(rc));
	return 0;
}

int
upgrade_begin(struct err *e)
{
	const struct listener_socket *sockets;
	int pair[2];
	unsigned n;

	if (self.stage != ALONE)
		return err_set(e, ERR_INVALID, "an upgrade is under way");
	if (self.control->plan.mode != ROUTE_SERVE)
		return err_set(e, ERR_INVALID,
			       "requests are held or refused now; try again "
			       "when a site serves");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return err_set(e, ERR_IO, "socketpair: %s", strerror(errno));
	sockets = plane_sockets(self.control->plane, &n);
	if (spawn(pair[1], sockets, n, e) != 0) {
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	close(pair[1]);
	self.fd = pair[0];
	self.stage = STARTING;
	self.watch = fdwatch_start(self.fd, FDWATCH_READ, on_word, NULL);
	self.deadline = timer_start(START_MS, on_late, NULL);
	log_info("upgrade", "child=%d", (int)self.child);
	return 0;
}

bool
upgrade_runs(void)
{
	return self.stage != ALONE;
}

/* The new program is ready: control is its from now on. */
static void
let_go(void)
{
	close_talk();
	self.plane = control_leave(&self.control);
	self.stage = TAKING;
	log_info("upgrade", "control=left");
	if (send(self.fd, "G", 1, MSG_NOSIGNAL) != 1)
		log_error("upgrade", "child=gone");
}

static void
on_last(void *ctx)
{
	if (self.on_drained != NULL)
		self.on_drained(ctx);
	else
		service_stopped(0);
}

static void
retire(void)
{
	forget_child();
	self.stage = RETIRED;
	log_info("upgrade", "successor=%d", (int)self.child);
	self.follow = follow_start(self.plane, self.conf->admin);
	plane_retire(self.plane, on_last, NULL);
}

/* It ended before it served: all is as it was. */
static void
resume(const char *why)
{
	struct control_origin from = { .plane = self.plane };
	struct err e = { 0 };
	bool left = self.stage == TAKING;

	forget_child();
	kill(self.child, SIGKILL);
	waitpid(self.child, NULL, 0);
	log_error("upgrade", "failed=\"%s\"", why);
	self.stage = ALONE;
	if (left && open_all(&from, &e) < 0) {
		log_error("upgrade", "control=\"%s\"", err_text(&e));
		service_stopped(1);
	}
	if (self.control == NULL)
		return;
	self.plane = NULL; /* it is control's again */
	events_add(self.control->events, "service", self.control->f.rec.epoch,
		   "upgrade failed: the new process ended before it served",
		   NULL);
}

static void
on_word(void *ctx, unsigned events)
{
	char word = '\0';

	if (recv(self.fd, &word, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN)
		return;
	if (word == 'R' && self.stage == STARTING)
		let_go();
	else if (word == 'S' && self.stage == TAKING)
		retire();
	else
		resume("the new process ended");
}

static void
on_late(void *ctx)
{
	self.deadline = NULL; /* it has fired */
	resume("the new process did not come up in time");
}
