// SPDX-License-Identifier: GPL-2.0-only
/*
 * A session knows its socket by the socket itself, of which it holds a
 * reference; a port id alone would not do. The kernel tells us of a socket's end by
 * port id, and at that moment the dying socket has already left the table of
 * ports, so that a new one may have got the same id and even have opened a
 * session of its own: two sessions with one port id, of which one is over. But
 * before it tells us, the kernel has marked the dying socket as dead, in the
 * same thread. So the notice ends those sessions of that port id whose socket
 * is dead, and never a living one's; if it thereby ends one whose own notice
 * is still on its way, that one finds nothing left to do. And since we hold
 * the socket, its address cannot be another's meanwhile.
 *
 * The notice comes in the context of whoever closes: a task that exits, maybe
 * with writes of its own parked at a gate. Hence it only queues work.
 *
 * A session has no reference on the module. At exit no request is served any
 * more (the family is gone, which waits for running handlers, and each request that a
 * worker serves has a reference) and no notice
 * comes any more (unregistering waits for running ones): what is left is ended
 * here, and the queue is drained before its code goes away.
 */
#include <linux/list.h>
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/sock.h>
#include "control.h"
#include "counters.h"
#include "fault.h"
#include "say.h"
#include "session.h"

struct session {
	struct list_head link;		/* sessions_lock */
	u64 cookie;
	struct sock *sk;		/* a reference */
	u32 portid;
	struct snapset_owner owner;
	bool over;			/* sessions_lock; work is queued */
	struct work_struct work;
};

static DEFINE_SPINLOCK(sessions_lock);
static LIST_HEAD(sessions);
/*
 * One death must not wait for another, whose set may take long to undo: so not
 * ordered. Not for reclaim: deleting images waits for queues that are not
 * either, and what is bounded in time (the hold) has its own timer.
 */
static struct workqueue_struct *sessions_wq;

static struct session *find(u64 cookie)
{
	struct session *s;

	list_for_each_entry(s, &sessions, link)
		if (s->cookie == cookie)
			return s;
	return NULL;
}

static bool socket_has_one(const struct sock *sk)
{
	struct session *s;

	list_for_each_entry(s, &sessions, link)
		if (s->sk == sk)
			return true;
	return false;
}

static void end_work(struct work_struct *work)
{
	struct session *s = container_of(work, struct session, work);

	snapset_owner_died(s->cookie);
	spin_lock(&sessions_lock);
	list_del(&s->link);
	spin_unlock(&sessions_lock);
	sock_put(s->sk);
	kfree(s);
	snapset_gone(SNAPSET_OBJ_SESSION);
}

static void end(struct session *s)
{
	lockdep_assert_held(&sessions_lock);
	if (s->over)
		return;
	s->over = true;
	queue_work(sessions_wq, &s->work);
}

int snapset_session_open(struct sk_buff *skb, u64 *cookie,
			 struct netlink_ext_ack *extack)
{
	struct session *s;
	int err = 0;

	s = snapset_may_fail(kzalloc(sizeof(*s), GFP_KERNEL));
	if (!s)
		return snapset_say(extack, -ENOMEM, "no memory for a session");
	INIT_WORK(&s->work, end_work);
	s->sk = NETLINK_CB(skb).sk;
	s->portid = NETLINK_CB(skb).portid;
	s->owner.pid = task_tgid_nr(current);
	get_task_comm(s->owner.comm, current);

	spin_lock(&sessions_lock);
	if (socket_has_one(s->sk)) {
		err = -EEXIST;
	} else {
		do {
			s->cookie = get_random_u64();
		} while (!s->cookie || find(s->cookie));
		*cookie = s->cookie;
		sock_hold(s->sk);
		list_add_tail(&s->link, &sessions);
	}
	spin_unlock(&sessions_lock);
	if (err) {
		kfree(s);
		return snapset_say(extack, err, "this socket has a session already");
	}
	snapset_made(SNAPSET_OBJ_SESSION);
	return 0;
}

int snapset_session_check(struct sk_buff *skb, u64 cookie,
			  struct netlink_ext_ack *extack)
{
	bool known, own;
	struct session *s;

	spin_lock(&sessions_lock);
	s = find(cookie);
	known = s;
	own = s && s->sk == NETLINK_CB(skb).sk;
	spin_unlock(&sessions_lock);
	if (!known)
		return snapset_say(extack, -EPROTO,
				   "there is no such session; it ends with the socket that opened it");
	if (!own)
		return snapset_say(extack, -EPERM,
				   "the session belongs to another socket");
	return 0;
}

void snapset_session_owner(u64 cookie, struct snapset_owner *owner)
{
	struct session *s;

	memset(owner, 0, sizeof(*owner));
	spin_lock(&sessions_lock);
	s = find(cookie);
	if (s)
		*owner = s->owner;
	spin_unlock(&sessions_lock);
}

bool snapset_session_lives(u64 cookie)
{
	struct session *s;
	bool lives;

	spin_lock(&sessions_lock);
	s = find(cookie);
	lives = s && !s->over;
	spin_unlock(&sessions_lock);
	return lives;
}

static int socket_released(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct netlink_notify *n = data;
	struct session *s;

	if (event != NETLINK_URELEASE || n->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	spin_lock(&sessions_lock);
	list_for_each_entry(s, &sessions, link)
		if (s->portid == n->portid && net_eq(sock_net(s->sk), n->net) &&
		    sock_flag(s->sk, SOCK_DEAD))
			end(s);
	spin_unlock(&sessions_lock);
	return NOTIFY_DONE;
}

static struct notifier_block notifier = {
	.notifier_call = socket_released,
};

int snapset_session_init(void)
{
	int err;

	sessions_wq = alloc_workqueue("snapset-session", WQ_UNBOUND, 0);
	if (!sessions_wq)
		return -ENOMEM;
	err = netlink_register_notifier(&notifier);
	if (err)
		destroy_workqueue(sessions_wq);
	return err;
}

void snapset_session_exit(void)
{
	struct session *s;

	netlink_unregister_notifier(&notifier);
	spin_lock(&sessions_lock);
	list_for_each_entry(s, &sessions, link)
		end(s);
	spin_unlock(&sessions_lock);
	destroy_workqueue(sessions_wq);
}
