/*
 *   options -> conf -> loop -> start -> run -> (drain) -> stop -> close
 *
 * There is one service per process: its state is static.
 */
#include "io/service.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/inner.h"
#include "io/options.h"

/* One reading of the configuration. */
struct reading {
	struct arena *arena;
	void *conf; /* what the keys fill, then the log level */
};

static struct {
	const struct service *service;
	struct options options;
	struct conf_key *keys; /* the service's and our own */
	size_t level_offset;
	struct reading now;
	uv_signal_t on_term, on_int, on_hup;
	bool draining;
	bool ended;
	int status;
} self;

static void on_signal(uv_signal_t *handle, int number);

static void
make_keys(void)
{
	const struct service *s = self.service;
	struct conf_key level = options_log_level;

	self.level_offset = (s->conf_size + 15) & ~(size_t)15;
	level.offset = self.level_offset;
	self.keys = mem_array(struct conf_key, s->nkeys + 1);
	if (s->nkeys > 0)
		memcpy(self.keys, s->keys, s->nkeys * sizeof(*s->keys));
	self.keys[s->nkeys] = level;
}

static int
reading_load(struct reading *r, struct err *e)
{
	const struct service *s = self.service;
	struct conf_source from = { self.options.config,
				    self.options.settings };

	r->arena = arena_new();
	r->conf = arena_alloc(r->arena, self.level_offset + sizeof(int));
	if (conf_load(&from, self.keys, s->nkeys + 1, r->conf, r->arena, e) < 0)
		return -1;
	if (s->check != NULL && s->check(r->conf, e) < 0)
		return err_prefix(e, "%s", from.path != NULL ? from.path : "-");
	return 0;
}

static void
apply_level(const struct reading *r)
{
	int level;

	memcpy(&level, (const char *)r->conf + self.level_offset,
	       sizeof(level));
	log_set_level((enum log_level)level);
}

/* To the service manager; see sd_notify(3) for the protocol. */
static void
notify(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t size;
	int fd;

	if (path == NULL || strlen(path) >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, strlen(path));
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			   strlen(path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL,
		   (const struct sockaddr *)&to, size) < 0)
		log_debug("service", "notify=failed");
	close(fd);
}

void
service_status(const char *text)
{
	char *line = mem_printf("STATUS=%s", text);

	notify(line);
	mem_free(line);
}

static int
write_pid_file(struct err *e)
{
	const char *path = self.options.pid_file;
	char *next;
	FILE *f;
	bool ok;

	if (path == NULL)
		return 0;
	/* A reader never sees a half-written file. */
	next = mem_printf("%s.new", path);
	f = fopen(next, "we");
	ok = f != NULL && fprintf(f, "%d\n", (int)getpid()) > 0;
	ok = (f == NULL || fclose(f) == 0) && ok;
	ok = ok && rename(next, path) == 0;
	if (!ok)
		err_set(e, ERR_IO, "%s: cannot write the process id: %m", path);
	mem_free(next);
	return ok ? 0 : -1;
}

/* Another process may have taken over, and its number stands there. */
static void
remove_pid_file(void)
{
	const char *path = self.options.pid_file;
	FILE *f = path != NULL ? fopen(path, "re") : NULL;
	int pid = 0;

	if (f == NULL)
		return;
	if (fscanf(f, "%d", &pid) == 1 && pid == (int)getpid())
		unlink(path);
	fclose(f);
}

static void
notify_ready(void)
{
	char text[64];

	snprintf(text, sizeof(text), "READY=1\nMAINPID=%d", (int)getpid());
	notify(text);
}

static void
watch_signals(void)
{
	struct uv_loop_s *uv = loop_uv();

	signal(SIGPIPE, SIG_IGN);
	io_must(uv_signal_init(uv, &self.on_term));
	io_must(uv_signal_init(uv, &self.on_int));
	io_must(uv_signal_init(uv, &self.on_hup));
	io_must(uv_signal_start(&self.on_term, on_signal, SIGTERM));
	io_must(uv_signal_start(&self.on_int, on_signal, SIGINT));
	io_must(uv_signal_start(&self.on_hup, on_signal, SIGHUP));
}

static void
unwatch_signals(void)
{
	uv_close((uv_handle_t *)&self.on_term, NULL);
	uv_close((uv_handle_t *)&self.on_int, NULL);
	uv_close((uv_handle_t *)&self.on_hup, NULL);
}

int
service_reload(struct err *e)
{
	const struct service *s = self.service;
	struct reading next = { 0 };
	char why[512];

	if (reading_load(&next, e) < 0 || s->reload(next.conf, e) < 0) {
		log_error("service", "reload=refused why=%s",
			  log_quote(why, sizeof(why), err_text(e)));
		arena_free(&next.arena);
		return -1;
	}
	arena_free(&self.now.arena);
	self.now = next;
	apply_level(&self.now);
	log_info("service", "reload=done");
	return 0;
}

static void
on_signal(uv_signal_t *handle, int number)
{
	const struct service *s = self.service;

	if (number == SIGHUP) {
		struct err e = { 0 };

		if (s->reload != NULL && service_reload(&e) < 0)
			log_debug("service", "reload=as-before");
		return;
	}
	if (self.draining || s->drain == NULL) {
		log_info("service", "stop=%s",
			 self.draining ? "at-once" : "now");
		service_stopped(0);
		return;
	}
	self.draining = true;
	log_info("service", "stop=draining");
	notify("STOPPING=1");
	s->drain();
}

void
service_stopped(int status)
{
	self.ended = true;
	self.status = status;
	loop_stop();
}

static int
fail(const struct err *e)
{
	char why[512];

	log_error("service", "start=failed why=%s",
		  log_quote(why, sizeof(why), err_text(e)));
	return 1;
}

static int
run(void)
{
	const struct service *s = self.service;
	struct err e = { 0 };

	loop_open();
	watch_signals();
	if (s->start(self.now.conf, self.options.words, &e) < 0 ||
	    write_pid_file(&e) < 0) {
		self.status = fail(&e);
	} else {
		notify_ready();
		if (!self.ended)
			loop_run();
	}
	if (s->stop != NULL)
		s->stop();
	unwatch_signals();
	loop_close();
	remove_pid_file();
	return self.status;
}

static int
check_only(int rc, const struct err *e)
{
	const char *path = self.options.config;

	if (rc < 0)
		fprintf(stderr, "%s\n", err_text(e));
	else
		printf("%s: OK\n", path != NULL ? path : "-");
	return rc < 0 ? 1 : 0;
}

int
service_main(int argc, char **argv, const struct service *service)
{
	enum options_result todo;
	struct err e = { 0 };
	int status, rc;

	memset(&self, 0, sizeof(self));
	self.service = service;
	log_init(service->name);
	todo = options_read(&self.options, argc, argv, service);
	if (todo != OPTIONS_RUN) {
		options_fini(&self.options);
		return todo == OPTIONS_BAD ? 1 : 0;
	}
	make_keys();
	rc = reading_load(&self.now, &e);
	if (self.options.check) {
		status = check_only(rc, &e);
	} else if (rc < 0) {
		status = fail(&e);
	} else {
		apply_level(&self.now);
		status = run();
	}
	arena_free(&self.now.arena);
	mem_free(self.keys);
	options_fini(&self.options);
	return status;
}
