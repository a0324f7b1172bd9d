/*
 * What OpenSSL allocates within a worker's thread, kept there when it is freed
 * and given out again: each record takes two buffers of 16 KiB (they are given
 * back so that an idle connection is small) and some pieces beside.
 */
#ifndef PROXY_TLS_HEAP_H
#define PROXY_TLS_HEAP_H

/* Of the calling thread: from now on, and no more (frees what is kept). */
void tls_heap_open(void);
void tls_heap_close(void);

#endif
