#include "replicator/copy_look.h"

#include <string.h>

#include "base/mem.h"

static void
add_version(struct copy_look *l, int64_t slot, int64_t visible)
{
	struct manifest *m = vault_read(l->vault, slot, NULL);
	json_t *one;

	if (m == NULL)
		return;
	one = json_object();
	json_put_int(one, "slot", slot);
	json_put_int(one, "version", m->version);
	json_put_int(one, "made_us", m->made_us);
	json_put_str(one, "digest", m->digest);
	json_put_int(one, "files", (int64_t)m->n);
	json_put_int(one, "bytes", m->bytes);
	json_put_str(one, "override", m->override_reason);
	json_put_bool(one, "visible", slot == visible);
	json_array_append_new(l->versions, one);
	manifest_free(&m);
}

static int
digest_of(const struct copy_look *l, int64_t slot,
	  char out[static MANIFEST_HASH_SIZE], struct err *e)
{
	struct manifest *m = vault_read(l->vault, slot, e);

	if (m == NULL)
		return -1;
	memcpy(out, m->digest, MANIFEST_HASH_SIZE);
	manifest_free(&m);
	return 0;
}

/* The newest that is older than the visible one. */
static int
roll_back(struct copy_look *l, struct err *e)
{
	int64_t visible = 0, to = 0, *slots;
	size_t n;
	int lock = vault_lock(l->vault, e), rc;

	if (lock < 0)
		return -1;
	slots = vault_slots(l->vault, &n);
	rc = vault_visible(l->vault, &visible, e);
	for (size_t i = 0; i < n && slots[i] < visible; i++)
		to = slots[i];
	mem_free(slots);
	if (rc == 0 && to == 0)
		rc = err_set(e, ERR_NOT_FOUND, "there is no older version");
	if (rc == 0)
		rc = digest_of(l, visible, l->from, e);
	if (rc == 0)
		rc = digest_of(l, to, l->to, e);
	if (rc == 0)
		rc = vault_show(l->vault, to, e);
	vault_unlock(&lock);
	return rc;
}

void
copy_look_run(void *job)
{
	struct copy_look *l = job;
	int64_t visible = 0, *slots;
	size_t n;

	if (l->rollback)
		(void)!roll_back(l, &l->err); /* told by err */
	l->versions = json_array();
	if (vault_visible(l->vault, &visible, NULL) < 0)
		return;
	slots = vault_slots(l->vault, &n);
	for (size_t i = n; i > 0; i--)
		add_version(l, slots[i - 1], visible);
	mem_free(slots);
}

void
copy_look_fini(void *job)
{
	struct copy_look *l = job;

	json_decref(l->versions);
	vault_close(&l->vault);
}
