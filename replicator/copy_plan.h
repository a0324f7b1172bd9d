/*
 * What a copy has to do: two manifests compared. Pure, but for copy_plan_new,
 * which looks into the vault (in the thread pool).
 */
#ifndef REPLICATOR_COPY_PLAN_H
#define REPLICATOR_COPY_PLAN_H

#include "base/json.h"
#include "base/manifest.h"

struct vault;

struct copy_diff {
	int64_t added, changed, removed; /* files */
	bool settings;                   /* are others */
	int64_t bytes;                   /* of added and changed ones */
};
void copy_diff(const struct manifest *old, const struct manifest *to,
	       struct copy_diff *out);

/* One content that must be fetched. index as in manifest_frame.h. */
struct copy_need {
	uint32_t index;
	int64_t have;                       /* bytes in partial/ */
	const struct manifest_entry *entry; /* in `to` */
	const struct manifest_entry *basis; /* in `old`; NULL: fetch whole */
};

struct copy_plan {
	struct copy_need *bulk; /* in one stream, in order */
	size_t nbulk;
	struct copy_need *single; /* one by one: deltas, and what began */
	size_t nsingle;
	int64_t bytes; /* to be written */
};

/*
 * Given; borrows both manifests. What old names is taken to be right when
 * its size is (deep: is read and hashed); what nobody names is always read.
 */
struct copy_plan *copy_plan_new(const struct vault *v,
				const struct manifest *old,
				const struct manifest *to, bool deep);
void copy_plan_free(struct copy_plan **p);

/* [[1,5],[9,9]] of the bulk from `first` on, at most max pairs; *next: the
 * one behind them. Given. */
json_t *copy_plan_want(const struct copy_plan *p, size_t first, size_t max,
		       size_t *next);

#endif
