#include "io/helper/pgcluster.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port.h"

#define BIN "/usr/lib/postgresql/15/bin"

static char dir[64];
static char conninfo[160];
static char output[4096];
static unsigned port;

/* Runs it in a shell, as postgres when we are root. */
static int __attribute__((format(printf, 1, 2))) shell(const char *format, ...)
{
	char command[1024], line[1200];
	va_list ap;
	FILE *f;
	size_t n;
	int status;

	va_start(ap, format);
	vsnprintf(command, sizeof(command), format, ap);
	va_end(ap);
	snprintf(line, sizeof(line), "cd %s && %s sh -c '%s' 2>&1", dir,
		 geteuid() == 0 ? "runuser -u postgres --" : "", command);
	f = popen(line, "re");
	if (f == NULL)
		exit(1);
	n = fread(output, 1, sizeof(output) - 1, f);
	while (n > 0 && output[n - 1] == '\n')
		n--;
	output[n] = '\0';
	status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
need(int status, const char *what)
{
	if (status == 0)
		return;
	fprintf(stderr, "pgcluster: %s failed:\n%s\n", what, output);
	shell("tail -20 log");
	fprintf(stderr, "%s\n", output);
	exit(1);
}

void
pgcluster_start(void)
{
	need(shell(BIN "/pg_ctl -D data -l log -w -t 60 start >/dev/null"),
	     "pg_ctl start");
}

/*
 * A child that waits for the end of the test program, however it ends, and
 * then stops what is left of the cluster. Only the program has the pipe's
 * other end.
 */
static void
guard(void)
{
	int ends[2];
	char c;

	if (pipe2(ends, O_CLOEXEC) < 0)
		exit(1);
	fflush(NULL);
	if (fork() != 0) {
		close(ends[0]);
		return;
	}
	close(ends[1]);
	setsid();
	while (read(ends[0], &c, 1) < 0)
		;
	if (access(dir, F_OK) == 0)
		pgcluster_close();
	_exit(0);
}

void
pgcluster_open(void)
{
	snprintf(dir, sizeof(dir), "/tmp/gsb-pgcluster-XXXXXX");
	if (mkdtemp(dir) == NULL || chmod(dir, 0777) < 0)
		exit(1);
	port = port_hold();
	snprintf(conninfo, sizeof(conninfo),
		 "host=127.0.0.1 port=%u user=tester dbname=postgres", port);
	need(shell(BIN "/initdb -D data -U tester -A trust -N -E UTF8 "
		       "--locale=C.UTF-8"),
	     "initdb");
	need(shell("printf \"port=%u\\nlisten_addresses=\\\"127.0.0.1\\\"\\n"
		   "unix_socket_directories=\\\"%s\\\"\\nfsync=off\\n\" "
		   "| tr \\\" \\\\047 >>data/postgresql.conf",
		   port, dir),
	     "configuration");
	guard();
	atexit(pgcluster_close); /* also when a test gives up */
	pgcluster_start();
}

void
pgcluster_close(void)
{
	if (dir[0] == '\0')
		return;
	shell(
	    BIN
	    "/pg_ctl -D data -m immediate -w stop; rm -rf data log .s.PGSQL.*");
	if (chdir("/") == 0 && rmdir(dir) < 0)
		perror(dir);
	dir[0] = '\0';
}

int
pgcluster_set_up(void **state)
{
	pgcluster_open();
	return 0;
}

int
pgcluster_tear_down(void **state)
{
	pgcluster_close();
	return 0;
}

const char *
pgcluster_conninfo(void)
{
	return conninfo;
}

unsigned
pgcluster_port(void)
{
	return port;
}

void
pgcluster_signal(int signal)
{
	/* A child may end by itself, or of its parent's end, at any time. */
	need(shell("P=$(head -1 data/postmaster.pid); "
		   "C=$(ps -o pid= --ppid $P); "
		   "kill -%d $P && { kill -%d $C 2>/dev/null; true; }",
		   signal, signal),
	     "kill");
}

void
pgcluster_kill(void)
{
	pgcluster_signal(9);
	/* Until the port is free again for the next start. */
	need(shell("P=$(head -1 data/postmaster.pid); "
		   "while kill -0 $P 2>/dev/null; do :; done; "
		   "rm -f data/postmaster.pid"),
	     "kill");
}

const char *
pgcluster_sql(const char *sql)
{
	setenv("SQL", sql, 1);
	need(shell("psql -h 127.0.0.1 -p %u -U tester -d postgres -XAtq "
		   "-c \"$SQL\"",
		   port),
	     sql);
	return output;
}
