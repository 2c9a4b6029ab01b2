// SPDX-License-Identifier: GPL-2.0-only
#include <linux/suspend.h>
#include "hibernate.h"
#include "registry.h"

static bool hibernates;		/* set_mutex */

/* One in the making is aborted, so that nothing is frozen when tasks are to stop. */
static void lose_all(void)
{
	static const char why[] =
		"the machine hibernates: its memory is written past the snapshots";
	struct snapset_set *set;

	lockdep_assert_held(&snapset_set_mutex);
	list_for_each_entry(set, &snapset_sets, link) {
		if (snapset_set_is(set, SNAPSET_STATE_OPEN))
			continue;
		snapset_set_abort(set, SNAPSET_E_PROVIDER_VETO, NULL, -EBUSY, "%s", why);
		snapset_set_give_up(set, SNAPSET_E_UNEXPECTED_PROVIDER_ERROR, "%s", why);
	}
}

static int told(struct notifier_block *nb, unsigned long what, void *unused)
{
	if (what != PM_HIBERNATION_PREPARE && what != PM_POST_HIBERNATION)
		return NOTIFY_DONE;
	mutex_lock(&snapset_set_mutex);
	hibernates = what == PM_HIBERNATION_PREPARE;
	if (hibernates)
		lose_all();
	mutex_unlock(&snapset_set_mutex);
	return NOTIFY_OK;
}

static struct notifier_block notifier = { .notifier_call = told };

bool snapset_hibernates(void)
{
	lockdep_assert_held(&snapset_set_mutex);
	return hibernates;
}

int snapset_hibernate_init(void)
{
	return register_pm_notifier(&notifier);
}

void snapset_hibernate_exit(void)
{
	unregister_pm_notifier(&notifier);
}
