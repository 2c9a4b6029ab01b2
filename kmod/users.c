// SPDX-License-Identifier: GPL-2.0-only
#include "event.h"
#include "set.h"
#include "store.h"
#include "users.h"

void snapset_users_init(struct snapset_users *users)
{
	spin_lock_init(&users->lock);
	INIT_LIST_HEAD(&users->list);
}

void snapset_users_join(struct snapset_store *store, struct snapset_set *set)
{
	unsigned long flags;

	spin_lock_irqsave(&store->users.lock, flags);
	list_add_tail(&set->uses, &store->users.list);
	spin_unlock_irqrestore(&store->users.lock, flags);
}

bool snapset_users_leave(struct snapset_store *store, struct snapset_set *set)
{
	unsigned long flags;
	bool last;

	spin_lock_irqsave(&store->users.lock, flags);
	list_del(&set->uses);
	last = list_empty(&store->users.list);
	spin_unlock_irqrestore(&store->users.lock, flags);
	return last;
}

void snapset_users_are_low(struct snapset_store *store, unsigned int percent)
{
	struct snapset_store_totals t;
	struct snapset_set *set;
	snapset_id id = {};
	char text[80];
	struct snapset_event_arg event = {
		.event = SNAPSET_EVENT_STORE_LOW,
		.set_id = &id,
		.state = -1,
		.store = store,
		.text = text,
	};

	spin_lock_irq(&store->users.lock);
	if (list_empty(&store->users.list)) {
		spin_unlock_irq(&store->users.lock);
		return;
	}
	set = list_last_entry(&store->users.list, struct snapset_set, uses);
	id = set->id;
	spin_unlock_irq(&store->users.lock);
	snapset_store_count(store, &t);
	snprintf(text, sizeof(text), "%u %% of the store's %llu MiB are used", percent,
		 t.size << SNAPSET_GRANULE_SHIFT >> 20);
	snapset_event_send(&event);
}

void snapset_users_have_room(struct snapset_store *store)
{
	struct snapset_set *set;

	spin_lock_irq(&store->users.lock);
	list_for_each_entry(set, &store->users.list, uses)
		snapset_full_over(set);
	spin_unlock_irq(&store->users.lock);
}

void snapset_users_stalled(struct snapset_store *store)
{
	struct snapset_set *set;

	spin_lock_irq(&store->users.lock);
	list_for_each_entry(set, &store->users.list, uses)
		snapset_set_give_up(set, SNAPSET_E_UNEXPECTED_PROVIDER_ERROR,
				    "the store completed no write for %u ms",
				    jiffies_to_msecs(store->stall));
	spin_unlock_irq(&store->users.lock);
}
