#include "replicator/copydata.h"

#define CHANGE_HEAD 25
#define KEEPALIVE_SIZE 18

static uint64_t
get_u64(const char *at)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | (unsigned char)at[i];
	return v;
}

static void
put_u64(char *at, uint64_t v)
{
	for (int i = 7; i >= 0; i--) {
		at[i] = (char)v;
		v >>= 8;
	}
}

int
copydata_read(struct span bytes, struct copydata *out, struct err *e)
{
	*out = (struct copydata){ 0 };
	if (bytes.len >= CHANGE_HEAD && bytes.at[0] == COPYDATA_CHANGE) {
		out->kind = COPYDATA_CHANGE;
		out->end_lsn = get_u64(bytes.at + 9);
		out->sent_us = (int64_t)get_u64(bytes.at + 17);
		out->body = span_skip(bytes, CHANGE_HEAD);
		return 0;
	}
	if (bytes.len == KEEPALIVE_SIZE && bytes.at[0] == COPYDATA_KEEPALIVE) {
		out->kind = COPYDATA_KEEPALIVE;
		out->end_lsn = get_u64(bytes.at + 1);
		out->sent_us = (int64_t)get_u64(bytes.at + 9);
		out->reply_wanted = bytes.at[17] != 0;
		return 0;
	}
	return err_set(e, ERR_INVALID,
		       "replication stream: %zu bytes of kind 0x%02x, "
		       "expected a change (w) or a keepalive (k)",
		       bytes.len,
		       bytes.len > 0 ? (unsigned char)bytes.at[0] : 0);
}

void
copydata_status(uint64_t durable, uint64_t applied, int64_t time_us, bool ping,
		char out[static COPYDATA_STATUS_SIZE])
{
	out[0] = 'r';
	put_u64(out + 1, durable); /* written */
	put_u64(out + 9, durable); /* flushed */
	put_u64(out + 17, applied);
	put_u64(out + 25, (uint64_t)time_us);
	out[33] = ping;
}
