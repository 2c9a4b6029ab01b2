// SPDX-License-Identifier: GPL-2.0-only
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/hashtable.h>
#include "bypass.h"
#include "cow.h"
#include "look.h"
#include "origin.h"
#include "track.h"

static void lose(struct snapset_origin *o)
{
	snapset_cow_kill_newest(o, SNAPSET_E_UNEXPECTED_PROVIDER_ERROR,
				"%s is written to by requests that no bio brings: it has become a path of a multipath",
				o->disk->disk_name);
}

static struct snapset_range range_of(const struct request *rq)
{
	sector_t at = blk_rq_pos(rq);

	/* of several bios, which may lie anywhere on the disk */
	if (req_op(rq) == REQ_OP_DISCARD && rq->bio != rq->biotail)
		return snapset_range_of(0, U64_MAX);
	return snapset_range_of(at, blk_rq_sectors(rq));
}

static notrace void request_comes(unsigned long ip, unsigned long parent_ip,
				  struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct request *rq = snapset_ftrace_cloned_request(fregs);
	struct gendisk *disk = snapset_request_disk(rq);
	struct snapset_range r = range_of(rq);
	struct snapset_origin *o;

	if (!disk || !op_is_write(req_op(rq)))
		return;
	rcu_read_lock();
	hash_for_each_possible_rcu(snapset_origins, o, link, (unsigned long)disk) {
		if (o->disk != disk || !snapset_range_overlap(o->range, r))
			continue;
		/* before the lock in which an engine becomes the newest, or is killed here */
		WRITE_ONCE(o->bypassed, true);
		lose(o);
	}
	rcu_read_unlock();
}

static struct snapset_look requests = SNAPSET_LOOK("blk_insert_cloned_request", request_comes);

bool snapset_bypass_get(void)
{
	return !snapset_requests_are_cloned() || snapset_look_get(&requests);
}

void snapset_bypass_put(void)
{
	if (snapset_requests_are_cloned())
		snapset_look_put(&requests);
}

bool snapset_bypassed(struct snapset_origin *origin)
{
	if (!READ_ONCE(origin->bypassed))
		return false;
	lose(origin);
	return true;
}

void snapset_bypass_exit(void)
{
	snapset_look_exit(&requests);
}
