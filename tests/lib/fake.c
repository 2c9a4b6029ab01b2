// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "fake.h"

#define MAX_CONNS	64
#define MAX_EVENTS	64

struct event {
	uint32_t	state, code;
	uint64_t	seq;
	char		text[128];
};

struct snapi_conn {
	bool		events, overflow;
	int		fd;
	struct event	queue[MAX_EVENTS];
	unsigned int	head, tail;
};

struct nl_msg {
	int		cmd;
	bool		dump, force;
	uint32_t	major, minor;
	unsigned int	freezes;
	uint32_t	store_kind, store_fd;
	char		name[256];
	snap_id		snap_id;
	bool		has_snap_id;
};

struct fake fake;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct snapi_conn *conns[MAX_CONNS];
static const snap_id set_id = { { 0x5e, 1, 2, 3 } };

void fake_reset(void)
{
	memset(&fake, 0, sizeof(fake));
}

unsigned int fake_conns(void)
{
	unsigned int n = 0;

	for (int i = 0; i < MAX_CONNS; i++)
		n += conns[i] != NULL;
	return n;
}

static void wake(struct snapi_conn *c, bool up)
{
	uint64_t v = 1;

	if (up) {
		if (write(c->fd, &v, sizeof(v)) < 0)
			abort();
	} else if (read(c->fd, &v, sizeof(v)) < 0 && errno != EAGAIN) {
		abort();
	}
}

static void set_state(uint32_t state, uint32_t code, const char *text)
{
	fake.state = state;
	fake.code = code;
	fake.text = text;
	fake.seq++;
	for (int i = 0; i < MAX_CONNS; i++) {
		struct snapi_conn *c = conns[i];
		struct event *ev;

		if (!c || !c->events || fake.silent)
			continue;
		ev = &c->queue[c->tail++ % MAX_EVENTS];
		ev->state = state;
		ev->code = code;
		ev->seq = fake.seq;
		strcpy(ev->text, text ? text : "");
		wake(c, true);
	}
}

void fake_state(uint32_t state, uint32_t code, const char *text)
{
	pthread_mutex_lock(&lock);
	set_state(state, code, text);
	pthread_mutex_unlock(&lock);
}

void fake_relent(void)
{
	pthread_mutex_lock(&lock);
	fake.fail_cmd = 0;
	pthread_mutex_unlock(&lock);
}

unsigned int fake_called(int cmd)
{
	unsigned int n;

	pthread_mutex_lock(&lock);
	n = fake.calls[cmd];
	pthread_mutex_unlock(&lock);
	return n;
}

void fake_overflow(void)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < MAX_CONNS; i++) {
		if (!conns[i] || !conns[i]->events)
			continue;
		conns[i]->overflow = true;
		conns[i]->head = conns[i]->tail;
		wake(conns[i], true);
	}
	pthread_mutex_unlock(&lock);
}

snap_status snapi_conn_open(bool events, struct snapi_conn **out,
			    struct snapi_error *e)
{
	struct snapi_conn *c;

	if (fake.absent) {
		snapi_error_set(e, SNAP_E_PROVIDER_NOT_REGISTERED, ENOENT, NULL, NULL);
		return e->code;
	}
	c = calloc(1, sizeof(*c));
	c->events = events;
	c->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	pthread_mutex_lock(&lock);
	for (int i = 0; i < MAX_CONNS; i++) {
		if (!conns[i]) {
			conns[i] = c;
			break;
		}
	}
	pthread_mutex_unlock(&lock);
	*out = c;
	return SNAP_S_OK;
}

void snapi_conn_close(struct snapi_conn *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < MAX_CONNS; i++)
		if (conns[i] == c)
			conns[i] = NULL;
	pthread_mutex_unlock(&lock);
	close(c->fd);
	free(c);
}

int snapi_conn_fd(const struct snapi_conn *c)
{
	return c->fd;
}

struct nl_msg *snapi_msg_new(struct snapi_conn *c, int cmd, bool dump, size_t bytes)
{
	struct nl_msg *m = calloc(1, sizeof(*m));

	(void)c;
	(void)bytes;
	m->cmd = cmd;
	m->dump = dump;
	return m;
}

void snapi_put_u32(struct snapi_conn *c, struct nl_msg *m, int attr, uint32_t v)
{
	(void)c;
	if (attr == SNAPSET_A_DEV_MAJOR)
		m->major = v;
	if (attr == SNAPSET_A_DEV_MINOR)
		m->minor = v;
	if (attr == SNAPSET_A_STORE_KIND)
		m->store_kind = v;
	if (attr == SNAPSET_A_FD && !m->freezes)
		m->store_fd = v;
}

void snapi_put_u64(struct snapi_conn *c, struct nl_msg *m, int attr, uint64_t v)
{
	(void)c;
	(void)m;
	(void)attr;
	(void)v;
}

