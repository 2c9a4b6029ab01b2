// SPDX-License-Identifier: GPL-2.0-only
/* Names, stacks and the nesting rule, on a made-up /sys. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "tree.h"

static struct snapi_error e;
static struct snapi_volume vol;

static void what_is_no_volume(void **state)
{
	char path[128];

	(void)state;
	assert_status(snapi_resolve(NULL, &vol, &e), SNAP_E_INVALIDARG);
	assert_status(snapi_resolve("", &vol, &e), SNAP_E_INVALIDARG);
	assert_status(snapi_resolve("/no/such/path", &vol, &e), SNAP_E_OBJECT_NOT_FOUND);
	assert_contains(e.text, "/no/such/path");
	assert_string_equal(e.member, "/no/such/path");
	assert_status(snapi_resolve("/dev/null", &vol, &e), SNAP_E_INVALIDARG);
	assert_contains(e.text, "neither a mount point nor a block device");
	assert_status(snapi_resolve("UUID=no-such-uuid", &vol, &e), SNAP_E_OBJECT_NOT_FOUND);
	assert_contains(e.text, "UUID=no-such-uuid");
	snprintf(path, sizeof(path), "%s/image", tree_root());
	assert_status(snapi_resolve_device_only(path, &vol, &e), SNAP_E_INVALIDARG);
	assert_contains(e.text, "is not a block device");
}

static void a_directory_in_a_mount(void **state)
{
	struct snapi_blks devs = { 0 };
	struct snapi_mount mount;
	char part[4200];

	(void)state;
	assert_int_equal(snapi_mount_find(tree_root(), &mount, &devs), 0);
	snapi_blks_free(&devs);
	assert_false(mount.is_root);
	assert_status(snapi_resolve(tree_root(), &vol, &e), SNAP_E_INVALIDARG);
	snprintf(part, sizeof(part), "it lies on %s", mount.target);
	assert_contains(e.text, part);
}

static void a_file_system_without_device(void **state)
{
	struct snapi_blks devs = { 0 };
	struct snapi_mount mount;
	int err;

	(void)state;
	err = snapi_mount_find("/proc", &mount, &devs);
	snapi_blks_free(&devs);
	assert_int_equal(err, 0);
	assert_true(mount.is_root);
	assert_string_equal(mount.fstype, "proc");
	assert_status(snapi_resolve("/proc", &vol, &e), SNAP_E_VOLUME_NOT_SUPPORTED);
	assert_contains(e.text, "proc");
	assert_contains(e.text, "no block device");
}

static dev_t dev(unsigned int ma, unsigned int mi)
{
	return makedev(ma, mi);
}

static void names(void **state)
{
	char name[64];

	(void)state;
	assert_true(snapi_blk_name(dev(8, 1), name));
	assert_string_equal(name, "vda1");
	assert_false(snapi_blk_name(dev(8, 99), name));
	assert_string_equal(name, "8:99");
}

/* The devices in @b must be exactly those. */
static void assert_blks(struct snapi_blks *b, unsigned int nr, ...)
{
	unsigned int have = 0;
	va_list args;

	va_start(args, nr);
	for (unsigned int i = 0; i < nr; i++) {
		dev_t d = va_arg(args, dev_t);

		if (!snapi_blks_has(b, d))
			fail_msg("%u:%u is missing", major(d), minor(d));
	}
	va_end(args);
	for (unsigned int i = 0; i < b->nr; i++)
		have += b->v[i].dev != 0;
	assert_int_equal(have, nr);
	snapi_blks_free(b);
}

static void below(void **state)
{
	struct snapi_blks b = { 0 };

	(void)state;
	assert_int_equal(snapi_blks_below(&b, dev(253, 1)), 0);
	assert_blks(&b, 4, dev(253, 1), dev(253, 0), dev(8, 2), dev(8, 0));
	assert_int_equal(snapi_blks_below(&b, dev(259, 0)), 0);
	assert_blks(&b, 5, dev(259, 0), dev(9, 0), dev(8, 17), dev(8, 16), dev(8, 32));
	assert_int_equal(snapi_blks_below(&b, dev(8, 0)), 0);
	assert_blks(&b, 1, dev(8, 0));
}

