// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Where a set keeps old data, as the caller says it and as the kernel is told. A file
 * is made just before it is told, and is the kernel's from then on: it removes it with
 * the store. A store that is shared is the kernel's already.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "internal.h"
#include "storage.h"

/* The directory by its absolute name, which stands for the same after a chdir(). */
static char *find_directory(const char *path, uint64_t bytes, struct snapi_error *e)
{
	struct stat st;
	char *real;

	if (!path || !*path) {
		snapi_error_set(e, SNAP_E_INVALIDARG, EINVAL, NULL,
				"a store of files needs a directory");
		return NULL;
	}
	if (bytes && !snapi_store_file_size_ok(bytes)) {
		snapi_error_set(e, SNAP_E_INVALIDARG, EINVAL, path,
				"a store in %s has 64 KiB at least, not %llu bytes", path,
				(unsigned long long)bytes);
		return NULL;
	}
	real = snapi_dir_real(path);
	if (!real || lstat(real, &st)) {
		snapi_error_set(e, errno == ENOENT || errno == ENOTDIR ?
				SNAP_E_OBJECT_NOT_FOUND : errno == ENOMEM ?
				SNAP_E_OUTOFMEMORY : errno == EACCES ?
				SNAP_E_ACCESSDENIED : SNAP_E_INVALIDARG,
				errno, path, "%s: %s", path, strerror(errno));
	} else if (!S_ISDIR(st.st_mode)) {
		snapi_error_set(e, SNAP_E_INVALIDARG, ENOTDIR, path,
				"%s is no directory for a store", path);
	} else {
		return real;
	}
	free(real);
	return NULL;
}

static snap_status check(const struct snap_store *store, dev_t *dev, char **directory,
			 struct snapi_error *e)
{
	struct snapi_volume vol;

	if (store->kind == SNAP_STORE_SHARED) {
		if (!store->store_id || store->limit || store->device ||
		    store->directory || store->bytes)
			snapi_error_set(e, SNAP_E_INVALIDARG, EINVAL, NULL,
					"a store that is shared is named by its number, and all else of it is settled");
		return e->code;
	}
	if (store->store_id) {
		snapi_error_set(e, SNAP_E_INVALIDARG, EINVAL, NULL,
				"only a store that is shared is named by a number");
		return e->code;
	}
	if (store->kind != SNAP_STORE_FILE && (store->directory || store->bytes)) {
		snapi_error_set(e, SNAP_E_INVALIDARG, EINVAL, NULL,
				"only a store of files takes a directory and its size");
		return e->code;
	}
	if (store->kind != SNAP_STORE_MEMORY && store->limit) {
		snapi_error_set(e, SNAP_E_INVALIDARG, EINVAL, NULL,
				"a store on a device or of files is as large as these; it takes no limit");
		return e->code;
	}
	switch (store->kind) {
	case SNAP_STORE_MEMORY:
		break;
	case SNAP_STORE_DEVICE:
		if (!snapi_resolve_device_only(store->device, &vol, e) &&
		    !snapi_store_device_check(&vol, e))
			*dev = vol.dev;
		break;
	case SNAP_STORE_FILE:
		*directory = find_directory(store->directory, store->bytes, e);
		break;
	default:
		snapi_error_set(e, SNAP_E_INVALIDARG, EINVAL, NULL,
				"there is no store of kind %d", (int)store->kind);
	}
	return e->code;
}

struct check_call {
	const struct snap_store	*store;
	dev_t			*dev;
	char			**directory;
	struct snapi_error	*e;
};

static void call_check(void *arg)
{
	struct check_call *c = arg;

	check(c->store, c->dev, c->directory, c->e);
}

