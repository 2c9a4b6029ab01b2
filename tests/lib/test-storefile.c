// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files as stores: what the kernel will want of one, which are swept away, and that none
 * is left of a set that did not start. In STORE_DIR, as /tmp may be a tmpfs.
 */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "clock.h"
#include "fake.h"
#include "storage.h"
#include "tree.h"

static char dir[256];
static struct snap_session *s;
static struct snapi_error e;

static void remove_all(void)
{
	DIR *d = opendir(dir);
	struct dirent *de;

	while (d && (de = readdir(d)))
		unlinkat(dirfd(d), de->d_name, 0);
	closedir(d);
}

/* How many files of stores there are; the name of one is in @path. */
static unsigned int files(char path[600])
{
	DIR *d = opendir(dir);
	struct dirent *de;
	unsigned int n = 0;

	while (d && (de = readdir(d))) {
		if (strncmp(de->d_name, ".snapset-", 9))
			continue;
		if (path)
			snprintf(path, 600, "%s/%s", dir, de->d_name);
		n++;
	}
	closedir(d);
	return n;
}

static int setup(void **state)
{
	const char *top = getenv("STORE_DIR");

	(void)state;
	snprintf(dir, sizeof(dir), "%s/store-XXXXXX", top ? top : ".");
	if (!mkdtemp(dir))
		return -1;
	fake_reset();
	clock_begin(NULL);
	clock_goes(true);
	return snap_open(0, &s);
}

static int teardown(void **state)
{
	(void)state;
	snap_close(s);
	remove_all();
	return rmdir(dir) || fake_conns();
}

static struct snapi_store_file make(uint64_t bytes)
{
	struct snapi_store_file f;

	if (snapi_store_file_make(dir, bytes, &f, &e) == SNAP_E_VOLUME_NOT_SUPPORTED) {
		assert_contains(e.text, "no store can be in");
		assert_int_equal(files(NULL), 0);
		skip();
	}
	assert_status(e.code, SNAP_S_OK);
	return f;
}

static void labels(void **state)
{
	struct snapi_store_file f = make(1000001);
	struct snapset_store_label first, label;
	char sector[512], zeros[512] = "";
	unsigned int last;
	struct stat st;

	(void)state;
	assert_int_equal(fstat(f.fd, &st), 0);
	assert_int_equal(st.st_size, 1003520);
	assert_true(st.st_blocks * 512 >= st.st_size);
	assert_int_equal(st.st_mode & 07777, 0600);
	last = (unsigned int)(st.st_size / 512);
	for (unsigned int i = 0; i < last; i++) {
		bool labelled = i < 16 || i >= last - 16;

		assert_int_equal(pread(f.fd, sector, 512, i * 512), 512);
		if (!labelled) {
			assert_memory_equal(sector, zeros, 512);
			continue;
		}
		memcpy(&label, sector, sizeof(label));
		if (!i)
			first = label;
		assert_memory_equal(label.magic, SNAPSET_STORE_MAGIC, 16);
		assert_memory_equal(label.id, first.id, 16);
		assert_int_equal(le64toh(label.sector), i);
		assert_memory_equal(sector + sizeof(label), zeros, 512 - sizeof(label));
	}
	snapi_store_file_close(&f, false);
	assert_int_equal(files(NULL), 0);
}

static void put(const char *name, const char *text)
{
	char path[600];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fwrite(text, 1, 16, f);
	fclose(f);
}

