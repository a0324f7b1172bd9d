/*
 * A plane that always serves from one address, for measuring:
 *
 *   driver LISTEN UPSTREAM WORKERS ACCESS_LOG
 *
 * Ends at SIGTERM.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/mem.h"
#include "io/loop.h"
#include "proxy/plane.h"

static void
on_signal(uv_signal_t *handle, int number)
{
	uv_close((uv_handle_t *)handle, NULL);
	loop_stop();
}

static void
serve(struct plane *plane, const char *upstream)
{
	struct route_snapshot *s = mem_new(struct route_snapshot);
	struct err e = { 0 };

	s->epoch = 1;
	s->hold_ms = 5000;
	for (int site = 0; site < ROUTE_SITES; site++)
		for (int service = 0; service < ROUTE_SERVICES; service++) {
			struct route_upstream *u = &s->upstream[site][service];

			u->healthy = u->granted = true;
			if (route_address_parse(upstream, &u->address, &e) !=
			    0) {
				fprintf(stderr, "%s\n", err_text(&e));
				exit(1);
			}
		}
	plane_publish(plane, &s);
}

int
main(int argc, char **argv)
{
	struct plane_conf conf = { 0 };
	struct err e = { 0 };
	struct plane *plane;
	uv_signal_t term;

	if (argc != 5) {
		fprintf(stderr, "driver LISTEN UPSTREAM WORKERS ACCESS_LOG\n");
		return 1;
	}
	conf.listen = argv[1];
	conf.workers = (unsigned)strtoul(argv[3], NULL, 10);
	conf.access_log = argv[4];
	signal(SIGPIPE, SIG_IGN);
	loop_open();
	plane = plane_open(&conf, &e);
	if (plane == NULL) {
		fprintf(stderr, "%s\n", err_text(&e));
		return 1;
	}
	serve(plane, argv[2]);
	uv_signal_init(loop_uv(), &term);
	uv_signal_start(&term, on_signal, SIGTERM);
	loop_run();
	plane_close(&plane);
	loop_close();
	return 0;
}