SNAPI_EXPORT snap_status snap_set_store(struct snap_session *s,
					const struct snap_store *arg)
{
	struct snapi_error e = { 0 };
	struct snap_store store;
	char *directory = NULL;
	dev_t dev = 0;
	struct check_call call = { &store, &dev, &directory, &e };

	if (!s || !arg)
		return SNAP_E_INVALIDARG;
	if (snapi_session_check_new(s, "snap_set_store()"))
		return SNAP_E_BAD_STATE;
	if (!snapi_struct_in(&store, sizeof(store), arg))
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "struct snap_store says something that this library does not know");
	if (snapi_in_namespace(s, call_check, &call, &e))
		return snapi_fail_with(s, &e);
	free(s->store.directory);
	snapi_blks_free(&s->store.devs);
	s->store.directory = directory;
	s->store.bytes = store.bytes;
	s->store.dev = dev;
	s->store.kind = store.kind;
	s->store.limit = store.limit;
	s->store.id = store.store_id;
	s->store.set = true;
	return SNAP_S_OK;
}

static void put_file(struct snapi_conn *c, struct nl_msg *m, int fd)
{
	struct nlattr *nest = snapi_nest(c, m, SNAPSET_A_STORE);

	snapi_put_u32(c, m, SNAPSET_A_STORE_KIND, SNAPSET_STORE_FILE);
	snapi_put_u32(c, m, SNAPSET_A_FD, (uint32_t)fd);
	snapi_nest_end(m, nest);
}

/* The devices below @path, a directory or a file, which the nesting rule asks for. */
static snap_status find_devs(const char *path, struct snapi_blks *devs,
			     struct snapi_error *e)
{
	snapi_blks_free(devs);
	if (snapi_mount_devs_of(path, devs) == -ENOMEM)
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	return e->code;
}

/*
 * What the nesting rule asks for of a store that is there. Of several files only the
 * first is known; the kernel looks at the sectors of all.
 */
static snap_status find_shared(struct snap_session *s, struct snapi_error *e)
{
	struct snap_set_props p = { 0 };

	s->store.dev = 0;
	snapi_blks_free(&s->store.devs);
	if (!snapi_query_store(s, s->store.id, &p, e)) {
		if (!e->code)
			snapi_error_set(e, SNAP_E_OBJECT_NOT_FOUND, ENOENT, NULL,
					"no set uses the store %llu",
					(unsigned long long)s->store.id);
		return e->code;
	}
	if (p.store_kind == SNAP_STORE_DEVICE)
		s->store.dev = makedev(p.store_major, p.store_minor);
	if (*p.store_path)
		find_devs(p.store_path, &s->store.devs, e);
	return e->code;
}

snap_status snapi_store_begin(struct snap_session *s, struct snapi_store_file *f,
			      struct snapi_error *e)
{
	f->fd = -1;
	f->dir = -1;
	if (s->store.kind == SNAP_STORE_SHARED)
		return find_shared(s, e);
	if (!s->store.directory)
		return SNAP_S_OK;
	/*
	 * A file that is refused has to be made again with the next try, and while somebody
	 * else makes a set its file system may be frozen.
	 */
	if (snapi_query_making(s, e)) {
		snapi_error_set(e, SNAP_E_SNAPSHOT_SET_IN_PROGRESS, EINPROGRESS, NULL,
				"another set is in the making");
		return e->code;
	}
	if (!e->code && !find_devs(s->store.directory, &s->store.devs, e))
		snapi_store_file_make(s->store.directory, s->store.bytes, f, e);
	return e->code;
}

void snapi_store_put(struct snap_session *s, struct nl_msg *m,
		     const struct snapi_store_file *f)
{
	struct nlattr *nest;

	if (!s->store.set)
		return;
	if (s->store.kind == SNAP_STORE_FILE) {
		put_file(s->cmd, m, f->fd);
		return;
	}
	nest = snapi_nest(s->cmd, m, SNAPSET_A_STORE);
	if (s->store.kind == SNAP_STORE_SHARED) {
		snapi_put_u64(s->cmd, m, SNAPSET_A_STORE_ID, s->store.id);
	} else if (s->store.kind == SNAP_STORE_DEVICE) {
		snapi_put_u32(s->cmd, m, SNAPSET_A_STORE_KIND, SNAPSET_STORE_BDEV);
		snapi_put_u32(s->cmd, m, SNAPSET_A_STORE_MAJOR, major(s->store.dev));
		snapi_put_u32(s->cmd, m, SNAPSET_A_STORE_MINOR, minor(s->store.dev));
	} else {
		snapi_put_u32(s->cmd, m, SNAPSET_A_STORE_KIND, SNAPSET_STORE_MEMORY);
		if (s->store.limit)
			snapi_put_u64(s->cmd, m, SNAPSET_A_STORE_LIMIT, s->store.limit);
	}
	snapi_nest_end(m, nest);
}

