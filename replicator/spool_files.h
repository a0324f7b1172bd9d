/*
 * The segments of a spool on the disk: DIR/spool-SLOT.NUMBER, oldest first,
 * and one more that waits to be used again, DIR/spool-SLOT.spare.
 */
#ifndef REPLICATOR_SPOOL_FILES_H
#define REPLICATOR_SPOOL_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "replicator/spool_chain.h"
#include "replicator/spool_frame.h"

struct spool_segment {
	TAILQ_ENTRY(spool_segment) entry;
	struct spool_head head;
	char *path;
	int fd;
	uint64_t bytes; /* that count; the next frame goes there */
	uint64_t end;   /* of its last transaction; 0: it has none */
};

struct spool_files {
	char *dir, *slot;
	TAILQ_HEAD(spool_segments, spool_segment) segments;
	char *spare;     /* its path, while there is one */
	uint64_t frames; /* the number behind the last that counts */
	uint64_t number; /* of the next segment */
};

/*
 * Looks at all that is there and adds it to chain. What a stop of the machine
 * left unfinished is passed over, with a line in the log. *damaged: something
 * is missing that was durable once; all behind it is dropped.
 */
int spool_files_open(struct spool_files *f, const char *dir, const char *slot,
		     struct spool_chain *chain, bool *damaged, struct err *e)
    __attribute__((warn_unused_result));
/* The files stay. */
void spool_files_close(struct spool_files *f);

/* Given. */
char *spool_files_path(const struct spool_files *f, uint64_t number);
/* Behind the others; path and fd are given. */
void spool_files_add(struct spool_files *f, const struct spool_head *head,
		     char *path, int fd);

/* Segments of which everything ends at lsn or below go, but the last. */
void spool_files_release(struct spool_files *f, uint64_t lsn);
/* All go. */
void spool_files_clear(struct spool_files *f);
/* What begins above what lsn and all before it reach goes; true: some did. */
bool spool_files_cut(struct spool_files *f, uint64_t lsn);
uint64_t spool_files_bytes(const struct spool_files *f);

/*
 * The frame of that number, or the first one that there is behind it; out
 * holds its bytes. *hint: where it may stand, and then where the next one
 * does. 0: there is none; -1: it was there and cannot be read.
 */
struct spool_place {
	uint64_t segment, offset;
};
int spool_files_read(const struct spool_files *f, uint64_t number,
		     struct spool_place *hint, struct strbuf *out,
		     struct spool_frame *frame, struct err *e)
    __attribute__((warn_unused_result));

#endif
