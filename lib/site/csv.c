#include "site/csv.h"

#include <string.h>

static void
add_text(const char *text, struct strbuf *out)
{
	bool formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;

	if (!formula && strpbrk(text, ",\"\r\n") == NULL) {
		strbuf_adds(out, text);
		return;
	}
	strbuf_adds(out, formula ? "\"'" : "\"");
	for (; *text != '\0'; text++) {
		if (*text == '"')
			strbuf_addc(out, '"');
		strbuf_addc(out, *text);
	}
	strbuf_addc(out, '"');
}

static void
add_value(const json_t *value, struct strbuf *out)
{
	if (json_is_string(value))
		add_text(json_string_value(value), out);
	else if (json_is_integer(value))
		strbuf_addf(out, "%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		strbuf_adds(out, json_is_true(value) ? "true" : "false");
}

void
csv_write(const json_t *list, const char *const *columns, struct strbuf *out)
{
	for (size_t c = 0; columns[c] != NULL; c++)
		strbuf_addf(out, "%s%s", c > 0 ? "," : "", columns[c]);
	strbuf_adds(out, "\r\n");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);

		for (size_t c = 0; columns[c] != NULL; c++) {
			if (c > 0)
				strbuf_addc(out, ',');
			add_value(json_object_get(one, columns[c]), out);
		}
		strbuf_adds(out, "\r\n");
	}
}
