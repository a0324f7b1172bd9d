/*
 * The messages of pgoutput, protocol 1 to 3 (PostgreSQL 15, "Logical
 * Replication Message Formats"), from bytes to values. Pure; any bytes are
 * safe input. What a message holds points into its bytes or the arena.
 */
#ifndef REPLICATOR_DECODER_H
#define REPLICATOR_DECODER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

/* One column of a row. UNCHANGED: TOASTed, not in the stream. */
enum datum_kind { DATUM_NULL, DATUM_UNCHANGED, DATUM_TEXT, DATUM_BINARY };
struct datum {
	enum datum_kind kind;
	struct span bytes;
};

/* In the order of its relation's columns. n 0: not there. */
struct decoder_row {
	unsigned n;
	struct datum *columns;
};

struct decoder_column {
	const char *name;
	uint32_t type; /* oid at the sender */
	int32_t typmod;
	bool key; /* of the replica identity */
};

/* Known until the connection ends or another 'R' of its oid comes. */
struct decoder_relation {
	uint32_t oid;
	const char *schema;
	const char *name;
	char identity; /* d n f i */
	unsigned ncolumns;
	struct decoder_column *columns;
};

enum decoder_kind {
	DECODER_BEGIN = 'B',
	DECODER_COMMIT = 'C',
	DECODER_ORIGIN = 'O',
	DECODER_RELATION = 'R',
	DECODER_TYPE = 'Y',
	DECODER_INSERT = 'I',
	DECODER_UPDATE = 'U',
	DECODER_DELETE = 'D',
	DECODER_TRUNCATE = 'T',
	DECODER_MESSAGE = 'M',
	/* of a transaction that is streamed before its end */
	DECODER_STREAM_START = 'S',
	DECODER_STREAM_STOP = 'E',
	DECODER_STREAM_COMMIT = 'c',
	DECODER_STREAM_ABORT = 'A',
};

struct decoder_message {
	enum decoder_kind kind;
	uint64_t lsn;           /* B, C, c: of the commit; O, M */
	uint64_t end_lsn;       /* C, c: where the next one may start */
	int64_t time_us;        /* B, C, c: of the commit, since 2000 */
	uint32_t xid;           /* B S c A */
	uint32_t sub_xid;       /* A: what aborted; xid itself, or a part */
	bool first;             /* S: nothing of xid came before */
	struct span name;       /* O: origin; M: prefix; Y: type */
	struct span content;    /* M */
	bool transactional;     /* M */
	uint32_t oid;           /* R I U D: relation; Y: type */
	struct decoder_row old; /* U: if the key changed; D: key */
	struct decoder_row row; /* I U */
	struct decoder_relation *relation; /* R, in the arena */
	struct span truncated; /* T: what follows the head, not looked at */
};

/* One whole message; -1 says what is wrong and at which byte. */
int decoder_read(struct span bytes, struct arena *arena,
		 struct decoder_message *out, struct err *e)
    __attribute__((warn_unused_result));

/* "X/Y", as PostgreSQL writes a log position; and back, 0 or -1. */
#define DECODER_LSN_SIZE 18
const char *decoder_lsn(uint64_t lsn, char buf[static DECODER_LSN_SIZE]);
int decoder_parse_lsn(struct span text, uint64_t *lsn);

#endif
