#include "proxy/detect.h"

#include <stdbool.h>
#include <string.h>

#include "http/url.h"

/*
 * True if the first segment is plain letters, digits and the like: then its
 * bytes mean themselves and nobody reads another segment there.
 */
static bool
first_is_plain(struct span path, struct span *first)
{
	size_t i = 1;

	if (path.len < 2 || path.at[0] != '/')
		return false;
	while (i < path.len && path.at[i] != '/') {
		if (path.at[i] == '%' || path.at[i] == '.')
			return false;
		i++;
	}
	*first = span_make(path.at + 1, i - 1);
	return i > 1;
}

static bool
is_detect_name(struct span s)
{
	return span_is(s, "detectbackup") || span_is(s, "detectbackup.php");
}

static void
judge_segments(const struct url_path *p, bool upgrade, struct detect *d)
{
	if (url_path_iis(p, 0, "gsb"))
		d->kind = DETECT_PRIVATE;
	else if (p->n == 2 && is_detect_name(p->seg[1]) && !p->slash_at_end)
		d->kind = DETECT_BACKUP;
	else if (upgrade && p->n == 4 && url_path_is(p, 1, "ws") &&
		 (url_path_is(p, 2, "P") || url_path_is(p, 2, "B")))
		d->kind = DETECT_ROOM;
	if (d->kind == DETECT_ROOM)
		d->letter = url_path_is(p, 2, "P") ? ROUTE_PRIMARY
						   : ROUTE_BACKUP;
}

/* The second segment might be the detector, however it is written; or an
 * escape or a dot could lead elsewhere. */
static bool
looks_special(struct span path, struct span first)
{
	struct span rest = span_skip(path, 1 + first.len);

	if (first.len == 3 && span_iis(first, "gsb"))
		return true;
	if (rest.len < 2)
		return false;
	return rest.at[1] == 'd' || rest.at[1] == '/' ||
	       memchr(rest.at, '%', rest.len) != NULL ||
	       memmem(rest.at, rest.len, "/.", 2) != NULL;
}

void
detect_path(struct span path, bool upgrade, struct detect *d)
{
	struct url_path segments;
	char buf[8192];
	bool plain;

	d->kind = DETECT_FORWARD;
	d->letter = ROUTE_PRIMARY;
	d->company = span_make(NULL, 0);
	plain = first_is_plain(path, &d->company);
	if (plain && !upgrade && !looks_special(path, d->company))
		return;
	if (path.len < 2 || path.at[0] != '/')
		return; /* "*", or the root */
	if (url_path_parse(path, buf, sizeof(buf), &segments, NULL) != 0) {
		d->kind = DETECT_BAD;
		return;
	}
	judge_segments(&segments, upgrade, d);
	if (!plain && segments.n > 0 &&
	    span_copy(segments.seg[0], d->text, sizeof(d->text)))
		d->company = span_of(d->text);
}
