#include "base/crypto.h"
#include "base/strbuf.h"
#include "site/store_inner.h"

struct store *
store_begin(struct api *a)
{
	a->store = arena_make(a->arena, struct store);
	return a->store;
}

const char *
store_fields(struct api *a, json_t *fields)
{
	STRBUF_AUTO text = { 0 };

	json_write(fields, JSON_AS_MADE, &text);
	json_decref(fields);
	return arena_span(a->arena, strbuf_span(&text));
}

struct pgparam
store_number(int64_t number)
{
	return number != 0 ? pgparam_int(number) : pgparam_null();
}

struct pgparam
store_uuid(const char *id)
{
	uint8_t raw[16];

	if (id != NULL && crypto_uuid_parse(span_of(id), raw) < 0)
		id = "00000000-0000-0000-0000-000000000000";
	return pgparam_text(id);
}
