/*
 * The bytes of a spool's segments. A segment begins with a head that says
 * whose log it holds; frames follow, each of them what one fdatasync has made
 * durable: chunks of messages as the peer sent them. Pure; any bytes are safe
 * input.
 *
 *   head | frame: head, chunk: end, length, message, message ...; chunk ... |
 */
#ifndef REPLICATOR_SPOOL_FRAME_H
#define REPLICATOR_SPOOL_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "base/strbuf.h"

#define SPOOL_SLOT_SIZE 64

/* Whom it follows, and which of the segments it is. */
struct spool_head {
	uint64_t system_id;
	uint32_t timeline;
	char slot[SPOOL_SLOT_SIZE];
	uint64_t number;
	uint64_t first; /* the number of its first frame */
	/* all below that number stand in the segments before; what else may
	 * stand there is void */
	uint64_t limit;
};
#define SPOOL_HEAD_BYTES 128
void spool_head_write(const struct spool_head *h,
		      char out[static SPOOL_HEAD_BYTES]);
/* False: it is not the head of a segment. */
bool spool_head_read(struct span bytes, struct spool_head *out);

/*
 * All of the peer's transactions that end above from, up to end, stand in it:
 * when from is no further than the end of the one before, nothing is missing
 * between the two.
 */
struct spool_frame {
	uint64_t segment, number;
	uint64_t from, end;
	struct span chunks;
	size_t bytes; /* of the frame as a whole; the next begins behind */
};

/* A buffer in which frames are made; then chunks are added, last the head. */
void spool_frame_begin(struct strbuf *out);
/* Takes the place of what spool_frame_begin left open. */
void spool_frame_seal(struct strbuf *out, const struct spool_frame *f);
/* At the beginning of bytes; false: there is none that is whole. */
bool spool_frame_read(struct span bytes, struct spool_frame *out);

/*
 * How many bytes the frame takes that begins with these, by its head alone;
 * 0: that is no head.
 */
#define SPOOL_FRAME_HEAD_BYTES 56
uint64_t spool_frame_bytes(struct span head);
/* By its head, which need not be whole; a segment may be an old one's file. */
bool spool_frame_is_of(struct span head, uint64_t segment);

/* Messages of one transaction; end_lsn 0: relations between two. */
struct spool_chunk {
	uint64_t end_lsn;
	struct span messages;
};
void spool_message_add(struct strbuf *messages, struct span message);
void spool_chunk_add(struct strbuf *frame, uint64_t end_lsn,
		     struct span messages);
/* Takes the first off; false: there is none, or what comes is none. */
bool spool_chunk_next(struct span *chunks, struct spool_chunk *out);
bool spool_message_next(struct span *messages, struct span *out);

/*
 * A frame that is not whole ends a segment: the machine stopped in the middle
 * of it, and nothing of it was acknowledged. When a later one is whole it was
 * damaged: that one was only begun when it was durable. expected: its number.
 */
bool spool_frame_follows(struct span bytes, uint64_t segment,
			 uint64_t expected);

#endif