void snapi_put_id(struct snapi_conn *c, struct nl_msg *m, int attr, const snap_id *id)
{
	(void)c;
	if (attr == SNAPSET_A_SNAP_ID) {
		m->snap_id = *id;
		m->has_snap_id = true;
	}
}

void snapi_put_str(struct snapi_conn *c, struct nl_msg *m, int attr, const char *v)
{
	(void)c;
	if (strlen(v) > SNAPSET_NAME_MAX)
		abort();
	if (attr == SNAPSET_A_NAME)
		strcpy(m->name, v);
}

void snapi_put_flag(struct snapi_conn *c, struct nl_msg *m, int attr)
{
	(void)c;
	m->force = attr == SNAPSET_A_FORCE;
}

struct nlattr *snapi_nest(struct snapi_conn *c, struct nl_msg *m, int attr)
{
	(void)c;
	m->freezes += attr == SNAPSET_A_FREEZE;
	return NULL;
}

void snapi_nest_end(struct nl_msg *m, struct nlattr *nest)
{
	(void)m;
	(void)nest;
}

bool snapi_nested_attrs(const struct snapi_attrs *attrs, int attr,
			struct snapi_attrs *inner)
{
	(void)attrs;
	(void)attr;
	memset(inner, 0, sizeof(*inner));
	return false;
}

/* Building an answer */

struct answer {
	struct snapi_attrs	attrs;
	char			buf[4096];
	size_t			used;
};

static void put(struct answer *a, int attr, const void *data, size_t len)
{
	struct nlattr *nla = (struct nlattr *)(a->buf + a->used);

	nla->nla_type = attr;
	nla->nla_len = NLA_HDRLEN + len;
	memcpy(nla + 1, data, len);
	a->used += NLA_ALIGN(nla->nla_len);
	a->attrs.a[attr] = nla;
}

static void put_u32(struct answer *a, int attr, uint32_t v)
{
	put(a, attr, &v, sizeof(v));
}

static void put_u64(struct answer *a, int attr, uint64_t v)
{
	put(a, attr, &v, sizeof(v));
}

static void put_set(struct answer *a)
{
	put(a, SNAPSET_A_SET_ID, &set_id, 16);
	put_u32(a, SNAPSET_A_STATE, fake.state);
	put_u32(a, SNAPSET_A_CODE, fake.code);
	put_u32(a, SNAPSET_A_MEMBERS, fake.nr_snaps);
	put_u32(a, SNAPSET_A_PHASE, SNAPSET_PHASE_HOLD);
	put_u64(a, SNAPSET_A_T_HOLD, 12345);
	put_u64(a, SNAPSET_A_CREATED, 1700000000000000001ull);
	if (fake.text)
		put(a, SNAPSET_A_TEXT, fake.text, strlen(fake.text) + 1);
}

static void put_snap(struct answer *a, const struct fake_snap *s)
{
	put(a, SNAPSET_A_SET_ID, &set_id, 16);
	put(a, SNAPSET_A_SNAP_ID, &s->id, 16);
	put(a, SNAPSET_A_NAME, s->name, strlen(s->name) + 1);
	put(a, SNAPSET_A_IMAGE_NAME, "snapset0", 9);
	put_u32(a, SNAPSET_A_DEV_MAJOR, s->major);
	put_u32(a, SNAPSET_A_DEV_MINOR, s->minor);
	put_u32(a, SNAPSET_A_OPENERS, s->openers);
	put_u32(a, SNAPSET_A_STATE, SNAPSET_SNAP_LIVE);
	put_u64(a, SNAPSET_A_SIZE, 1 << 20);
}

static void take_store(const struct nl_msg *m)
{
	struct stat st;

	fake.store_kind = m->store_kind;
	if (m->store_kind != SNAPSET_STORE_FILE)
		return;
	if (fstat((int)m->store_fd, &st))
		abort();
	fake.store_files++;
	fake.store_size += (uint64_t)st.st_size;
}

static uint32_t cancel(void)
{
	if (fake.cancel_code)
		return fake.cancel_code;
	switch (fake.state) {
	case SNAPSET_STATE_CREATED:
	case SNAPSET_STATE_COMMITTED:
		return SNAPSET_S_ASYNC_FINISHED;
	case SNAPSET_STATE_CANCELLED:
		return SNAPSET_S_ASYNC_CANCELLED;
	case SNAPSET_STATE_FAILED:
		return fake.code;
	default:
		set_state(SNAPSET_STATE_CANCELLED, SNAPSET_S_ASYNC_CANCELLED, NULL);
		return SNAPSET_S_OK;
	}
}

static void delete(const struct nl_msg *m, int *err, uint32_t *deleted)
{
	for (unsigned int i = 0; i < fake.nr_snaps; i++) {
		if (m->has_snap_id && !snap_id_equal(&fake.snaps[i].id, &m->snap_id))
			continue;
		if (fake.snaps[i].openers && !m->force)
			*err = EBUSY;
		(*deleted)++;
	}
	if (!*deleted)
		*err = ENOENT;
	if (!*err && !m->has_snap_id)
		fake.nr_snaps = 0;
}

