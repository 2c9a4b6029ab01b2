// SPDX-License-Identifier: GPL-2.0-only
/*
 * The times are those of MS-FSRVP's sequence timers, which have the same task: 180 s
 * after the start, 1800 s after a volume was added.
 */
#include <linux/module.h>
#include "idle.h"
#include "registry.h"
#include "set.h"

#define IDLE_MAX_S	86400u

static unsigned int start_idle_s = 180;
module_param(start_idle_s, uint, 0644);
MODULE_PARM_DESC(start_idle_s,
		 "a set to which nothing is added is given up after so many seconds; 0: never (180)");

static unsigned int add_idle_s = 1800;
module_param(add_idle_s, uint, 0644);
MODULE_PARM_DESC(add_idle_s,
		 "a set with volumes that is not made is given up after so many seconds; 0: never (1800)");

static void forgotten(struct work_struct *work)
{
	struct snapset_set *set = container_of(to_delayed_work(work), struct snapset_set,
					       idle.work);
	bool won = false;

	mutex_lock(&snapset_set_mutex);
	/* pending again: somebody has just added a volume */
	if (snapset_set_is(set, SNAPSET_STATE_OPEN) && !delayed_work_pending(&set->idle.work))
		won = snapset_set_abort(set, SNAPSET_E_BAD_STATE, NULL, 0,
					"it was given up, %u s after %s, since nobody went on with it",
					set->idle.s,
					set->members ? "the last volume was added" :
					"it was started");
	mutex_unlock(&snapset_set_mutex);
	if (won)
		snapset_set_ended(set);
	snapset_set_put(set);
}

void snapset_idle_init(struct snapset_set *set)
{
	INIT_DELAYED_WORK(&set->idle.work, forgotten);
}

void snapset_idle_stop(struct snapset_set *set)
{
	lockdep_assert_held(&snapset_set_mutex);
	if (cancel_delayed_work(&set->idle.work))
		snapset_set_put(set);
}

static void begin(struct snapset_set *set, unsigned int s)
{
	snapset_idle_stop(set);
	set->idle.s = s;
	if (!s)
		return;
	refcount_inc(&set->refs);
	queue_delayed_work(snapset_set_wq, &set->idle.work, s * HZ);
}

void snapset_idle_started(struct snapset_set *set)
{
	begin(set, min(READ_ONCE(start_idle_s), IDLE_MAX_S));
}

void snapset_idle_goes_on(struct snapset_set *set)
{
	if (set->members)
		snapset_idle_added(set);
	else
		snapset_idle_started(set);
}

void snapset_idle_added(struct snapset_set *set)
{
	begin(set, min(READ_ONCE(add_idle_s), IDLE_MAX_S));
}
