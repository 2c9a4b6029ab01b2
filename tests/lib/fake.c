// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake.h"
#include "fake-nl.h"

#define MAX_CONNS	64
#define MAX_EVENTS	64

struct event {
	uint32_t	type, state, code, phase, err;
	const char	*name;
	bool		store;
	uint64_t	seq;
	char		text[128];
};

struct snapi_conn {
	bool		events, overflow;
	int		fd;
	struct event	queue[MAX_EVENTS];
	unsigned int	head, tail;
};

struct fake fake;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct snapi_conn *conns[MAX_CONNS];
static const snap_id set_id = { { 0x5e, 1, 2, 3 } }, other_id = { { 0x5e, 7, 7, 7 } };

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

/* To all that listen; lock is held. */
static void tell(const struct event *event)
{
	fake.seq++;
	for (int i = 0; i < MAX_CONNS; i++) {
		struct snapi_conn *c = conns[i];
		struct event *ev;

		if (!c || !c->events || fake.silent)
			continue;
		ev = &c->queue[c->tail++ % MAX_EVENTS];
		*ev = *event;
		ev->seq = fake.seq;
		wake(c, true);
	}
}

/* As the module says it: why, where and at what. */
void fake_fail(uint32_t code, const char *text, uint32_t phase, const char *name, int err)
{
	struct event ev = {
		.type = SNAPSET_EVENT_SET_STATE, .state = SNAPSET_STATE_FAILED, .code = code,
		.phase = phase, .name = name, .err = err,
	};

	pthread_mutex_lock(&lock);
	fake.state = SNAPSET_STATE_FAILED;
	fake.code = code;
	fake.text = text;
	fake.phase = phase;
	fake.name = name;
	fake.err = err;
	strcpy(ev.text, text ? text : "");
	tell(&ev);
	pthread_mutex_unlock(&lock);
}

static void set_state(uint32_t state, uint32_t code, const char *text)
{
	struct event ev = { .type = SNAPSET_EVENT_SET_STATE, .state = state, .code = code };

	fake.state = state;
	fake.code = code;
	fake.text = text;
	strcpy(ev.text, text ? text : "");
	tell(&ev);
}