/* One object each; returns the errno. */
static int answer(const struct nl_msg *m, snapi_reply_fn fn, void *arg,
		  unsigned int i, bool *more)
{
	struct answer a = { 0 };
	struct fake_snap *s;
	uint32_t deleted = 0;
	int err = 0;

	*more = false;
	switch (m->cmd) {
	case SNAPSET_CMD_SESSION_OPEN:
		put_u64(&a, SNAPSET_A_SESSION, 42);
		break;
	case SNAPSET_CMD_SET_START:
		fake.exists = true;
		fake.state = SNAPSET_STATE_OPEN;
		take_store(m);
		put(&a, SNAPSET_A_SET_ID, &set_id, 16);
		break;
	case SNAPSET_CMD_SET_ADD:
		s = &fake.snaps[fake.nr_snaps++];
		memset(s, 0, sizeof(*s));
		memset(s->id.b, (int)fake.nr_snaps, 16);
		s->major = m->major;
		s->minor = m->minor;
		strcpy(s->name, m->name);
		put(&a, SNAPSET_A_SNAP_ID, &s->id, 16);
		break;
	case SNAPSET_CMD_SET_DO:
		fake.freezes = m->freezes;
		set_state(SNAPSET_STATE_PREPARING, SNAPSET_S_ASYNC_PENDING, NULL);
		if (fake.finish)
			set_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
		return 0;
	case SNAPSET_CMD_SET_CANCEL:
		put_u32(&a, SNAPSET_A_CODE, cancel());
		break;
	case SNAPSET_CMD_SET_GET:
		if (!fake.exists)
			return m->dump ? 0 : ENOENT;
		put_set(&a);
		break;
	case SNAPSET_CMD_SNAP_GET:
		for (; i < fake.nr_snaps; i++)
			if (!m->has_snap_id || snap_id_equal(&fake.snaps[i].id, &m->snap_id))
				break;
		if (i >= fake.nr_snaps)
			return m->dump ? 0 : ENOENT;
		put_snap(&a, &fake.snaps[i]);
		*more = m->dump && i + 1 < fake.nr_snaps;
		break;
	case SNAPSET_CMD_STORE_EXTEND:
		take_store(m);
		break;
	case SNAPSET_CMD_DELETE:
		delete(m, &err, &deleted);
		if (err)
			return err;
		put_u32(&a, SNAPSET_A_DELETED, deleted);
		break;
	default:
		return EOPNOTSUPP;
	}
	if (fn)
		fn(&a.attrs, arg);
	return 0;
}

snap_status snapi_call(struct snapi_conn *c, struct nl_msg *m,
		       snapi_reply_fn fn, void *arg, struct snapi_error *e)
{
	const char *text = NULL;
	bool more = true;
	int err = 0;

	(void)c;
	pthread_mutex_lock(&lock);
	fake.calls[m->cmd]++;
	if (m->cmd == fake.fail_cmd) {
		err = fake.fail_errno;
		text = fake.fail_text;
	}
	for (unsigned int i = 0; !err && more; i++)
		err = answer(m, fn, arg, i, &more);
	if (m->dump && !err && fake.interrupt) {
		fake.interrupt--;
		pthread_mutex_unlock(&lock);
		snapi_error_set(e, SNAP_E_UNEXPECTED, EAGAIN, NULL, "interrupted");
		free(m);
		return e->code;
	}
	pthread_mutex_unlock(&lock);
	if (err && text)
		snapi_error_set(e, snapi_code_from_errno(err, m->cmd), err, NULL, "%s", text);
	else if (err)
		snapi_error_set(e, snapi_code_from_errno(err, m->cmd), err, NULL, NULL);
	free(m);
	return e->code;
}

int snapi_conn_drain(struct snapi_conn *c, snapi_reply_fn fn, void *arg)
{
	int stop = 0;

	while (!stop) {
		struct answer a = { .attrs.cmd = SNAPSET_CMD_EVENT };
		struct event ev;

		pthread_mutex_lock(&lock);
		if (c->overflow) {
			c->overflow = false;
			pthread_mutex_unlock(&lock);
			return -ENOBUFS;
		}
		if (c->head == c->tail) {
			wake(c, false);
			pthread_mutex_unlock(&lock);
			return 0;
		}
		ev = c->queue[c->head++ % MAX_EVENTS];
		pthread_mutex_unlock(&lock);
		put_u32(&a, SNAPSET_A_EVENT, SNAPSET_EVENT_SET_STATE);
		put_u64(&a, SNAPSET_A_SEQ, ev.seq);
		put_u32(&a, SNAPSET_A_STATE, ev.state);
		put_u32(&a, SNAPSET_A_CODE, ev.code);
		put(&a, SNAPSET_A_SET_ID, &set_id, 16);
		put(&a, SNAPSET_A_TEXT, ev.text, strlen(ev.text) + 1);
		stop = fn(&a.attrs, arg);
	}
	return 0;
}
