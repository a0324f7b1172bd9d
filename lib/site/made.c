#include "site/made.h"

#include <assert.h>

#include "base/strbuf.h"
#include "site/api.h"
#include "site/record.h"
#include "site/site.h"

/* The name space of the product's ids, chosen once and for ever. */
static const uint8_t space[16] = { 0x6d, 0x0e, 0x1f, 0x5c, 0x3a, 0x92,
				   0x4b, 0x7e, 0x9c, 0x41, 0x0b, 0x8f,
				   0x27, 0xd3, 0x55, 0xa8 };

static const char lower[] = "abcdefghjkmnpqrstuvwxyz";
static const char upper[] = "ABCDEFGHJKMNPQRSTUVWXYZ";
static const char digit[] = "23456789";
static const char all[] = "abcdefghjkmnpqrstuvwxyz"
			  "ABCDEFGHJKMNPQRSTUVWXYZ"
			  "23456789";

static void name_of(const struct made_from *from, struct strbuf *out);
static struct made_from from_api(const struct api *a, const char *operation,
				 const char *entity);

void
made_uuid(const struct made_from *from, char out[static CRYPTO_UUID_SIZE])
{
	STRBUF_AUTO name = { 0 };

	name_of(from, &name);
	crypto_uuid5(space, strbuf_span(&name), out);
}

/* Each part with its length before it: no two lists give one name. */
static void
name_of(const struct made_from *from, struct strbuf *out)
{
	const char *const parts[] = { from->company, from->account,
				      from->operation, from->key,
				      from->entity };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct span part = span_of(parts[i]);

		strbuf_addi(out, (int64_t)part.len);
		strbuf_addc(out, ':');
		strbuf_add_span(out, part);
	}
}

/* The signature as it is written, hashed: even bytes to draw from. */
static void
draw(const struct made_from *from, const struct keyring *keys,
     uint8_t out[static CRYPTO_SHA256_SIZE])
{
	STRBUF_AUTO name = { 0 };
	STRBUF_AUTO mac = { 0 };

	strbuf_adds(&name, "secret:");
	name_of(from, &name);
	keyring_sign(keys, strbuf_span(&name), &mac);
	crypto_sha256(strbuf_span(&mac), out);
}

void
made_password(const struct made_from *from, const struct keyring *keys,
	      char *out, size_t size)
{
	uint8_t raw[CRYPTO_SHA256_SIZE];

	assert(size >= 7 && size <= sizeof(raw));
	draw(from, keys, raw);
	for (size_t i = 0; i < size - 1; i++)
		out[i] = all[raw[i] % (sizeof(all) - 1)];
	out[1] = lower[raw[1] % (sizeof(lower) - 1)];
	out[3] = upper[raw[3] % (sizeof(upper) - 1)];
	out[5] = digit[raw[5] % (sizeof(digit) - 1)];
	out[size - 1] = '\0';
}

static struct made_from
from_api(const struct api *a, const char *operation, const char *entity)
{
	return (struct made_from){
		.company = a->company != NULL ? a->company->id : NULL,
		.account = a->who != NULL ? a->who->id : NULL,
		.operation = operation,
		.key = a->key,
		.entity = entity,
	};
}

void
made_id(const struct api *a, const char *operation, const char *entity,
	char out[static CRYPTO_UUID_SIZE])
{
	struct made_from from = from_api(a, operation, entity);

	made_uuid(&from, out);
}

void
made_secret(const struct api *a, const char *operation, const char *entity,
	    char *out, size_t size)
{
	struct made_from from = from_api(a, operation, entity);

	made_password(&from, a->site->keys, out, size);
}

void
made_digits(const struct api *a, const char *operation, const char *entity,
	    char *out, size_t size)
{
	struct made_from from = from_api(a, operation, entity);

	made_number(&from, a->site->keys, out, size);
}

void
made_number(const struct made_from *from, const struct keyring *keys, char *out,
	    size_t size)
{
	uint8_t raw[CRYPTO_SHA256_SIZE];

	assert(size >= 2 && size <= sizeof(raw));
	draw(from, keys, raw);
	for (size_t i = 0; i < size - 1; i++)
		out[i] = (char)('0' + raw[i] % 10);
	out[0] = (char)('1' + raw[0] % 9);
	out[size - 1] = '\0';
}

void
made_host_key(const struct meeting *m, const struct keyring *keys,
	      char out[static MADE_HOST_KEY_SIZE])
{
	struct made_from key = { .company = m->company_id,
				 .account = m->host_id,
				 .operation = "hostKey",
				 .key = m->id };

	if (m->host_key != NULL &&
	    span_copy(span_of(m->host_key), out, MADE_HOST_KEY_SIZE))
		return;
	made_number(&key, keys, out, MADE_HOST_KEY_SIZE);
}
