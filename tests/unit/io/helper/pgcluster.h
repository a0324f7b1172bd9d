/*
 * A private PostgreSQL 15 cluster for a test program: own folder, own port
 * on 127.0.0.1, nothing shared with a cluster of the machine.
 */
#ifndef TEST_PGCLUSTER_H
#define TEST_PGCLUSTER_H

/* Makes and starts it; ends the program with words when that fails. */
void pgcluster_open(void);
/* Stops it and removes its folder. */
void pgcluster_close(void);

/* The same for cmocka_run_group_tests. */
int pgcluster_set_up(void **state);
int pgcluster_tear_down(void **state);

/* "host=127.0.0.1 port=N user=… dbname=postgres" */
const char *pgcluster_conninfo(void);
unsigned pgcluster_port(void);

/* Every process of it at once, the sessions too. */
void pgcluster_signal(int signal);
/* kill -9 of all; and up again. */
void pgcluster_kill(void);
void pgcluster_start(void);
/* What psql -At prints for it, without the last line end; static buffer. */
const char *pgcluster_sql(const char *sql);

#endif