void fake_store_event(uint32_t type, const char *text)
{
	struct event ev = { .type = type, .store = true };

	strcpy(ev.text, text);
	pthread_mutex_lock(&lock);
	tell(&ev);
	pthread_mutex_unlock(&lock);
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

bool fake_heard(void)
{
	bool heard = true;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < MAX_CONNS; i++)
		heard &= !conns[i] || (!conns[i]->overflow && conns[i]->head == conns[i]->tail);
	pthread_mutex_unlock(&lock);
	return heard;
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

static void put_store(struct fake_answer *a)
{
	const struct fake_store *st = &fake.store;
	struct fake_answer in = { 0 };

	if (!st->id)
		return;
	fake_put_u64(&in, SNAPSET_A_STORE_ID, st->id);
	fake_put_u32(&in, SNAPSET_A_STORE_KIND, st->kind);
	fake_put_u64(&in, SNAPSET_A_STORE_SIZE, st->size);
	fake_put_u64(&in, SNAPSET_A_STORE_USED, st->used);
	fake_put_u64(&in, SNAPSET_A_STORE_RATE, st->rate);
	fake_put_u32(&in, SNAPSET_A_STORE_MAJOR, st->major);
	fake_put_u32(&in, SNAPSET_A_STORE_MINOR, st->minor);
	fake_put_u32(&in, SNAPSET_A_STORE_FILES, st->files);
	if (st->path)
		fake_put(&in, SNAPSET_A_STORE_PATH, st->path, strlen(st->path) + 1);
	fake_put(a, SNAPSET_A_STORE, in.buf, in.used);
}

static void put_set(struct fake_answer *a, bool other)
{
	fake_put(a, SNAPSET_A_SET_ID, other ? &other_id : &set_id, 16);
	fake_put_u32(a, SNAPSET_A_STATE, other ? SNAPSET_STATE_CREATED : fake.state);
	fake_put_u32(a, SNAPSET_A_CODE, fake.code);
	fake_put_u32(a, SNAPSET_A_MEMBERS, fake.nr_snaps);
	fake_put_u32(a, SNAPSET_A_PHASE, fake.phase ? fake.phase : SNAPSET_PHASE_HOLD);
	if (fake.name)
		fake_put(a, SNAPSET_A_NAME, fake.name, strlen(fake.name) + 1);
	if (fake.err)
		fake_put_u32(a, SNAPSET_A_ERRNO, fake.err);
	fake_put_u64(a, SNAPSET_A_T_HOLD, 12345);
	fake_put_u64(a, SNAPSET_A_CREATED, 1700000000000000001ull);
	fake_put_u32(a, SNAPSET_A_FULL, fake.full);
	fake_put_u32(a, SNAPSET_A_FULL_WAIT_MS, fake.full_wait_ms);
	fake_put_u32(a, SNAPSET_A_FULL_WAITS, fake.full_waits);
	fake_put_u32(a, SNAPSET_A_FULL_DROPPED, fake.full_dropped);
	put_store(a);
	if (fake.text)
		fake_put(a, SNAPSET_A_TEXT, fake.text, strlen(fake.text) + 1);
}

static void put_snap(struct fake_answer *a, const struct fake_snap *s, bool count)
{
	fake_put(a, SNAPSET_A_SET_ID, s->other ? &other_id : &set_id, 16);
	fake_put(a, SNAPSET_A_SNAP_ID, &s->id, 16);
	fake_put(a, SNAPSET_A_NAME, s->name, strlen(s->name) + 1);
	fake_put(a, SNAPSET_A_IMAGE_NAME, "snapset0", 9);
	fake_put_u32(a, SNAPSET_A_DEV_MAJOR, s->major);
	fake_put_u32(a, SNAPSET_A_DEV_MINOR, s->minor);
	fake_put_u32(a, SNAPSET_A_OPENERS, s->openers);
	fake_put_u32(a, SNAPSET_A_STATE, SNAPSET_SNAP_LIVE);
	fake_put_u64(a, SNAPSET_A_SIZE, 1 << 20);
	fake_put_u64(a, SNAPSET_A_ALLOCATED, s->allocated);
	if (s->quota)
		fake_put_u64(a, SNAPSET_A_QUOTA, s->quota);
	if (count)
		fake_put_u64(a, SNAPSET_A_EXCLUSIVE, s->exclusive);
}

static void take_store(const struct nl_msg *m)
{
	struct stat st;

	fake.store_kind = (uint32_t)m->v[SNAPSET_A_STORE_KIND];
	if (fake.store_kind != SNAPSET_STORE_FILE)
		return;
	if (fstat((int)m->v[SNAPSET_A_FD], &st))
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
		if (m->has[SNAPSET_A_SNAP_ID] && !snap_id_equal(&fake.snaps[i].id, &m->snap_id))
			continue;
		if (fake.snaps[i].openers && !m->has[SNAPSET_A_FORCE])
			*err = EBUSY;
		(*deleted)++;
	}
	if (!*deleted)
		*err = ENOENT;
	if (!*err && !m->has[SNAPSET_A_SNAP_ID])
		fake.nr_snaps = 0;
}

static bool is_meant(const struct nl_msg *m, const struct fake_snap *s)
{
	if (m->has[SNAPSET_A_SNAP_ID])
		return snap_id_equal(&s->id, &m->snap_id);
	return !m->has[SNAPSET_A_SET_ID] ||
	       snap_id_equal(s->other ? &other_id : &set_id, &m->set_id);
}

