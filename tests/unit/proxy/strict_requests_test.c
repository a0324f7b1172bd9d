/*
 * RFC 9110 and 9112 from end to end: what a client sends, what it is told,
 * and what the site saw of it, byte by byte. Each row goes out whole, and in
 * single bytes. After each row a plain request shows that nothing is left
 * behind that another one could meet.
 */
#include "proxy/rig/rig.c"

#include "proxy/rig/recorder.c"

/* What the proxy adds, with and without a host. */
#define OURS "\x01"
#define OURS_NO_HOST "\x02"

struct row {
	const char *answers; /* "200 200"; "!": then the end */
	const char *in;
	size_t len;
	const char *site; /* "": it saw nothing */
};
#define ROW(answers, in, site)                     \
	{                                          \
		answers, in, sizeof(in) - 1, site, \
	}
#define REFUSED(status, in) ROW(status "!", in, "")

#define HOST "Host: h\r\n"
#define GET "GET /a HTTP/1.1\r\n" HOST
#define POST "POST /a HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n"
#define GOT GET OURS
/* What would come to light if the row before it were read differently. */
#define SMUGGLED "GET /smuggled HTTP/1.1\r\n" HOST "\r\n"

static const struct row forwarded[] = {
	ROW("200", GET "\r\n", GOT),
	ROW("200", "\r\n" GET "\r\n", GOT),
	ROW("200 200", GET "\r\n" GET "\r\n", GOT GOT),
	ROW("200 200 200",
	    GET "\r\n" CHUNKED "\r\n1\r\nx\r\n0\r\n\r\n" GET "\r\n",
	    GOT CHUNKED OURS "1\r\nx\r\n0\r\n\r\n" GOT),
	ROW("200!", GET "Connection: close\r\n\r\n" SMUGGLED, GOT),
	ROW("200!", GET "connection: x, CLOSE\r\n\r\n", GOT),
	ROW("200!", "GET /a HTTP/1.0\r\n" HOST "\r\n", GOT),
	ROW("200!", "GET /a HTTP/1.0\r\n\r\n",
	    "GET /a HTTP/1.1\r\nHost: localhost\r\n" OURS_NO_HOST),
	ROW("200 200",
	    "GET /a HTTP/1.0\r\n" HOST "Connection: keep-alive\r\n\r\n" GET
	    "\r\n",
	    GOT GOT),
	ROW("200", "GET http://h/a HTTP/1.1\r\n" HOST "\r\n", GOT),
	ROW("200", "GET HTTP://h/a?b=http://c/ HTTP/1.1\r\n" HOST "\r\n",
	    "GET /a?b=http://c/ HTTP/1.1\r\n" HOST OURS),
	ROW("200", "GET http://h HTTP/1.1\r\n" HOST "\r\n",
	    "GET / HTTP/1.1\r\n" HOST OURS),
	ROW("200", "GET http://h?q HTTP/1.1\r\n" HOST "\r\n",
	    "GET /?q HTTP/1.1\r\n" HOST OURS),
	ROW("200", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
	    "OPTIONS * HTTP/1.1\r\n" HOST OURS),
	/* RFC 9112 3.2.4 */
	ROW("200", "OPTIONS http://h HTTP/1.1\r\n" HOST "\r\n",
	    "OPTIONS * HTTP/1.1\r\n" HOST OURS),
	ROW("200", "OPTIONS http://h/ HTTP/1.1\r\n" HOST "\r\n",
	    "OPTIONS / HTTP/1.1\r\n" HOST OURS),
	ROW("200", "PURGE /a HTTP/1.1\r\n" HOST "\r\n",
	    "PURGE /a HTTP/1.1\r\n" HOST OURS),
	ROW("200", GET "X:1\r\nY:\t 2 \t\r\nZ:\r\n\r\n",
	    GET "X:1\r\nY:\t 2 \t\r\nZ:\r\n" OURS),
	ROW("200", GET "X: \xe4\xff\r\n\r\n", GET "X: \xe4\xff\r\n" OURS),
	ROW("200", POST "Content-Length: 3\r\n\r\nabc",
	    POST "Content-Length: 3\r\n" OURS "abc"),
	ROW("200", POST "content-length:\t3 \r\n\r\nabc",
	    POST "content-length:\t3\r\n" OURS "abc"),
	ROW("200 200", POST "Content-Length: 0\r\n\r\n" GET "\r\n",
	    POST "Content-Length: 0\r\n" OURS GOT),
	ROW("200 200", GET "Content-Length: 2\r\n\r\nGE" GET "\r\n",
	    GET "Content-Length: 2\r\n" OURS "GE" GOT),
	ROW("200", CHUNKED "\r\n3\r\nabc\r\n0\r\n\r\n",
	    CHUNKED OURS "3\r\nabc\r\n0\r\n\r\n"),
	ROW("200", POST "transfer-encoding:CHUNKED\r\n\r\n0\r\n\r\n",
	    CHUNKED OURS "0\r\n\r\n"),
	ROW("200",
	    CHUNKED "Trailer: X\r\n\r\n3;a=b;c=\"d;e\"\r\nabc\r\n"
		    "00;z\r\nX: 1\r\n\r\n",
	    POST "Trailer: X\r\nTransfer-Encoding: chunked\r\n" OURS
		 "3;a=b;c=\"d;e\"\r\nabc\r\n00;z\r\nX: 1\r\n\r\n"),
	ROW("200", CHUNKED "\r\nA\r\n0123456789\r\n0\r\n\r\n",
	    CHUNKED OURS "A\r\n0123456789\r\n0\r\n\r\n"),
	ROW("200", POST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
	    POST "Content-Length: 1\r\n" OURS "x"),
};

