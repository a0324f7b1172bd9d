#include "replicator/copy_stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/manifest_diff.h"
#include "base/mem.h"
#include "io/delta.h"
#include "io/vault_content.h"

/* The disk keeps so much for others. */
#define SPARE_BYTES (INT64_C(16) << 20)
/* An operator's change may be about to name it. */
#define GRACE_S 60

struct copy_stage *
copy_stage_new(struct vault *v, unsigned keep, bool verify)
{
	struct copy_stage *s = mem_new(struct copy_stage);

	s->refs = 1;
	s->vault = vault_share(v);
	s->keep = keep;
	s->verify = verify;
	return s;
}

void
copy_stage_unref(struct copy_stage *s)
{
	if (--s->refs > 0)
		return;
	copy_plan_free(&s->plan);
	if (s->to != s->old)
		manifest_free(&s->to);
	manifest_free(&s->old);
	strbuf_fini(&s->text);
	strbuf_fini(&s->signature);
	vault_close(&s->vault);
	mem_free(s);
}

void
copy_stage_open(void *job)
{
	struct copy_stage *s = *(struct copy_stage **)job;

	if (vault_visible(s->vault, &s->slot, &s->err) == 0)
		s->old = vault_read(s->vault, s->slot, &s->err);
}

static int
read_manifest(struct copy_stage *s, struct err *e)
{
	if (s->same) {
		s->to = s->old;
	} else {
		s->to = s->diff
			    ? manifest_patch(s->old, strbuf_span(&s->text), e)
			    : manifest_parse(strbuf_span(&s->text), e);
		strbuf_fini(&s->text);
	}
	if (s->to == NULL)
		return err_prefix(e, "the primary's manifest");
	if (strcmp(s->to->digest, s->digest) == 0)
		return 0;
	return err_set(e, ERR_INVALID,
		       "the primary's manifest is not the announced one");
}

static int
check_room(const struct copy_stage *s, struct err *e)
{
	int64_t have = vault_free(s->vault);

	if (s->plan->bytes == 0 || have >= s->plan->bytes + SPARE_BYTES)
		return 0;
	return err_set(e, ERR_LIMIT,
		       "the copy needs %" PRId64 " MiB and %s has %" PRId64
		       " MiB free: nothing was begun",
		       (s->plan->bytes + SPARE_BYTES) >> 20,
		       vault_dir(s->vault), have >> 20);
}

void
copy_stage_compare(void *job)
{
	struct copy_stage *s = *(struct copy_stage **)job;

	if (read_manifest(s, &s->err) < 0)
		return;
	s->plan = copy_plan_new(s->vault, s->old, s->to, s->verify);
	check_room(s, &s->err);
}

void
copy_stage_sign(void *job)
{
	struct copy_stage *s = *(struct copy_stage **)job;
	int fd = vault_content(s->vault, s->need->basis, &s->err);

	if (fd < 0)
		return;
	if (delta_signature(fd, s->need->basis->size, &s->signature, &s->err) <
	    0)
		err_prefix(&s->err, "%s", s->need->basis->path);
	close(fd);
}

/*
 * The visible version may have been changed by an operator's override since
 * it was read: that is replaced as well.
 */
static int
show(struct copy_stage *s, struct err *e)
{
	int64_t now = 0;
	int lock = vault_lock(s->vault, e);
	int rc;

	if (lock < 0)
		return -1;
	rc = vault_visible(s->vault, &now, e);
	if (rc == 0 && (!s->same || now != s->slot))
		rc = vault_publish(s->vault, s->to, &s->slot, e);
	else if (rc == 0 && s->plan->bytes > 0) /* it was mended */
		rc = vault_sync(s->vault, e);
	vault_unlock(&lock);
	return rc;
}

void
copy_stage_show(void *job)
{
	struct copy_stage *s = *(struct copy_stage **)job;
	int64_t was = s->slot;

	if (show(s, &s->err) == 0 && s->slot != was)
		vault_prune(s->vault, s->keep, GRACE_S);
}

void
copy_stage_forget(struct copy_stage *s)
{
	char name[128];

	snprintf(name, sizeof(name), "partial/%.64s", s->need->entry->sha256);
	vault_note_remove(s->vault, name);
}
