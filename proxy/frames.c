#include "proxy/frames.h"

#include <string.h>

#define OPCODE_CLOSE 8

static void
begin(struct frames *f, uint8_t first)
{
	f->in_frame = true;
	f->header_left = 0xff; /* the second byte tells */
	f->length_left = 0;
	f->length = 0;
	if ((first & 15) == OPCODE_CLOSE)
		f->closed = true;
}

static void
on_second(struct frames *f, uint8_t c)
{
	uint8_t mask = c & 0x80 ? 4 : 0;
	uint8_t len = c & 0x7f;

	f->length = len < 126 ? len : 0;
	f->length_left = len < 126 ? 0 : len == 126 ? 2 : 8;
	f->header_left = (uint8_t)(f->length_left + mask);
}

static void
on_header(struct frames *f, uint8_t c)
{
	if (f->header_left == 0xff) {
		on_second(f, c);
	} else {
		if (f->length_left > 0) {
			f->length = f->length << 8 | c;
			f->length_left--;
		}
		f->header_left--;
	}
	if (f->header_left > 0)
		return;
	f->left = f->length;
	f->in_frame = f->left > 0;
}

size_t
frames_follow(struct frames *f, const char *at, size_t len, bool stop)
{
	size_t i = 0;

	while (i < len && !(stop && frames_between(f))) {
		if (!f->in_frame) {
			begin(f, (uint8_t)at[i++]);
		} else if (f->header_left > 0) {
			on_header(f, (uint8_t)at[i++]);
		} else {
			size_t n = len - i < f->left ? len - i : f->left;

			i += n;
			f->left -= n;
			f->in_frame = f->left > 0;
		}
	}
	return i;
}

bool
frames_between(const struct frames *f)
{
	return !f->in_frame;
}

size_t
frames_close(int code, const char *reason, char out[static FRAMES_CLOSE_MAX])
{
	size_t n = strlen(reason);

	if (n > FRAMES_CLOSE_MAX - 4)
		n = FRAMES_CLOSE_MAX - 4;
	out[0] = (char)(0x80 | OPCODE_CLOSE);
	out[1] = (char)(n + 2);
	out[2] = (char)(code >> 8);
	out[3] = (char)(code & 0xff);
	memcpy(out + 4, reason, n);
	return n + 4;
}