/* What belongs to one connection, or is ours to say, goes no further. */
static const struct row stripped[] = {
	ROW("200", GET "Connection: keep-alive\r\nKeep-Alive: 5\r\n\r\n", GOT),
	ROW("200", GET "X: 1\r\nConnection: x , ,y\r\nY: 2\r\nZ: 3\r\n\r\n",
	    GET "Z: 3\r\n" OURS),
	ROW("200", GET "Connection: X-Forwarded-For, GSB-Site\r\n\r\n", GOT),
	ROW("200", GET "TE: trailers\r\nConnection: TE\r\n\r\n", GOT),
	ROW("200", GET "Proxy-Connection: x\r\nUpgrade: h2c\r\n\r\n", GOT),
	ROW("200", GET "Proxy-Authorization: x\r\n\r\n", GOT),
	ROW("200",
	    GET "X-Forwarded-For: 6.6.6.6\r\nx-forwarded-host: evil\r\n"
		"X-FORWARDED-PROTO: https\r\nForwarded: for=6.6.6.6\r\n\r\n",
	    GOT),
	ROW("200",
	    GET "GSB-Epoch: 99\r\ngsb-site: backup\r\nGSB-Request: a;1\r\n"
		"GSB-Not-Processed: 1\r\nGSB-Outcome: x\r\nGSB-New: 1\r\n\r\n",
	    GOT),
	/* Other names, whatever a careless reader might make of them. */
	ROW("200",
	    POST "Transfer_Encoding: chunked\r\nContent-Length: 1\r\n"
		 "\r\nx",
	    POST "Transfer_Encoding: chunked\r\nContent-Length: 1\r\n" OURS
		 "x"),
	ROW("200 200", GET "X-Content-Length: 5\r\n\r\n" GET "\r\n",
	    GET "X-Content-Length: 5\r\n" OURS GOT),
};

