// SPDX-License-Identifier: GPL-2.0-only
/* Where a store goes if nobody says so. */
#include <errno.h>
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
static struct snapi_error e;

static int setup(void **state)
{
	(void)state;
	fake_reset();
	clock_begin(NULL);
	clock_goes(true);
	strcpy(dir, "/tmp/snapset-place-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(file, sizeof(file), "%s/storage.conf", dir);
	return setenv("SNAPSET_CONF_DIR", dir, 1);
}

static int teardown(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(dir) || fake_conns();
}

static void put(const char *text)
{
	FILE *f = fopen(file, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

static void sizes(void **state)
{
	(void)state;
	/* needed: a tenth or 320 MiB; usual: a tenth, 320 MiB at least, half of what is free */
	assert_int_equal(snapi_place_need(1000 * GIB), 320 * MIB);
	assert_int_equal(snapi_place_need(GIB), GIB / 10);
	assert_int_equal(snapi_place_need(MIB), 4 * MIB);
	assert_int_equal(snapi_place_need(0), 320 * MIB);
	assert_int_equal(snapi_place_usual(1000 * GIB, 1000 * GIB), 100 * GIB);
	assert_int_equal(snapi_place_usual(2 * GIB, 1000 * GIB), 320 * MIB);
	assert_int_equal(snapi_place_usual(64 * MIB, 1000 * GIB), 69 * MIB);
	assert_int_equal(snapi_place_usual(1000 * GIB, 10 * GIB), 5 * GIB);
	assert_int_equal(snapi_place_usual(0, 1000 * GIB), 320 * MIB);
}

static struct snapi_site site(const char *at, uint64_t avail, bool member, bool closed)
{
	struct snapi_site s = { .avail = avail, .all = avail, .member = member, .closed = closed };

	strcpy(s.directory, at);
	return s;
}

static void ranks(void **state)
{
	struct snapi_site sites[] = {
		site("/", 50 * GIB, false, false),
		site("/boot", 200 * MIB, false, false),
		site("/srv", 100 * GIB, true, false),
		site("/db", 200 * GIB, true, true),
		site("/backup", 500 * GIB, false, false),
		site("/lower", 900 * GIB, false, true),
		site("/small", 10 * MIB, true, false),
	};
	struct snapi_places p = { 0 };

	(void)state;
	assert_int_equal(snapi_places_rank(&p, sites, 7, 400 * GIB), 0);
	assert_int_equal(p.nr, 3);
	assert_string_equal(p.v[0].directory, "/srv/.snapset");
	assert_int_equal(p.v[0].place, SNAP_PLACE_VOLUME);
	assert_int_equal(p.v[0].bytes, 40 * GIB);
	assert_string_equal(p.v[1].directory, "/backup/.snapset");
	assert_int_equal(p.v[1].place, SNAP_PLACE_ROOM);
	assert_string_equal(p.v[2].directory, "/.snapset");
	assert_int_equal(p.v[2].bytes, 25 * GIB);
	for (unsigned int i = 0; i < p.nr; i++)
		assert_true(p.v[i].ours && !p.v[i].firm);
	snapi_places_free(&p);

	/* on the small machine the small one will do */
	assert_int_equal(snapi_places_rank(&p, sites, 7, 20 * MIB), 0);
	assert_int_equal(p.nr, 5);
	assert_string_equal(p.v[1].directory, "/small/.snapset");
	snapi_places_free(&p);
	assert_int_equal(snapi_places_rank(&p, sites + 5, 1, 20 * MIB), 0);
	assert_int_equal(p.nr, 0);
	snapi_places_free(&p);
}

/* Each cause has its words. */
static void why_memory(void **state)
{
	struct snapi_site sites[] = {
		site("/a", 100 * MIB, true, false),
		site("/b", 300 * MIB, false, false),
		site("/c", GIB, false, true),
		site("/d", GIB, false, true),
	};
	char text[256];

	(void)state;
	sites[3].stacked = true;
	snapi_memory_why(sites, 2, 5 * GIB, text);
	assert_string_equal(text, "as no file system here has room for it: half of the 300 MiB that are free in /b, which has the most, is less than 320 MiB");
	snapi_memory_why(sites, 3, 5 * GIB, text);
	assert_contains(text, "than 320 MiB; others have snapshots");
	snapi_memory_why(sites + 2, 2, 5 * GIB, text);
	assert_contains(text, "has no snapshots itself");
	snapi_memory_why(sites + 3, 1, 5 * GIB, text);
	assert_contains(text, "above or below a volume");
	snapi_memory_why(sites, 0, 5 * GIB, text);
	assert_contains(text, "none is ext4, xfs or btrfs");
}

/* There is no file system for stores in the tree. */
static void finds_memory(void **state)
{
	static const char *const volumes[] = { "vda1", "vdd" }, *const none[] = { "vdx" };
	struct snapi_places p;
	struct snap_session *s;

	(void)state;
	assert_status(snap_open(0, &s), SNAP_S_OK);
	assert_status(snapi_places_find(s, volumes, 2, &p, &e), SNAP_S_OK);
	assert_int_equal(p.nr, 1);
	assert_int_equal(p.v[0].place, SNAP_PLACE_MEMORY);
	assert_contains(p.v[0].text, "none is ext4, xfs or btrfs");
	snapi_places_free(&p);
	assert_status(snapi_places_find(s, none, 1, &p, &e), SNAP_E_OBJECT_NOT_FOUND);
	put("what is this\n");
	assert_status(snapi_places_find(s, volumes, 2, &p, &e), SNAP_E_INVALIDARG);
	assert_contains(e.text, ":1: ");
	snap_close(s);
}

static void finds_storage(void **state)
{
	static const char *const volumes[] = { "vda1", "vdd" };
	struct snapi_places p;
	struct snap_session *s;
	char text[600], other[200];

	(void)state;
	snprintf(other, sizeof(other), "%s/other", dir);
	assert_int_equal(mkdir(other, 0700), 0);
	assert_status(snap_open(0, &s), SNAP_S_OK);
	/* that of the first volume that has one; all that is there is memory */
	snprintf(text, sizeof(text), "/dev/vdd %s 1M\n* %s 2M\n", other, dir);
	put(text);
	assert_status(snapi_places_find(s, volumes, 2, &p, &e), SNAP_S_OK);
	assert_int_equal(p.nr, 2);
	assert_int_equal(p.v[0].place, SNAP_PLACE_STORAGE);
	assert_string_equal(p.v[0].directory, other);
	assert_int_equal(p.v[0].bytes, MIB);
	assert_true(p.v[0].firm && !p.v[0].ours);
	assert_contains(p.v[0].text, "/dev/vdd");
	snapi_places_free(&p);
	/* that of all others */
	assert_status(snapi_places_find(s, volumes, 1, &p, &e), SNAP_S_OK);
	assert_string_equal(p.v[0].directory, dir);
	assert_int_equal(p.v[0].bytes, 2 * MIB);
	assert_contains(p.v[0].text, "all volumes");
	snapi_places_free(&p);
	/* never more than the maximum */
	snprintf(text, sizeof(text), "* %s - 1M\n", dir);
	put(text);
	assert_status(snapi_places_find(s, volumes, 1, &p, &e), SNAP_S_OK);
	assert_int_equal(p.v[0].bytes, MIB);
	snapi_places_free(&p);
	snap_close(s);
	rmdir(other);
}

static void our_own_directory(void **state)
{
	char path[200];
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/" SNAPI_PLACE, dir);
	assert_int_equal(snapi_dir_make(path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(snapi_dir_make(path), 0);
	/* who could write there could put something else in the file's place */
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(snapi_dir_make(path), -EPERM);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/", path), 0);
	assert_int_equal(snapi_dir_make(path), -EPERM);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(snapi_dir_make("/no/such/thing"), -ENOENT);
}

/* Beside that of another snapshot of one of the volumes, unless that is in memory. */
static void finds_copies(void **state)
{
	static const char *const volumes[] = { "vda1", "vdd" };
	struct snapi_places p;
	struct snap_session *s;
	char path[200];

	(void)state;
	snprintf(path, sizeof(path), "%s/.snapset-x.store", dir);
	fake.exists = true;
	fake.state = SNAPSET_STATE_CREATED;
	fake.store = (struct fake_store){ .id = 7, .kind = SNAPSET_STORE_FILE, .files = 1,
					  .size = 8 * MIB, .path = path };
	fake.nr_snaps = 1;
	fake.snaps[0].major = 8;
	fake.snaps[0].minor = 48;	/* vdd */
	assert_status(snap_open(0, &s), SNAP_S_OK);
	assert_status(snapi_places_find(s, volumes, 2, &p, &e), SNAP_S_OK);
	assert_int_equal(p.v[0].place, SNAP_PLACE_COPIES);
	assert_string_equal(p.v[0].directory, dir);
	assert_false(p.v[0].firm);
	assert_int_equal(p.v[p.nr - 1].place, SNAP_PLACE_MEMORY);
	snapi_places_free(&p);
	/* of another volume */
	assert_status(snapi_places_find(s, volumes, 1, &p, &e), SNAP_S_OK);
	assert_int_equal(p.nr, 1);
	snapi_places_free(&p);
	fake.store.kind = SNAPSET_STORE_MEMORY;
	assert_status(snapi_places_find(s, volumes, 2, &p, &e), SNAP_S_OK);
	assert_int_equal(p.nr, 1);
	snapi_places_free(&p);
	fake.nr_snaps = 0;
	snap_close(s);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(sizes), T(ranks), T(why_memory), T(finds_memory), T(finds_storage), T(finds_copies),
		T(our_own_directory),
	};

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