static void above(void **state)
{
	struct snapi_blks b = { 0 };

	(void)state;
	/* a whole disk: its partitions and what stands on them */
	assert_int_equal(snapi_blks_above(&b, dev(8, 0)), 0);
	assert_blks(&b, 5, dev(8, 0), dev(8, 1), dev(8, 2), dev(253, 0), dev(253, 1));
	/* a partition: not its neighbour */
	assert_int_equal(snapi_blks_above(&b, dev(8, 1)), 0);
	assert_blks(&b, 2, dev(8, 1), dev(8, 0));
	assert_int_equal(snapi_blks_above(&b, dev(8, 32)), 0);
	assert_blks(&b, 3, dev(8, 32), dev(9, 0), dev(259, 0));
	/* two members: first a partition, then its disk */
	assert_int_equal(snapi_blks_above(&b, dev(8, 17)), 0);
	assert_int_equal(snapi_blks_above(&b, dev(8, 16)), 0);
	assert_blks(&b, 4, dev(8, 17), dev(8, 16), dev(9, 0), dev(259, 0));
}

static snap_status nested(dev_t have, dev_t add, dev_t store)
{
	struct snapi_volume v = { .dev = add, .name = "NEW" };
	struct snapi_member m = { .dev = have, .name = "OLD" };

	return snapi_nested(&v, &m, have ? 1 : 0, store, &e);
}