/* Content-Length and Transfer-Encoding in their disguises. */
static const struct row framing[] = {
	REFUSED("400", CHUNKED "Content-Length: 4\r\n\r\n0\r\n\r\n" SMUGGLED),
	REFUSED("400", POST "Content-Length: 5\r\nTransfer-Encoding: chunked"
			    "\r\n\r\n0\r\n\r\n" SMUGGLED),
	REFUSED("400", CHUNKED "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	REFUSED("400", CHUNKED "Transfer-Encoding: x\r\n\r\n0\r\n\r\n"),
	REFUSED("400", POST "Transfer-Encoding: chunked, chunked\r\n\r\n"),
	REFUSED("400", POST "Transfer-Encoding: chunked, identity\r\n\r\n"),
	REFUSED("400", POST "Transfer-Encoding: identity\r\n\r\n"),
	REFUSED("501", POST "Transfer-Encoding: gzip, chunked\r\n\r\n"),
	REFUSED("400", POST "Transfer-Encoding: xchunked\r\n\r\n"),
	REFUSED("400", POST "Transfer-Encoding: chunked;q=1\r\n\r\n"),
	REFUSED("400", POST "Transfer-Encoding: \"chunked\"\r\n\r\n"),
	REFUSED("400", POST "Transfer-Encoding: chun ked\r\n\r\n"),
	REFUSED("400", POST "Transfer-Encoding: \x0b"
			    "chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
	REFUSED("400", POST "Transfer-Encoding: chunked\x0c\r\n\r\n"),
	REFUSED("400", POST "Transfer-Encoding:\r\n chunked\r\n\r\n"),
	REFUSED("400", POST "Transfer-Encoding:\n chunked\r\n\r\n"),
	REFUSED("400", POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
	REFUSED("400", POST "Transfer-Encoding\t: chunked\r\n\r\n"),
	REFUSED("400", POST " Transfer-Encoding: chunked\r\n\r\n"),
	REFUSED("400", POST "X: y\rTransfer-Encoding: chunked\r\n\r\n"),
	REFUSED("400", POST "X: y\nTransfer-Encoding: chunked\r\n\r\n"),
	REFUSED("400", POST "Transfer-\0Encoding: chunked\r\n\r\n"),
	REFUSED("400", POST "Transfer-Encoding: chunked\0\r\n\r\n"),
	REFUSED("400", POST "Transfer-Encoding:\r\n\r\n"),
	REFUSED("400", "POST /a HTTP/1.0\r\n" HOST
		       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	REFUSED("400", POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\n"),
	REFUSED("400", POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\n"),
	REFUSED("400", POST "Content-Length: 3, 3\r\n\r\nabc"),
	REFUSED("400", POST "Content-Length: +3\r\n\r\nabc"),
	REFUSED("400", POST "Content-Length: -3\r\n\r\nabc"),
	REFUSED("400", POST "Content-Length: 0x3\r\n\r\nabc"),
	REFUSED("400", POST "Content-Length: 3 3\r\n\r\nabc"),
	REFUSED("400", POST "Content-Length: 3;\r\n\r\nabc"),
	REFUSED("400", POST "Content-Length: 3.0\r\n\r\nabc"),
	REFUSED("400", POST "Content-Length: 3e0\r\n\r\nabc"),
	REFUSED("400", POST "Content-Length:\r\n\r\n"),
	REFUSED("400", POST "Content-Length: 9223372036854775808\r\n\r\n"),
	REFUSED("400", POST "Content-Length: 18446744073709551619\r\n\r\nabc"),
	REFUSED("400", POST "Content-Length : 3\r\n\r\nabc"),
	REFUSED("400", POST "Connection: Content-Length\r\n"
			    "Content-Length: 3\r\n\r\nabc"),
	REFUSED("400", GET "Connection: Host\r\n\r\n"),
	REFUSED("417", POST "Expect: 200-ok\r\nContent-Length: 1\r\n\r\nx"),
};

static const struct row chunks[] = {
	REFUSED("400", CHUNKED "\r\n3\nabc\r\n0\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n3\rabc\r\n0\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n3\r\nabc\n0\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n3\r\nabcd\r\n0\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n3\r\nabc0\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n0x3\r\nabc\r\n0\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n-3\r\nabc\r\n0\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n+3\r\nabc\r\n0\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n 3\r\nabc\r\n0\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n3 \r\nabc\r\n0\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n3 x\r\nabc\r\n0\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n3_\r\nabc\r\n0\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n\r\nabc\r\n0\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n;a\r\nabc\r\n0\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n3;a\nb\r\nabc\r\n0\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n3;a\rb\r\nabc\r\n0\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n3;\0\r\nabc\r\n0\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n00000000000000003\r\nabc\r\n0\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n8000000000000000\r\nabc"),
	REFUSED("400", CHUNKED "\r\n10000000000000003\r\nabc\r\n0\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n0\r\n\n" SMUGGLED),
	REFUSED("400", CHUNKED "\r\n0\r\nX: 1\n\r\n" SMUGGLED),
	REFUSED("400", CHUNKED "\r\n0\r\n X: 1\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n0\r\nX : 1\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n0\r\nContent-Length: 5\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n0\r\nHost: evil\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n0\r\nGSB-Site: backup\r\n\r\n"),
	REFUSED("400", CHUNKED "\r\n0\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"),
};

static const struct row heads[] = {
	REFUSED("400", "GET /a\r\n\r\n"),
	REFUSED("400", "GET /a\r\n" HOST "\r\n"),
	REFUSED("505", "GET /a HTTP/0.9\r\n" HOST "\r\n"),
	REFUSED("505", "GET /a HTTP/2.0\r\n" HOST "\r\n"),
	REFUSED("505", "GET /a HTTP/1.2\r\n" HOST "\r\n"),
	REFUSED("400", "GET /a HTTP/1.1.1\r\n" HOST "\r\n"),
	REFUSED("400", "GET /a http/1.1\r\n" HOST "\r\n"),
	REFUSED("400", "GET /a HTTP /1.1\r\n" HOST "\r\n"),
	REFUSED("400", "GET /a\tHTTP/1.1\r\n" HOST "\r\n"),
	REFUSED("400", "GET  /a HTTP/1.1\r\n" HOST "\r\n"),
	REFUSED("400", "GET /a  HTTP/1.1\r\n" HOST "\r\n"),
	REFUSED("400", "GET /a HTTP/1.1 \r\n" HOST "\r\n"),
	REFUSED("400", "GET /a b HTTP/1.1\r\n" HOST "\r\n"),
	REFUSED("400", "GET /a#b HTTP/1.1\r\n" HOST "\r\n"),
	REFUSED("400", "GET /\x7f HTTP/1.1\r\n" HOST "\r\n"),
	REFUSED("400", "GET /\0 HTTP/1.1\r\n" HOST "\r\n"),
	REFUSED("400", "GET a HTTP/1.1\r\n" HOST "\r\n"),
	REFUSED("400", "GET * HTTP/1.1\r\n" HOST "\r\n"),
	REFUSED("400", "GET /\\a HTTP/1.1\r\n" HOST "\r\n"),
	REFUSED("400", " GET /a HTTP/1.1\r\n" HOST "\r\n"),
	REFUSED("400", "\n" GET "\r\n"),
	REFUSED("400", "G@T /a HTTP/1.1\r\n" HOST "\r\n"),
	REFUSED("400", "GET /a HTTP/1.1\n" HOST "\r\n"),
	REFUSED("400", "GET /a HTTP/1.1\r\nHost: h\n\n"),
	REFUSED("400", "GET /a HTTP/1.1\r" HOST "\r\n"),
	REFUSED("400", GET "A: b\r\n c\r\n\r\n"),
	REFUSED("400", GET "A: b\r\n\t\r\n\r\n"),
	REFUSED("400", "GET /a HTTP/1.1\r\n A: b\r\n" HOST "\r\n"),
	REFUSED("400", GET "A: b\x01\r\n\r\n"),
	REFUSED("400", GET "A: b\0\r\n\r\n"),
	REFUSED("400", GET "A: b\x7f\r\n\r\n"),
	REFUSED("400", GET "A: b\rc\r\n\r\n"),
	REFUSED("400", GET "A(): b\r\n\r\n"),
	REFUSED("400", GET "A\xa0: b\r\n\r\n"),
	REFUSED("400", GET "A b: c\r\n\r\n"),
	REFUSED("400", GET ": c\r\n\r\n"),
	REFUSED("400", GET "A\r\n\r\n"),
	REFUSED("400", "GET /a HTTP/1.1\r\n\r\n"),
	REFUSED("400", GET HOST "\r\n"),
	REFUSED("400", GET "host: g\r\n\r\n"),
	REFUSED("400", "GET /a HTTP/1.1\r\nHost: h, g\r\n\r\n"),
	REFUSED("400", "GET /a HTTP/1.1\r\nHost: h g\r\n\r\n"),
	REFUSED("400", "GET /a HTTP/1.1\r\nHost: u@h\r\n\r\n"),
	REFUSED("400", "GET /a HTTP/1.1\r\nHost: h/b\r\n\r\n"),
	REFUSED("400", "GET /a HTTP/1.1\r\nHost: h:x\r\n\r\n"),
	REFUSED("400", "GET /a HTTP/1.1\r\nHost: h:99999\r\n\r\n"),
	REFUSED("400", "GET /a HTTP/1.1\r\nHost: [::1\r\n\r\n"),
	REFUSED("400", "GET /a HTTP/1.1\r\nHost:\r\n\r\n"),
	REFUSED("400", "GET http://evil/a HTTP/1.1\r\n" HOST "\r\n"),
	REFUSED("400", "GET http://h:81/a HTTP/1.1\r\n" HOST "\r\n"),
	REFUSED("400", "GET http://u@h/a HTTP/1.1\r\n" HOST "\r\n"),
	REFUSED("400", "GET http:///a HTTP/1.1\r\n" HOST "\r\n"),
	REFUSED("400", "GET ftp://h/a HTTP/1.1\r\n" HOST "\r\n"),
	REFUSED("400", "GET http://h/a HTTP/1.1\r\n\r\n"),
	REFUSED("400", "CONNECT /a HTTP/1.1\r\n" HOST "\r\n"),
	ROW("405", "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n", ""),
	ROW("405", "TRACE /a HTTP/1.1\r\n" HOST "\r\n", ""),
	ROW("404", "GET /gsb/lease HTTP/1.1\r\n" HOST "\r\n", ""),
	ROW("404", "GET /%67sb/lease HTTP/1.1\r\n" HOST "\r\n", ""),
	ROW("404", "GET http://h/gsb/lease HTTP/1.1\r\n" HOST "\r\n", ""),
	ROW("400", "GET /x/../gsb/lease HTTP/1.1\r\n" HOST "\r\n", ""),
	/* A good one before does not make a bad one better. */
	ROW("200 400!", GET "\r\nGET /a HTTP/1.1\r\nHost : h\r\n\r\n", GOT),
	ROW("200 400!", GET "\r\n\r\n\r\n" GET "\r\n", GOT),
};

static int
setup(void **state)
{
	rig_start(NULL);
	recorder_start();
	return 0;
}

static int
teardown(void **state)
{
	rig_stop();
	recorder_stop();
	return 0;
}

/* Letters, digits, "-" and "_". */
static size_t
id_length(struct span s)
{
	size_t n = 0;

	while (n < s.len && (isalnum((unsigned char)s.at[n]) ||
			     s.at[n] == '-' || s.at[n] == '_'))
		n++;
	return n;
}

/* Passes over the text at the start of *s; false: it is not there. */
static bool
pass_over(struct span *s, const char *text)
{
	bool there = span_starts(*s, text);

	if (there)
		*s = span_skip(*s, strlen(text));
	return there;
}

/* Passes over what the proxy adds behind the client's lines. */
static bool
skip_ours(struct span *s, bool host)
{
	size_t digits = 0;

	if (!pass_over(s, "X-Forwarded-For: 127.0.0.1\r\n"
			  "X-Forwarded-Proto: http\r\n") ||
	    !pass_over(s, host ? "X-Forwarded-Host: h\r\n" : "") ||
	    !pass_over(s, "Forwarded: for=127.0.0.1;proto=http") ||
	    !pass_over(s, host ? ";host=\"h\"\r\n" : "\r\n") ||
	    !pass_over(s, "GSB-Request: ") || id_length(*s) != 22)
		return false;
	*s = span_skip(*s, 22);
	if (!pass_over(s, ";"))
		return false;
	while (digits < s->len && isdigit((unsigned char)s->at[digits]))
		digits++;
	*s = span_skip(*s, digits);
	return digits >= 15 &&
	       pass_over(s, "\r\nGSB-Epoch:                    7\r\n"
			    "GSB-Site: primary\r\n\r\n");
}

static bool
same(struct span got, const char *want)
{
	for (; *want != '\0'; want++) {
		if (*want == OURS[0] || *want == OURS_NO_HOST[0]) {
			if (!skip_ours(&got, *want == OURS[0]))
				return false;
			continue;
		}
		if (got.len == 0 || got.at[0] != *want)
			return false;
		got = span_skip(got, 1);
	}
	return got.len == 0;
}

static void
send_row(int fd, const struct row *row, bool single_bytes)
{
	int on = 1;

	if (!single_bytes) {
		client_send_bytes(fd, row->in, row->len);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (size_t i = 0; i < row->len; i++)
		client_send_bytes(fd, row->in + i, 1);
}

static void
read_answers(int fd, const struct row *row)
{
	for (const char *at = row->answers; *at != '\0'; at++) {
		struct answer a;

		if (*at == ' ')
			continue;
		if (*at == '!') {
			if (!client_at_end(fd))
				fail_msg("not closed: %s", row->in);
			return;
		}
		client_read(fd, false, &a);
		if (a.status != strtol(at, NULL, 10))
			fail_msg("%d instead of %.3s: %s", a.status, at,
				 row->in);
		answer_free(&a);
		at += 2;
	}
}

static void
try_row(const struct row *row, bool single_bytes)
{
	STRBUF_AUTO saw = { 0 };
	char want[2048];
	struct answer a;
	int fd = client_open();

	send_row(fd, row, single_bytes);
	read_answers(fd, row);
	close(fd);
	fd = client_open();
	client_send(fd, "GET /next HTTP/1.1\r\n" HOST "\r\n");
	client_read(fd, false, &a);
	assert_int_equal(a.status, 200);
	answer_free(&a);
	close(fd);
	recorder_take(&saw);
	snprintf(want, sizeof(want), "%sGET /next HTTP/1.1\r\n" HOST OURS,
		 row->site);
	if (!same(strbuf_span(&saw), want))
		fail_msg("%s\n--- the site saw:\n%s", row->in, saw.at);
}

static void
try_rows(const struct row *rows, size_t n)
{
	recorder_answer(span_of("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
				"\r\nx"),
			false, false);
	for (size_t i = 0; i < n; i++) {
		try_row(&rows[i], false);
		try_row(&rows[i], true);
	}
}

#define FAMILY(name)                              \
	static void test_##name(void **state)     \
	{                                         \
		try_rows(name, UNIT_COUNT(name)); \
	}
FAMILY(forwarded)
FAMILY(stripped)
FAMILY(framing)
FAMILY(chunks)
FAMILY(heads)

/* A body that goes on after its answer: nobody reads it as a request. */
static void
test_early_answer(void **state)
{
	STRBUF_AUTO saw = { 0 };
	struct answer a;
	char piece[4096];
	unsigned before = recorder_connections();
	int fd = client_open();

	recorder_answer(span_of("HTTP/1.1 413 Too Large\r\n"
				"Content-Length: 0\r\n\r\n"),
			false, true);
	client_send(fd, POST "Content-Length: 2000000\r\n\r\n");
	memset(piece, 'b', sizeof(piece));
	for (int i = 0; i < 300; i++)
		client_send_bytes(fd, piece, sizeof(piece));
	client_read(fd, false, &a);
	assert_int_equal(a.status, 413);
	assert_string_equal(answer_field(&a, "Connection"), "close");
	answer_free(&a);
	client_send(fd, SMUGGLED);
	assert_true(client_at_end(fd));
	close(fd);
	recorder_answer(span_of("HTTP/1.1 204 No Content\r\n\r\n"), false,
			false);
	fd = client_open();
	client_send(fd, GET "\r\n");
	client_read(fd, false, &a);
	assert_int_equal(a.status, 204);
	answer_free(&a);
	close(fd);
	assert_int_equal(recorder_connections(), before + 1);
	recorder_take(&saw);
	assert_null(strstr(saw.at, "smuggled"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forwarded),
		cmocka_unit_test(test_stripped),
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_early_answer),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
