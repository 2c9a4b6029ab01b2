// SPDX-License-Identifier: GPL-2.0-only
/*
 * The time runs while the machine does: what is due when it sleeps is deleted after it
 * has slept. An image that is open then is looked at again and again; nothing is taken from
 * whoever reads it.
 */
#include "control.h"
#include "expire.h"
#include "registry.h"
#include "set.h"

#define AGAIN_S		10

/* The pending work has a reference of the set. With set_mutex. */
static void due_in(struct snapset_set *set, u64 s)
{
	queue_delayed_work(snapset_set_wq, &set->expire,
			   min_t(u64, s * HZ, MAX_JIFFY_OFFSET));
}

static void expire_work(struct work_struct *work)
{
	struct snapset_set *set = container_of(to_delayed_work(work), struct snapset_set, expire);
	u32 deleted;
	bool again;

	again = snapset_delete_set(&set->id, 0, false, &deleted, NULL) == -EBUSY;
	mutex_lock(&snapset_set_mutex);
	again = again && !list_empty(&set->link);	/* deleted by a command meanwhile? */
	if (again)
		due_in(set, AGAIN_S);
	mutex_unlock(&snapset_set_mutex);
	if (!again)
		snapset_set_put(set);
}

void snapset_expire_init(struct snapset_set *set)
{
	INIT_DELAYED_WORK(&set->expire, expire_work);
}

void snapset_expire_begin(struct snapset_set *set)
{
	lockdep_assert_held(&snapset_set_mutex);
	if (!set->params.expire_s)
		return;
	refcount_inc(&set->refs);
	due_in(set, set->params.expire_s);
}

void snapset_expire_stop(struct snapset_set *set)
{
	lockdep_assert_held(&snapset_set_mutex);
	if (cancel_delayed_work(&set->expire))
		snapset_set_put(set);
}