/* As for a member that is added, with those of @set the other way round. */
static snap_status check_members(struct snap_session *s, const snap_id *set,
				 const struct snapi_blks *devs, struct snapi_error *e)
{
	struct snap_filter f = {
		.object = SNAP_OBJECT_SNAPSHOT, .set_id = *set, .unfinished = true,
	};
	struct snap_snapshot_props p = { .size = sizeof(p) };
	struct snap_iter *it;

	if (snapi_query(s, &f, &it, e))
		return e->code;
	while (!e->code && snap_iter_next_snapshot(it, &p) == SNAP_S_OK) {
		struct snapi_volume vol = { .dev = makedev(p.origin_major, p.origin_minor) };

		memcpy(vol.name, p.volume, sizeof(vol.name));
		snapi_nested_file(&vol, devs, e);
	}
	snap_iter_free(it);
	return e->code;
}

/* Those of each set that has the store of @set. */
static snap_status check_sets(struct snap_session *s, const struct snap_set_props *set,
			      const char *directory, struct snapi_error *e)
{
	struct snap_filter f = { .object = SNAP_OBJECT_SNAPSHOT_SET, .unfinished = true };
	struct snap_set_props p = { .size = sizeof(p) };
	struct snapi_blks devs = { 0 };
	struct snap_iter *it = NULL;

	if (!find_devs(directory, &devs, e))
		snapi_query(s, &f, &it, e);
	while (!e->code && snap_iter_next_set(it, &p) == SNAP_S_OK)
		if (p.store_id == set->store_id)
			check_members(s, &p.id, &devs, e);
	snap_iter_free(it);
	snapi_blks_free(&devs);
	return e->code;
}

static snap_status extend(struct snap_session *s, const snap_id *set_id,
			  const char *directory, uint64_t bytes, struct snapi_error *e)
{
	struct snapi_store_file f;
	struct nl_msg *m;

	if (snapi_store_file_make(directory, bytes, &f, e))
		return e->code;
	pthread_mutex_lock(&s->cmd_lock);
	m = snapi_msg_new(s->cmd, SNAPSET_CMD_STORE_EXTEND, false, 128);
	snapi_put_id(s->cmd, m, SNAPSET_A_SET_ID, set_id);
	put_file(s->cmd, m, f.fd);
	snapi_call(s->cmd, m, NULL, NULL, e);
	pthread_mutex_unlock(&s->cmd_lock);
	snapi_store_file_close(&f, !e->code);
	return e->code;
}

SNAPI_EXPORT snap_status snap_storage_extend(struct snap_session *s,
					     const snap_id *set_id,
					     const char *directory, uint64_t bytes)
{
	struct snap_set_props set = { 0 };
	struct snapi_error e = { 0 };
	char *real;

	if (!s)
		return SNAP_E_INVALIDARG;
	if (!set_id)
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "snap_storage_extend() needs the id of a set");
	/* A file need not be made for a set that is not there. */
	if (snapi_query_set(s, set_id, &set, &e))
		return snapi_fail_with(s, &e);
	real = find_directory(directory, bytes, &e);
	if (real && !check_sets(s, &set, real, &e))
		extend(s, set_id, real, bytes, &e);
	free(real);
	return e.code ? snapi_fail_with(s, &e) : SNAP_S_OK;
}
