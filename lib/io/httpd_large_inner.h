/* The inside of httpd, for large bodies. */
#ifndef IO_HTTPD_LARGE_INNER_H
#define IO_HTTPD_LARGE_INNER_H

#include "io/httpd_inner.h"

/* httpd_conn.c */
void conn_set_timer(struct httpd_conn *c, uint32_t ms);
/* The next part of the body may come / the spool has failed. */
void conn_spooled(struct httpd_conn *c, bool ok);
void conn_read(struct httpd_conn *c, bool on);

/* httpd_spool.c */
struct spool *spool_new(struct httpd_conn *c);
void spool_free(struct spool **s); /* the file too */
/* Enough has come that it should be written. */
bool spool_wants(const struct httpd_req *r);
/* Takes the body that is in memory; conn_spooled tells the end. */
void spool_write(struct spool *s, struct strbuf *body);
uint64_t spool_size(const struct spool *s);
const char *spool_path(const struct spool *s);

/* httpd_source.c */
void pull_start(struct httpd_conn *c, const struct httpd_source *from,
		bool close);
void pull_stop(struct pull **p);

#endif