static void sweeps(void **state)
{
	struct snapi_store_file kept = make(64 << 10), f;
	char path[600];
	int fd;

	(void)state;
	/* at work */
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	assert_int_equal(snapi_store_file_sweep(fd), 0);
	/* left, and somebody else's */
	put(".snapset-3b6c2f4e-0000-4000-8000-123456789abc.store", SNAPSET_STORE_MAGIC);
	put(".snapset-3b6c2f4e-0000-4000-8000-123456789abd.store", "what a user has ");
	put(".snapset-3b6c2f4e-0000-4000-8000-123456789abx.store", SNAPSET_STORE_MAGIC);
	put(".snapset-3b6c2f4e-0000-4000-8000-123456789abc.stored", SNAPSET_STORE_MAGIC);
	/* whose maker died before it had labels, or even a size */
	put(".snapset-3b6c2f4e-0000-4000-8000-000000000001.store", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
	snprintf(path, sizeof(path), "%s/.snapset-3b6c2f4e-0000-4000-8000-000000000002.store", dir);
	assert_int_equal(mknod(path, S_IFREG | 0600, 0), 0);
	snprintf(path, sizeof(path), "%s/.snapset-3b6c2f4e-0000-4000-8000-123456789abe.store", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(files(NULL), 8);
	f = make(64 << 10);
	assert_int_equal(files(NULL), 6);
	snapi_store_file_close(&f, true);	/* the kernel would have it now; here nobody */
	assert_int_equal(snapi_store_file_sweep(fd), 1);
	close(fd);
	snapi_store_file_close(&kept, false);
	assert_int_equal(files(NULL), 4);
	assert_int_equal(snapi_store_file_sweep(-1), 0);
}

/* Whose the file system's root is can put something else there after it was looked at. */
static void exchanged(void **state)
{
	struct snap_store store = { .size = sizeof(store), .kind = SNAP_STORE_FILE,
				    .bytes = 1 << 20 };
	char ours[300], target[300], aside[300];
	struct snapi_store_file f;
	snap_id set;

	(void)state;
	snprintf(ours, sizeof(ours), "%s/.snapset", dir);
	snprintf(target, sizeof(target), "%s/target", dir);
	snprintf(aside, sizeof(aside), "%s/aside", dir);
	assert_int_equal(snapi_dir_make(ours), 0);
	store.directory = ours;
	assert_status(snap_set_store(s, &store), SNAP_S_OK);
	assert_int_equal(mkdir(target, 0755), 0);
	assert_int_equal(rename(ours, aside), 0);
	assert_int_equal(symlink("target", ours), 0);
	assert_status(snap_start_snapshot_set(s, &set), SNAP_E_ACCESSDENIED);
	assert_status(snapi_store_file_make(ours, 1 << 20, &f, &e), SNAP_E_ACCESSDENIED);
	assert_status(snap_set_store(s, &store), SNAP_E_INVALIDARG);
	assert_int_equal(unlink(ours), 0);
	/* where others may write nothing is made, either */
	assert_int_equal(rename(target, ours), 0);
	assert_int_equal(chmod(ours, 0775), 0);
	assert_status(snapi_store_file_make(ours, 1 << 20, &f, &e), SNAP_E_ACCESSDENIED);
	assert_int_equal(rmdir(ours), 0);	/* empty */
	assert_int_equal(rename(aside, ours), 0);
	assert_status(snapi_store_file_make(ours, 1 << 20, &f, &e), SNAP_S_OK);
	snapi_store_file_close(&f, false);
	assert_int_equal(rmdir(ours), 0);
}

static void what_cannot_be_made(void **state)
{
	struct snapi_store_file f;
	char text[64];

	(void)state;
	assert_status(snapi_store_file_make(dir, 65535, &f, &e), SNAP_E_INVALIDARG);
	assert_contains(e.text, "64 KiB");
	assert_status(snapi_store_file_make("/no/such", 0, &f, &e), SNAP_E_OBJECT_NOT_FOUND);
	assert_contains(e.text, "/no/such");
	assert_status(snapi_store_file_make(dir, 1ull << 60, &f, &e), SNAP_E_INSUFFICIENT_STORAGE);
	assert_contains(e.text, dir);
	snprintf(text, sizeof(text), "%llu bytes: ", 1ull << 60);
	assert_contains(e.text, text);
	assert_status(snapi_store_file_make("/proc", 1 << 20, &f, &e), SNAP_E_VOLUME_NOT_SUPPORTED);
	assert_contains(e.text, "type proc cannot");
	assert_int_equal(files(NULL), 0);
}

static void arguments(void **state)
{
	struct snap_store store = { .size = sizeof(store), .kind = SNAP_STORE_FILE };
	struct snap_store device = { .size = sizeof(device), .kind = SNAP_STORE_DEVICE,
				     .device = "vdd", .bytes = 1 << 20 };
	snap_id set = { { 1 } };

	(void)state;
	assert_status(snap_set_store(s, &device), SNAP_E_INVALIDARG);
	assert_status(snap_set_store(s, &store), SNAP_E_INVALIDARG);
	store.directory = "/no/such";
	assert_status(snap_set_store(s, &store), SNAP_E_OBJECT_NOT_FOUND);
	store.directory = "/dev/null";
	assert_status(snap_set_store(s, &store), SNAP_E_INVALIDARG);
	store.directory = dir;
	store.bytes = 1;
	assert_status(snap_set_store(s, &store), SNAP_E_INVALIDARG);
	store.bytes = 0;
	store.limit = 1;
	assert_status(snap_set_store(s, &store), SNAP_E_INVALIDARG);
	store.limit = 0;
	assert_status(snap_set_store(s, &store), SNAP_S_OK);
	/* who is older than files has a shorter struct */
	store.size = offsetof(struct snap_store, directory);
	store.kind = SNAP_STORE_MEMORY;
	assert_status(snap_set_store(s, &store), SNAP_S_OK);
	assert_status(snap_storage_extend(NULL, &set, dir, 0), SNAP_E_INVALIDARG);
	assert_status(snap_storage_extend(s, NULL, dir, 0), SNAP_E_INVALIDARG);
	assert_status(snap_storage_extend(s, &set, dir, 0), SNAP_E_OBJECT_NOT_FOUND);
	assert_int_equal(files(NULL), 0);
}

static void a_set(void **state)
{
	struct snap_store store = { .size = sizeof(store), .kind = SNAP_STORE_FILE,
				    .directory = dir, .bytes = 1 << 20 };
	struct snapi_store_file f = make(64 << 10);
	char path[600];
	snap_id set;

	(void)state;
	snapi_store_file_close(&f, false);
	assert_status(snap_set_store(s, &store), SNAP_S_OK);
	/* somebody else's set: no file is made in vain */
	fake.exists = true;
	fake.state = SNAPSET_STATE_HOLDING;
	assert_status(snap_start_snapshot_set(s, &set), SNAP_E_SNAPSHOT_SET_IN_PROGRESS);
	assert_int_equal(fake.calls[SNAPSET_CMD_SET_START], 0);
	fake.exists = false;
	fake.fail_cmd = SNAPSET_CMD_SET_START;
	fake.fail_errno = EOPNOTSUPP;
	assert_status(snap_start_snapshot_set(s, &set), SNAP_E_VOLUME_NOT_SUPPORTED);
	assert_int_equal(files(NULL), 0);
	fake_relent();
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_int_equal(fake.store_kind, SNAPSET_STORE_FILE);
	assert_int_equal(fake.store_size, 1 << 20);
	assert_int_equal(files(path), 1);
	assert_status(snap_add_to_snapshot_set(s, "vda1", NULL), SNAP_S_OK);

	/* nobody has the first locked here, so it is swept */
	fake.fail_cmd = SNAPSET_CMD_STORE_EXTEND;
	fake.fail_errno = ELOOP;
	assert_status(snap_storage_extend(s, &set, dir, 128 << 10), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_int_equal(files(NULL), 0);
	fake_relent();
	assert_status(snap_storage_extend(s, &set, "/no/such", 0), SNAP_E_OBJECT_NOT_FOUND);
	assert_status(snap_storage_extend(s, &set, dir, 1), SNAP_E_INVALIDARG);
	assert_status(snap_storage_extend(s, &set, dir, 128 << 10), SNAP_S_OK);
	assert_int_equal(fake.store_files, 2);
	assert_int_equal(fake.store_size, (1 << 20) + (128 << 10));
	assert_int_equal(files(NULL), 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(labels), T(sweeps), T(what_cannot_be_made), T(arguments), T(a_set),
		T(exchanged),
	};

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