static void same_sectors(void **state)
{
	(void)state;
	assert_status(nested(dev(8, 1), dev(8, 1), 0), SNAP_E_OBJECT_ALREADY_EXISTS);
	assert_contains(e.text, "OLD");
	assert_status(nested(dev(8, 1), dev(8, 2), 0), SNAP_S_OK);
	assert_status(nested(dev(8, 0), dev(8, 48), 0), SNAP_S_OK);
	assert_status(nested(dev(8, 0), dev(8, 1), 0), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_contains(e.text, "NEW (vda1) is a partition of OLD (vda)");
	assert_status(nested(dev(8, 1), dev(8, 0), 0), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_contains(e.text, "OLD (vda1)");
	assert_contains(e.text, "partition of NEW (vda)");
}

static void stacks(void **state)
{
	(void)state;
	assert_status(nested(dev(8, 2), dev(253, 1), 0), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_contains(e.text, "NEW (dm-1) is made of sectors of OLD (vda2)");
	assert_status(nested(dev(253, 1), dev(8, 2), 0), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_status(nested(dev(253, 1), dev(8, 0), 0), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_status(nested(dev(253, 1), dev(8, 1), 0), SNAP_S_OK);
	assert_status(nested(dev(253, 1), dev(9, 0), 0), SNAP_S_OK);
}

static void md_legs(void **state)
{
	(void)state;
	assert_status(nested(0, dev(8, 32), 0), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_contains(e.text, "NEW (vdc) is a leg of the array md0");
	assert_status(nested(0, dev(8, 17), 0), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_status(nested(0, dev(8, 16), 0), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_status(nested(0, dev(9, 0), 0), SNAP_S_OK);
	assert_status(nested(0, dev(259, 0), 0), SNAP_S_OK);
}

static void paths_of_a_multipath(void **state)
{
	(void)state;
	assert_status(nested(0, dev(8, 64), 0), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_contains(e.text, "NEW (vde) is a path of the multipath map mapper/mpatha: add that instead");
	/* one that multipathd has not named */
	assert_status(nested(0, dev(8, 80), 0), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_contains(e.text, "the multipath map dm-4");
	assert_status(nested(0, dev(253, 3), 0), SNAP_S_OK);
	assert_status(nested(0, dev(253, 4), 0), SNAP_S_OK);
	/* other maps leave a disk what it is */
	assert_status(nested(0, dev(8, 2), 0), SNAP_S_OK);
}

static void what_is_cached(void **state)
{
	(void)state;
	assert_status(nested(0, dev(8, 96), 0), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_contains(e.text, "NEW (vdg) is a part of the cached device bcache0");
	assert_status(nested(0, dev(252, 0), 0), SNAP_S_OK);
}

static void images(void **state)
{
	(void)state;
	assert_status(nested(0, dev(250, 0), 0), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_contains(e.text, "is itself the image");
	assert_status(nested(0, dev(253, 2), 0), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_contains(e.text, "stands on snapset0");
}

static void stores(void **state)
{
	(void)state;
	assert_status(nested(0, dev(8, 48), dev(8, 48)), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_contains(e.text, "is the store");
	assert_status(nested(0, dev(8, 0), dev(8, 1)), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_contains(e.text, "the store vda1 is a partition of NEW (vda)");
	assert_status(nested(0, dev(8, 1), dev(8, 2)), SNAP_S_OK);
}

static snap_status nested_file(dev_t add, dev_t file)
{
	struct snapi_volume v = { .dev = add, .name = "NEW" };
	struct snapi_blks devs = { 0 };

	if (file)
		assert_int_equal(snapi_blks_add(&devs, file, SNAPI_SELF, 0), 0);
	snapi_nested_file(&v, &devs, &e);
	snapi_blks_free(&devs);
	return e.code;
}

static void store_files(void **state)
{
	(void)state;
	assert_status(nested_file(dev(8, 48), 0), SNAP_S_OK);
	assert_status(nested_file(dev(8, 48), dev(8, 48)), SNAP_S_OK);
	assert_status(nested_file(dev(253, 1), dev(253, 1)), SNAP_S_OK);
	/* sectors of one disk, and its partitions */
	assert_status(nested_file(dev(8, 1), dev(8, 2)), SNAP_S_OK);
	assert_status(nested_file(dev(8, 0), dev(8, 1)), SNAP_S_OK);
	assert_status(nested_file(dev(8, 1), dev(8, 0)), SNAP_S_OK);
	/* the member below */
	assert_status(nested_file(dev(8, 2), dev(253, 1)), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_contains(e.text, "dm-1, where the store of the set has its file, is made of sectors of NEW (vda2)");
	assert_status(nested_file(dev(8, 0), dev(253, 1)), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_status(nested_file(dev(8, 1), dev(253, 1)), SNAP_S_OK);
	assert_status(nested_file(dev(8, 32), dev(259, 0)), SNAP_E_NESTED_VOLUME_LIMIT);
	/* and above */
	assert_status(nested_file(dev(253, 1), dev(8, 2)), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_contains(e.text, "NEW (dm-1) is made of sectors of vda2, where the store");
	assert_status(nested_file(dev(253, 1), dev(8, 1)), SNAP_S_OK);
}

/* A loop on a block device; its file cannot be faked, its device can. */
static void loops(void **state)
{
	char path[512], target[512], made[512];
	struct stat st;

	(void)state;
	/*
	 * loop1's "file" is a block device of ours, or for who may not make one
	 * whatever this machine lets us see. Nobody opens it.
	 */
	snprintf(made, sizeof(made), "%s/made", tree_root());
	mknod(made, S_IFBLK | 0600, dev(7, 0));
	for (int i = 0; i < 5; i++) {
		const char *const tries[] = {
			made, "/dev/loop0", "/dev/vda", "/dev/sda", "/dev/nvme0n1",
		};

		if (stat(tries[i], &st) || !S_ISBLK(st.st_mode))
			continue;
		snprintf(path, sizeof(path), "%s\n", tries[i]);
		tree_write("block/loop1/loop/backing_file", path);
		snprintf(path, sizeof(path), "%s/dev/block/%u:%u", tree_root(),
			 major(st.st_rdev), minor(st.st_rdev));
		snprintf(target, sizeof(target), "../../block/loop0");
		if (symlink(target, path))
			assert_int_equal(access(path, F_OK), 0);
		if (st.st_rdev == dev(7, 0))
			assert_status(nested(0, dev(7, 1), 0), SNAP_E_NESTED_VOLUME_LIMIT);
		else
			assert_status(nested(st.st_rdev, dev(7, 1), 0), SNAP_E_NESTED_VOLUME_LIMIT);
		assert_contains(e.text, "loop device");
		return;
	}
	fail_msg("no block device can be seen here");
}

static void structs(void **state)
{
	struct { size_t size; int a, b; } lib = { sizeof(lib), 1, 2 }, got;
	struct { size_t size; int a; } old = { sizeof(old), 9 };
	struct { size_t size; int a, b, c, d; } new = { sizeof(new), 9, 9, 9, 9 };

	(void)state;
	assert_true(snapi_struct_out(&new, &lib, sizeof(lib)));
	assert_int_equal(new.size, sizeof(new));
	assert_int_equal(new.a, 1);
	assert_int_equal(new.b, 2);
	assert_int_equal(new.c, 0);
	assert_int_equal(new.d, 0);
	old.size = sizeof(size_t) + sizeof(int);
	assert_true(snapi_struct_out(&old, &lib, sizeof(lib)));
	assert_int_equal(old.a, 1);
	old.size = 3;
	assert_false(snapi_struct_out(&old, &lib, sizeof(lib)));
	new.d = 1;
	assert_false(snapi_struct_in(&got, sizeof(got), &new));
	new.d = 0;
	assert_true(snapi_struct_in(&got, sizeof(got), &new));
	assert_int_equal(got.b, 2);
}

/* What the module says of devices it says of their numbers. */
static void sentences(void **state)
{
	static const char *const say[][2] = {
		{ "the store 8:17 is in use", "the store /dev/vdb1 is in use" },
		{ "8:48", "/dev/vdd" },
		{ "x (253:0) shares sectors with 8:1, which is", "x (/dev/dm-0) shares sectors with /dev/vda1, which is" },
		/* not there, and no devices */
		{ "the store 8:99 is in use", "the store 8:99 is in use" },
		{ "8:17x 8: 17 8:-1 8: error 8:", "8:17x 8: 17 8:-1 8: error 8:" },
		{ "/srv/8:17 is UUID=8:17", "/srv/8:17 is UUID=8:17" },
		{ "", "" },
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(say) / sizeof(say[0]); i++) {
		strcpy(text, say[i][0]);
		snapi_sentence_name_devices(text, sizeof(text));
		assert_string_equal(text, say[i][1]);
	}
	/* cut, not written past */
	strcpy(text, "8:17 8:17");
	snapi_sentence_name_devices(text, 14);
	assert_string_equal(text, "/dev/vdb1 /de");
	strcpy(text, "a b");
	snapi_sentence_name_devices(text, 3);
	assert_string_equal(text, "a ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_volume),
		cmocka_unit_test(a_directory_in_a_mount),
		cmocka_unit_test(a_file_system_without_device),
		cmocka_unit_test(names),
		cmocka_unit_test(below),
		cmocka_unit_test(above),
		cmocka_unit_test(same_sectors),
		cmocka_unit_test(stacks),
		cmocka_unit_test(md_legs),
		cmocka_unit_test(paths_of_a_multipath),
		cmocka_unit_test(what_is_cached),
		cmocka_unit_test(images),
		cmocka_unit_test(stores),
		cmocka_unit_test(store_files),
		cmocka_unit_test(loops),
		cmocka_unit_test(structs),
		cmocka_unit_test(sentences),
	};

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