/* One object each; returns the errno. */
static int answer(const struct nl_msg *m, snapi_reply_fn fn, void *arg,
		  unsigned int i, bool *more)
{
	struct fake_answer a = { 0 };
	struct fake_snap *s;
	uint32_t deleted = 0;
	int err = 0;

	*more = false;
	switch (m->cmd) {
	case SNAPSET_CMD_SESSION_OPEN:
		fake_put_u64(&a, SNAPSET_A_SESSION, 42);
		break;
	case SNAPSET_CMD_SET_START:
		fake.exists = true;
		fake.state = SNAPSET_STATE_OPEN;
		fake.full = (uint32_t)m->v[SNAPSET_A_FULL];
		fake.full_wait_ms = (uint32_t)m->v[SNAPSET_A_FULL_WAIT_MS];
		take_store(m);
		fake_put(&a, SNAPSET_A_SET_ID, &set_id, 16);
		break;
	case SNAPSET_CMD_SET_ADD:
		s = &fake.snaps[fake.nr_snaps++];
		memset(s, 0, sizeof(*s));
		memset(s->id.b, (int)fake.nr_snaps, 16);
		s->major = (uint32_t)m->v[SNAPSET_A_DEV_MAJOR];
		s->minor = (uint32_t)m->v[SNAPSET_A_DEV_MINOR];
		s->quota = m->v[SNAPSET_A_QUOTA];
		strcpy(s->name, m->name);
		fake_put(&a, SNAPSET_A_SNAP_ID, &s->id, 16);
		break;
	case SNAPSET_CMD_SET_DO:
		fake.freezes = m->freezes;
		set_state(SNAPSET_STATE_PREPARING, SNAPSET_S_ASYNC_PENDING, NULL);
		if (fake.finish)
			set_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
		return 0;
	case SNAPSET_CMD_SET_CANCEL:
		fake_put_u32(&a, SNAPSET_A_CODE, cancel());
		break;
	case SNAPSET_CMD_SET_GET:
		if (!fake.exists)
			return m->dump ? 0 : ENOENT;
		put_set(&a, i || (!m->dump && snap_id_equal(&m->set_id, &other_id)));
		*more = m->dump && fake.other && !i;
		break;
	case SNAPSET_CMD_SNAP_GET:
		for (; i < fake.nr_snaps; i++)
			if (is_meant(m, &fake.snaps[i]))
				break;
		if (i >= fake.nr_snaps)
			return m->dump ? 0 : ENOENT;
		put_snap(&a, &fake.snaps[i], m->has[SNAPSET_A_COUNT_EXCLUSIVE]);
		*more = m->dump && i + 1 < fake.nr_snaps;
		break;
	case SNAPSET_CMD_STORE_EXTEND:
		take_store(m);
		break;
	case SNAPSET_CMD_DELETE:
		delete(m, &err, &deleted);
		if (err)
			return err;
		fake_put_u32(&a, SNAPSET_A_DELETED, deleted);
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
	memcpy(fake.sent[m->cmd].v, m->v, sizeof(m->v));
	memcpy(fake.sent[m->cmd].has, m->has, sizeof(m->has));
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
	e->late = err && m->cmd == fake.fail_cmd && fake.fail_late;
	free(m);
	return e->code;
}

int snapi_conn_drain(struct snapi_conn *c, snapi_reply_fn fn, void *arg)
{
	int stop = 0;

	while (!stop) {
		struct fake_answer a = { .attrs.cmd = SNAPSET_CMD_EVENT };
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
		fake_put_u32(&a, SNAPSET_A_EVENT, ev.type);
		fake_put_u64(&a, SNAPSET_A_SEQ, ev.seq);
		if (ev.store)
			put_store(&a);
		else
			fake_put_u32(&a, SNAPSET_A_STATE, ev.state);
		fake_put_u32(&a, SNAPSET_A_CODE, ev.code);
		fake_put(&a, SNAPSET_A_SET_ID, &set_id, 16);
		fake_put(&a, SNAPSET_A_TEXT, ev.text, strlen(ev.text) + 1);
		if (ev.phase)
			fake_put_u32(&a, SNAPSET_A_PHASE, ev.phase);
		if (ev.name)
			fake_put(&a, SNAPSET_A_NAME, ev.name, strlen(ev.name) + 1);
		if (ev.err)
			fake_put_u32(&a, SNAPSET_A_ERRNO, ev.err);
		stop = fn(&a.attrs, arg);
	}
	return 0;
}
