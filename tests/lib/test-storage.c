// SPDX-License-Identifier: GPL-2.0-only
/*
 * storage.conf: what is read of it, what is refused and how, what is left alone; and the
 * calls that change it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "clock.h"
#include "fake.h"
#include "storage.h"
#include "tree.h"

#define MIB	(1ull << 20)
#define GIB	(1ull << 30)

static char dir[128], file[160];
static char place[256];		/* where stores can be; /tmp may be a tmpfs */
static struct snapi_conf conf;
static struct snapi_error e;

static int setup(void **state)
{
	const char *top = getenv("STORE_DIR");

	(void)state;
	fake_reset();
	clock_begin(NULL);
	clock_goes(true);
	snprintf(place, sizeof(place), "%s/place-XXXXXX", top ? top : ".");
	if (!mkdtemp(place))
		return -1;
	strcpy(dir, "/tmp/snapset-conf-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(file, sizeof(file), "%s/storage.conf", dir);
	return setenv("SNAPSET_CONF_DIR", dir, 1);
}

static int teardown(void **state)
{
	(void)state;
	snapi_conf_free(&conf);
	unlink(file);
	return rmdir(dir) | rmdir(place) || fake_conns();
}

static void need_place(void)
{
	struct snapi_store_file f;

	if (snapi_store_file_make(place, 64 << 10, &f, &e) == SNAP_E_VOLUME_NOT_SUPPORTED)
		skip();
	snapi_store_file_close(&f, false);
}

static void put(const char *text)
{
	FILE *f = fopen(file, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

static const char *get(void)
{
	static char text[4096];
	FILE *f = fopen(file, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	if (f)
		fclose(f);
	text[n] = 0;
	return text;
}

static const char *why(snap_status want)
{
	static struct snap_error_info info;

	info.size = sizeof(info);
	assert_status(snap_last_error(NULL, &info), SNAP_S_OK);
	assert_status(info.code, want);
	return info.text;
}

static void reads(void **state)
{
	const struct snapi_storage *a;

	(void)state;
	/* none */
	assert_status(snapi_conf_read(&conf, &e), SNAP_S_OK);
	assert_int_equal(conf.nr, 0);
	put("# a remark\n"
	    "\n"
	    "/srv\t/var/lib/snapset 320M 10%   # Bob's\n"
	    "   LABEL=my\\040disk /a\\134b\\043c\n"
	    "/dev/vdd /x - 1048576\t\n"
	    "/dev/vda1 /x 64KiB unbounded\n"
	    "* /y 10% -");
	assert_status(snapi_conf_read(&conf, &e), SNAP_S_OK);
	assert_int_equal(conf.nr, 7);
	assert_false(conf.v[0].is_storage);
	assert_false(conf.v[1].is_storage);
	a = &conf.v[2].storage;
	assert_string_equal(a->volume, "/srv");
	assert_string_equal(a->directory, "/var/lib/snapset");
	assert_int_equal(a->minimum.bytes, 320 * MIB);
	assert_int_equal(a->maximum.percent, 10);
	assert_int_equal(a->maximum.bytes, 0);
	assert_string_equal(conf.v[2].tail, "# Bob's\n");
	a = &conf.v[3].storage;
	assert_string_equal(a->volume, "LABEL=my disk");
	assert_string_equal(a->directory, "/a\\b#c");
	assert_int_equal(a->minimum.bytes | a->minimum.percent | a->maximum.bytes, 0);
	assert_int_equal(conf.v[5].storage.minimum.bytes, 64 << 10);
	assert_int_equal(conf.v[5].storage.maximum.bytes, SNAP_UNBOUNDED);
	assert_int_equal(conf.v[6].storage.minimum.percent, 10);
	snapi_conf_resolve(&conf);
	assert_int_equal(conf.v[2].dev, 0);
	assert_int_equal(snapi_conf_of(&conf, makedev(8, 48)), 4);
	assert_int_equal(snapi_conf_of(&conf, makedev(8, 1)), 5);
	assert_int_equal(snapi_conf_of(&conf, makedev(8, 2)), -1);
	assert_int_equal(snapi_conf_of(&conf, 0), 6);
}

/* A "#" is a remark at the beginning of a field only, and what is written is read again. */
static void number_signs(void **state)
{
	struct snap_storage a = { .size = sizeof(a), .volume = "/a#b", .maximum = 2 * MIB };
	struct snap_storage_props p = { .size = sizeof(p) };
	struct snap_iter *it;

	(void)state;
	put("#x /y\n/a#b /#x# 1M #why\n/c\t/d#\n/e /f\t# - 1M\n");
	for (int i = 0; i < 2; i++) {
		assert_status(snap_storage_query(NULL, &it), SNAP_S_OK);
		assert_status(snap_iter_next_storage(it, &p), SNAP_S_OK);
		assert_string_equal(p.volume, "/a#b");
		assert_string_equal(p.directory, "/#x#");
		assert_int_equal(p.minimum, MIB);
		assert_status(snap_iter_next_storage(it, &p), SNAP_S_OK);
		assert_string_equal(p.directory, "/d#");
		assert_status(snap_iter_next_storage(it, &p), SNAP_S_OK);
		assert_string_equal(p.directory, "/f");
		assert_int_equal(p.maximum, SNAP_UNBOUNDED);
		assert_status(snap_iter_next_storage(it, &p), SNAP_S_FALSE);
		snap_iter_free(it);
		assert_status(snap_storage_resize(NULL, &a), SNAP_S_OK);
		assert_string_equal(get(), "#x /y\n/a\\043b\t/\\043x\\043\t1M\t2M\t#why\n"
				    "/c\t/d#\n/e /f\t# - 1M\n");
	}
	assert_status(snap_storage_remove(NULL, "/a#b", false), SNAP_S_OK);
	assert_string_equal(get(), "#x /y\n/c\t/d#\n/e /f\t# - 1M\n");
	put("/a /b 1M#no\n");
	assert_status(snapi_conf_read(&conf, &e), SNAP_E_INVALIDARG);
	assert_contains(e.text, ":1: the minimum is neither");
}

/* Each line alone is wrong, and it is said which one it is. */
static void bad_lines(void **state)
{
	static const struct { const char *line, *words; } bad[] = {
		{ "/srv", "directory is missing" },
		{ "/srv # /x", "directory is missing" },
		{ "srv /x", "absolute path, UUID=" },
		{ "UUID= /x", "absolute path, UUID=" },
		{ "/srv x", "directory is not an absolute" },
		{ "/srv /x 1M 2M 3M", "more than" },
		{ "/srv /x much", "minimum is neither" },
		{ "/srv /x unbounded", "minimum is neither" },
		{ "/srv /x 10x", "minimum is neither" },
		{ "/srv /x 10Mb/s", "minimum is neither" },
		{ "/srv /x 10%%", "minimum is neither" },
		{ "/srv /x 10M%", "minimum is neither" },
		{ "/srv /x %", "minimum is neither" },
		{ "/srv /x -1", "minimum is neither" },
		{ "/srv /x 0", "minimum is neither" },
		{ "/srv /x 0%", "minimum is neither" },
		{ "/srv /x 101%", "minimum is neither" },
		{ "/srv /x 18446744073709551615", "minimum is neither" },
		{ "/srv /x 99999999999999999999", "minimum is neither" },
		{ "/srv /x 16777216T", "minimum is neither" },
		{ "/srv /x - all", "maximum is neither" },
		{ "/srv /x 2M 1M", "minimum is more than" },
		{ "/srv /x 20% 10%", "minimum is more than" },
		{ "/srv /x 4K", "64 KiB" },
		{ "/srv /x - 4K", "64 KiB" },
		{ "/home /x", "has a line already" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[256], at[200];
		struct snap_storage a = { .size = sizeof(a), .volume = "/dev/vda1", .directory = "/" };

		snprintf(text, sizeof(text), "# one\n/home /x\n%s\n* /y\n", bad[i].line);
		snprintf(at, sizeof(at), "%s:3: ", file);
		put(text);
		assert_status(snapi_conf_read(&conf, &e), SNAP_E_INVALIDARG);
		assert_contains(e.text, at);
		assert_contains(e.text, bad[i].words);
		assert_int_equal(conf.nr, 0);
		/* and nothing is lost by whoever comes now */
		assert_status(snap_storage_add(NULL, &a), SNAP_E_INVALIDARG);
		assert_contains(why(SNAP_E_INVALIDARG), at);
		assert_status(snap_storage_remove(NULL, "/home", true), SNAP_E_INVALIDARG);
		assert_string_equal(get(), text);
	}
	put("/srv /x\n");
	assert_int_equal(truncate(file, 100), 0);
	assert_status(snapi_conf_read(&conf, &e), SNAP_E_INVALIDARG);
	assert_contains(e.text, ":2: it is no text");
}

static void changes(void **state)
{
	struct snap_storage a = { .size = sizeof(a), .volume = "/dev/vda1", .directory = place };
	struct stat st;
	char want[600];

	(void)state;
	need_place();
	assert_status(snap_storage_add(NULL, &a), SNAP_S_OK);
	assert_contains(get(), "# Where snapset keeps");
	snprintf(want, sizeof(want), "\n/dev/vda1\t%s\t-\t-\n", place);
	assert_contains(get(), want);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);

	/* what somebody has written stays as it is, byte for byte, and so does its mode */
	put("#mine\n\n  /dev/vdd   /usr  - 5%  # why\n* /usr");
	assert_int_equal(chmod(file, 0640), 0);
	a.minimum = 64 * MIB + 4096;
	a.maximum_percent = 20;
	assert_status(snap_storage_add(NULL, &a), SNAP_S_OK);
	snprintf(want, sizeof(want), "#mine\n\n  /dev/vdd   /usr  - 5%%  # why\n* /usr\n"
		 "/dev/vda1\t%s\t65540K\t20%%\n", place);
	assert_string_equal(get(), want);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);

	/* the remark of the line that is changed, too; what is not said stays */
	memset(&a, 0, sizeof(a));
	a.size = sizeof(a);
	a.volume = "vdd";		/* by another name */
	a.minimum = GIB;
	assert_status(snap_storage_resize(NULL, &a), SNAP_S_OK);
	snprintf(want, sizeof(want), "#mine\n\n/dev/vdd\t/usr\t1G\t5%%\t# why\n* /usr\n"
		 "/dev/vda1\t%s\t65540K\t20%%\n", place);
	assert_string_equal(get(), want);
	a.maximum = SNAP_UNBOUNDED;
	assert_status(snap_storage_resize(NULL, &a), SNAP_S_OK);
	assert_contains(get(), "/dev/vdd\t/usr\t1G\tunbounded\t# why\n");
	a.maximum = MIB;
	assert_status(snap_storage_resize(NULL, &a), SNAP_E_INVALIDARG);
	assert_contains(why(SNAP_E_INVALIDARG), "minimum is more");
	a.maximum = 0;
	a.directory = "/etc";
	assert_status(snap_storage_resize(NULL, &a), SNAP_E_OBJECT_NOT_FOUND);
	assert_contains(why(SNAP_E_OBJECT_NOT_FOUND), "in /usr, not in /etc");
	a.volume = "/dev/vda2";
	assert_status(snap_storage_resize(NULL, &a), SNAP_E_OBJECT_NOT_FOUND);
	assert_contains(why(SNAP_E_OBJECT_NOT_FOUND), "/dev/vda2 has no storage");

	assert_status(snap_storage_remove(NULL, "/dev/vda1", false), SNAP_S_OK);
	assert_status(snap_storage_remove(NULL, "*", false), SNAP_S_OK);
	assert_string_equal(get(), "#mine\n\n/dev/vdd\t/usr\t1G\tunbounded\t# why\n");
	assert_status(snap_storage_remove(NULL, "*", false), SNAP_E_OBJECT_NOT_FOUND);
	assert_status(snap_storage_remove(NULL, "/dev/vda1", false), SNAP_E_OBJECT_NOT_FOUND);
	assert_status(snap_storage_remove(NULL, "/nothing", false), SNAP_E_OBJECT_NOT_FOUND);
}

static void refusals(void **state)
{
	struct snap_storage a = { .size = sizeof(a), .volume = "/dev/vdd", .directory = place };

	(void)state;
	need_place();
	assert_status(snap_storage_add(NULL, NULL), SNAP_E_INVALIDARG);
	assert_status(snap_storage_resize(NULL, NULL), SNAP_E_INVALIDARG);
	assert_status(snap_storage_remove(NULL, NULL, true), SNAP_E_INVALIDARG);
	assert_status(snap_storage_query(NULL, NULL), SNAP_E_INVALIDARG);
	assert_status(snap_storage_add(NULL, &a), SNAP_S_OK);
	assert_status(snap_storage_add(NULL, &a), SNAP_E_OBJECT_ALREADY_EXISTS);
	a.volume = "vdd";
	assert_status(snap_storage_add(NULL, &a), SNAP_E_INVALIDARG);	/* relative */
	a.volume = "/dev/vdd";
	a.directory = "/etc";
	assert_status(snap_storage_add(NULL, &a), SNAP_E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED);
	assert_contains(why(SNAP_E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED), place);
	a.volume = "/dev/vda1";
	a.directory = "/no/such";
	assert_status(snap_storage_add(NULL, &a), SNAP_E_OBJECT_NOT_FOUND);
	a.directory = "/dev/null";
	assert_status(snap_storage_add(NULL, &a), SNAP_E_INVALIDARG);
	a.directory = place;
	a.volume = "/dev/nothing";
	assert_status(snap_storage_add(NULL, &a), SNAP_E_OBJECT_NOT_FOUND);
	a.volume = "/dev/vda1";
	a.minimum_percent = 101;
	assert_status(snap_storage_add(NULL, &a), SNAP_E_INVALIDARG);
	a.minimum_percent = 1;
	a.minimum = MIB;
	assert_status(snap_storage_add(NULL, &a), SNAP_E_INVALIDARG);
	a.minimum_percent = 0;
	a.minimum = SNAP_UNBOUNDED;
	assert_status(snap_storage_add(NULL, &a), SNAP_E_INVALIDARG);
	a.minimum = 2 * MIB;
	a.maximum = MIB;
	assert_status(snap_storage_add(NULL, &a), SNAP_E_INVALIDARG);
	a.maximum = 0;
	a.volume = "*";
	assert_status(snap_storage_add(NULL, &a), SNAP_S_OK);
	assert_status(snap_storage_add(NULL, &a), SNAP_E_OBJECT_ALREADY_EXISTS);
	setenv("SNAPSET_CONF_DIR", "/proc/no", 1);
	a.volume = "/dev/vda2";
	assert_true(SNAP_FAILED(snap_storage_add(NULL, &a)));
	setenv("SNAPSET_CONF_DIR", dir, 1);
}

/* Where no store can be nothing is set up, and nothing is left. */
static void no_place(void **state)
{
	struct snap_storage a = { .size = sizeof(a), .volume = "/dev/vdd", .directory = "/proc" };
	struct snap_error_info info = { .size = sizeof(info) };
	struct snap_session *s;
	char made[300];

	(void)state;
	need_place();
	/* also if nobody asks the kernel */
	assert_status(snap_storage_add(NULL, &a), SNAP_E_VOLUME_NOT_SUPPORTED);
	assert_contains(why(SNAP_E_VOLUME_NOT_SUPPORTED), "type proc cannot");
	assert_string_equal(get(), "");
	snprintf(made, sizeof(made), "%s/made", place);
	a.directory = made;
	assert_status(snap_open(0, &s), SNAP_S_OK);
	fake.fail_cmd = SNAPSET_CMD_SET_START;
	fake.fail_errno = EOPNOTSUPP;
	fake.fail_text = "btrfs says no";
	assert_status(snap_storage_add(s, &a), SNAP_E_VOLUME_NOT_SUPPORTED);
	snap_last_error(s, &info);
	assert_contains(info.text, "btrfs says no");
	assert_int_equal(access(made, F_OK), -1);
	assert_string_equal(get(), "");
	/* what may pass is no reason */
	fake.fail_errno = EBUSY;
	fake.fail_text = "frozen";
	assert_status(snap_storage_add(s, &a), SNAP_S_OK);
	assert_int_equal(rmdir(made), 0);
	snap_close(s);
}

static void lists(void **state)
{
	struct snap_storage_props p = { .size = sizeof(p) };
	struct snap_set_props set = { .size = sizeof(set) };
	struct snap_session *s;
	struct snap_iter *it;

	(void)state;
	assert_status(snap_storage_query(NULL, &it), SNAP_S_FALSE);
	assert_status(snap_iter_next_storage(it, &p), SNAP_S_FALSE);
	snap_iter_free(it);
	put("/dev/vdd /usr 1M 50%\n# no\n/gone /usr\n* /usr - 1G\n");
	assert_status(snap_open(0, &s), SNAP_S_OK);
	assert_status(snap_storage_query(s, &it), SNAP_S_OK);
	assert_status(snap_iter_next_set(it, &set), SNAP_E_INVALIDARG);
	assert_status(snap_iter_next_storage(it, &p), SNAP_S_OK);
	assert_string_equal(p.volume, "/dev/vdd");
	assert_string_equal(p.directory, "/usr");
	assert_int_equal(p.minimum, MIB);
	assert_int_equal(p.maximum_percent, 50);
	assert_true(p.maximum > MIB && p.maximum != SNAP_UNBOUNDED);
	assert_true(p.present);
	assert_int_equal(p.stores + p.allocated + p.used, 0);
	assert_status(snap_iter_next_storage(it, &p), SNAP_S_OK);
	assert_false(p.present);
	assert_int_equal(p.minimum, 0);
	assert_int_equal(p.maximum, SNAP_UNBOUNDED);
	assert_status(snap_iter_next_storage(it, &p), SNAP_S_OK);
	assert_true(p.present);
	assert_int_equal(p.maximum, GIB);
	assert_status(snap_iter_next_storage(it, &p), SNAP_S_FALSE);
	snap_iter_free(it);
	snap_close(s);
}

static atomic_uint writing, reads_done;

/* Fifty times at least, and until somebody has read as often. */
static void *writer(void *arg)
{
	struct snap_storage a = { .size = sizeof(a), .directory = place, .volume = arg };
	void *ret = NULL;

	for (int i = 0; !ret && (i < 50 || reads_done < 50); i++) {
		if (snap_storage_add(NULL, &a) || snap_storage_remove(NULL, arg, true))
			ret = "failed";
	}
	writing--;
	return ret;
}

/* Nobody's change is lost, and a reader never sees half a file. */
static void two_writers(void **state)
{
	const char *before = "/srv /x # stays\n";
	pthread_t a, b;
	void *ra, *rb;

	(void)state;
	need_place();
	put(before);
	writing = 2;
	reads_done = 0;
	assert_int_equal(pthread_create(&a, NULL, writer, "/dev/vdd"), 0);
	assert_int_equal(pthread_create(&b, NULL, writer, "/dev/vda1"), 0);
	while (writing) {
		assert_status(snapi_conf_read(&conf, &e), SNAP_S_OK);
		assert_true(conf.nr >= 1 && conf.nr <= 3);
		snapi_conf_free(&conf);
		reads_done++;
	}
	pthread_join(a, &ra);
	pthread_join(b, &rb);
	assert_null(ra);
	assert_null(rb);
	assert_string_equal(get(), before);
}

/* Of the set that the fake has. */
static void live_store(void)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/.snapset-x.store", dir);
	fake.exists = true;
	fake.state = SNAPSET_STATE_CREATED;
	fake.store = (struct fake_store){ .id = 7, .kind = SNAPSET_STORE_FILE, .files = 1,
					  .size = 8 * MIB, .used = MIB, .path = path };
	fake.nr_snaps = 1;
	fake.snaps[0].major = 8;
	fake.snaps[0].minor = 48;	/* vdd */
}

static void what_lies_there(void **state)
{
	struct snap_storage_props p = { .size = sizeof(p) };
	struct snap_storage a = { .size = sizeof(a), .volume = "*" };
	struct snap_session *s;
	struct snap_iter *it;
	char text[600];

	(void)state;
	live_store();
	fake.other = true;		/* another set that shares it */
	snprintf(text, sizeof(text), "/dev/vda1 %s\n/dev/vdd /usr\n* %s\n", dir, dir);
	put(text);
	assert_status(snap_open(0, &s), SNAP_S_OK);
	/* vdd has another directory, so this is by "*", and it counts once */
	assert_status(snap_storage_query(s, &it), SNAP_S_OK);
	for (int i = 0; i < 3; i++) {
		assert_status(snap_iter_next_storage(it, &p), SNAP_S_OK);
		assert_int_equal(p.stores, i == 2);
		assert_int_equal(p.allocated, i == 2 ? 8 * MIB : 0);
		assert_int_equal(p.used, i == 2 ? MIB : 0);
	}
	snap_iter_free(it);

	a.maximum = 4 * MIB;
	assert_status(snap_storage_resize(s, &a), SNAP_S_FALSE);
	a.maximum = 8 * MIB;
	assert_status(snap_storage_resize(s, &a), SNAP_S_OK);
	assert_status(snap_storage_remove(s, "/dev/vda1", false), SNAP_S_OK);
	assert_status(snap_storage_remove(s, "/dev/vdd", false), SNAP_S_OK);
	assert_status(snap_storage_remove(s, "*", false), SNAP_E_VOLUME_IN_USE);
	assert_contains(get(), "*\t");
	assert_status(snap_storage_remove(s, "*", true), SNAP_S_OK);
	snap_close(s);
	/* who has died is in nobody's way */
	fake.nr_snaps = 0;
}

static void growth(void **state)
{
	struct snap_storage_growth g = { .size = sizeof(g) };
	snap_id set = { { 0x5e, 1, 2, 3 } };
	struct snap_error_info info = { .size = sizeof(info) };
	struct snap_session *s;
	char text[600], own[200], path[260];

	(void)state;
	live_store();
	assert_status(snap_open(0, &s), SNAP_S_OK);
	assert_status(snap_storage_growth(NULL, &set, &g), SNAP_E_INVALIDARG);
	assert_status(snap_storage_growth(s, NULL, &g), SNAP_E_INVALIDARG);
	/* its maker has chosen the directory */
	assert_status(snap_storage_growth(s, &set, &g), SNAP_S_FALSE);
	/* one of a storage grows there, to the maximum */
	snprintf(text, sizeof(text), "/dev/vdd %s 2M 9M\n", dir);
	put(text);
	assert_status(snap_storage_growth(s, &set, &g), SNAP_S_OK);
	assert_string_equal(g.directory, dir);
	assert_int_equal(g.minimum, 2 * MIB);
	assert_int_equal(g.room, MIB);
	assert_int_equal(g.most, 2 * MIB + (1 << 16));
	fake.store.size = 9 * MIB - 4096;
	assert_status(snap_storage_growth(s, &set, &g), SNAP_E_INSUFFICIENT_STORAGE);
	snap_last_error(s, &info);
	assert_contains(info.text, "has its maximum");
	put("/dev/vdd\n");
	assert_status(snap_storage_growth(s, &set, &g), SNAP_E_INVALIDARG);
	put("");
	/* one that was put somewhere grows there */
	snprintf(own, sizeof(own), "%s/" SNAPI_PLACE, dir);
	snprintf(path, sizeof(path), "%s/.snapset-x.store", own);
	fake.store.path = path;
	assert_int_equal(mkdir(own, 0700), 0);
	assert_status(snap_storage_growth(s, &set, &g), SNAP_S_OK);
	assert_string_equal(g.directory, own);
	assert_true(g.room > MIB);
	/* one in memory does not */
	fake.store.kind = SNAPSET_STORE_MEMORY;
	assert_status(snap_storage_growth(s, &set, &g), SNAP_S_FALSE);
	fake.exists = false;
	assert_status(snap_storage_growth(s, &set, &g), SNAP_E_OBJECT_NOT_FOUND);
	fake.nr_snaps = 0;
	rmdir(own);
	snap_close(s);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(reads), T(number_signs), T(bad_lines), T(changes), T(refusals), T(no_place),
		T(lists), T(two_writers), T(what_lies_there), T(growth),
	};

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
