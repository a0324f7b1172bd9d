#include "base/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"

enum { KEYS_MAX = 16, KEY_MIN = 32, KEY_MAX = 64, ID_MAX = 32 };
enum { FILE_MAX = 64 * 1024 };

struct key {
	char id[ID_MAX + 1];
	size_t len;
	char bytes[KEY_MAX];
};

struct keyring {
	size_t n;
	struct key keys[KEYS_MAX];
};

static int add_line(struct keyring *kr, struct span line, struct err *e);

/* The file's text in out; its name is not yet in the error. */
static int
read_closed_file(const char *path, struct strbuf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n = 0;

	if (fd < 0)
		return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
			       "%s", strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		err_set(e, ERR_INVALID, "must be a regular file");
		goto fail_fd;
	}
	if ((st.st_mode & 077) != 0) {
		err_set(e, ERR_REFUSED,
			"mode is %04o, so others can read the keys; "
			"make it 0600",
			(unsigned)st.st_mode & 07777);
		goto fail_fd;
	}
	while (out->len <= FILE_MAX) {
		n = read(fd, strbuf_reserve(out, 4096), 4096);
		if (n <= 0)
			break;
		out->len += (size_t)n;
		strbuf_cut(out, out->len);
	}
	if (n != 0) {
		err_set(e, n < 0 ? ERR_IO : ERR_LIMIT, "%s",
			n < 0 ? strerror(errno) : "too large for a key file");
		goto fail_fd;
	}
	close(fd);
	return 0;
fail_fd:
	close(fd);
	return -1;
}

struct keyring *
keyring_load(const char *path, struct err *e)
{
	STRBUF_AUTO text = { 0 };
	struct keyring *kr = NULL;

	if (read_closed_file(path, &text, e) < 0)
		err_prefix(e, "%s", path);
	else
		kr = keyring_parse(path, strbuf_span(&text), e);
	if (text.cap > 0)
		OPENSSL_cleanse(text.at, text.cap);
	return kr;
}

struct keyring *
keyring_parse(const char *name, struct span text, struct err *e)
{
	struct keyring *kr = mem_new(struct keyring);
	struct span line;
	unsigned n = 0;

	while (span_cut(&text, '\n', &line)) {
		n++;
		line = span_trim(line);
		if (line.len == 0 || line.at[0] == '#')
			continue;
		if (add_line(kr, line, e) == 0)
			continue;
		err_prefix(e, "%s:%u", name, n);
		keyring_free(&kr);
		return NULL;
	}
	if (kr->n == 0) {
		err_set(e, ERR_INVALID,
			"%s: holds no key; a line is KEYID HEXKEY", name);
		keyring_free(&kr);
	}
	return kr;
}

void
keyring_free(struct keyring **krp)
{
	struct keyring *kr = *krp;

	*krp = NULL;
	if (kr == NULL)
		return;
	OPENSSL_cleanse(kr, sizeof(*kr));
	mem_free(kr);
}

void
keyring_replace(struct keyring *kr, struct keyring **from)
{
	OPENSSL_cleanse(kr, sizeof(*kr));
	*kr = **from;
	keyring_free(from);
}

void
keyring_ids(const struct keyring *kr, struct strbuf *out)
{
	for (size_t i = 0; i < kr->n; i++)
		strbuf_addf(out, "%s%s", i > 0 ? "," : "", kr->keys[i].id);
}

static bool
id_valid(struct span id)
{
	if (id.len == 0 || id.len > ID_MAX)
		return false;
	for (size_t i = 0; i < id.len; i++) {
		char c = id.at[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		      (c >= 'a' && c <= 'z') || c == '-' || c == '_'))
			return false;
	}
	return true;
}

static const struct key *
find(const struct keyring *kr, struct span id)
{
	for (size_t i = 0; i < kr->n; i++)
		if (span_is(id, kr->keys[i].id))
			return &kr->keys[i];
	return NULL;
}

static int
set_bytes(struct key *k, struct span hex, struct err *e)
{
	STRBUF_AUTO raw = { 0 };

	strbuf_reserve(&raw, hex.len);
	if (crypto_unhex(hex, &raw) < 0)
		return err_set(e, ERR_INVALID,
			       "the key is not pairs of hex digits");
	k->len = raw.len;
	if (raw.len >= KEY_MIN && raw.len <= KEY_MAX)
		memcpy(k->bytes, raw.at, raw.len);
	OPENSSL_cleanse(raw.at, raw.cap);
	if (k->len < KEY_MIN || k->len > KEY_MAX)
		return err_set(e, ERR_INVALID,
			       "the key has %zu bytes; it must have %d to %d "
			       "(openssl rand -hex 32)",
			       k->len, KEY_MIN, KEY_MAX);
	return 0;
}

static int
add_line(struct keyring *kr, struct span line, struct err *e)
{
	struct key *k = &kr->keys[kr->n];
	size_t cut = 0;

	while (cut < line.len && line.at[cut] != ' ' && line.at[cut] != '\t')
		cut++;
	if (!id_valid(span_make(line.at, cut)))
		return err_set(e, ERR_INVALID,
			       "a line is KEYID HEXKEY; KEYID is 1 to %d of "
			       "A-Z a-z 0-9 _ -",
			       ID_MAX);
	if (find(kr, span_make(line.at, cut)) != NULL)
		return err_set(e, ERR_INVALID, "key %.*s occurs twice",
			       (int)cut, line.at);
	if (kr->n == KEYS_MAX)
		return err_set(e, ERR_LIMIT, "more than %d keys", KEYS_MAX);
	span_copy(span_make(line.at, cut), k->id, sizeof(k->id));
	if (set_bytes(k, span_trim(span_skip(line, cut)), e) < 0)
		return -1;
	kr->n++;
	return 0;
}

static void
add_mac(const struct key *k, struct span data, struct strbuf *out)
{
	uint8_t mac[CRYPTO_SHA256_SIZE];

	crypto_hmac_sha256(span_make(k->bytes, k->len), data, mac);
	crypto_base64url(span_make((char *)mac, sizeof(mac)), out);
}

void
keyring_sign(const struct keyring *kr, struct span data, struct strbuf *out)
{
	STRBUF_AUTO mac = { 0 };

	/* data may lie in out, which moves when it grows */
	add_mac(&kr->keys[0], data, &mac);
	strbuf_adds(out, kr->keys[0].id);
	strbuf_addc(out, '.');
	strbuf_add_span(out, strbuf_span(&mac));
}

int
keyring_verify(const struct keyring *kr, struct span data, struct span sig,
	       struct err *e)
{
	STRBUF_AUTO mac = { 0 };
	const struct key *k;
	struct span id;

	if (!span_cut(&sig, '.', &id) || sig.at == NULL)
		return err_set(e, ERR_REFUSED,
			       "not a signature KEYID.base64url");
	k = find(kr, id);
	if (k == NULL)
		return err_set(e, ERR_REFUSED,
			       "signed with a key that is not in the ring");
	add_mac(k, data, &mac);
	if (!crypto_equal(strbuf_span(&mac), sig))
		return err_set(e, ERR_REFUSED, "the signature is wrong");
	return 0;
}

const char *
keyring_id(const struct keyring *kr)
{
	return kr->keys[0].id;
}
