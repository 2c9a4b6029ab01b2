// SPDX-License-Identifier: GPL-2.0-only
/* What the command takes for the name of a set or a snapshot. */
#include "check.h"
#include "clock.h"
#include "fake.h"
#include "tool.h"
#include "tree.h"

#define SET	"5e010203-0000-0000-0000-000000000000"	/* of the fake */
#define SNAP	"5e010203-ffff-0000-0000-000000000001"
#define OTHER	"ab000000-0000-0000-0000-000000000002"

static struct snap_session *s;
static char *said;

static int setup(void **state)
{
	static const char *const ids[] = { SNAP, OTHER };

	(void)state;
	fake_reset();
	clock_begin(NULL);
	clock_goes(true);
	fake.exists = true;
	fake.state = SNAPSET_STATE_CREATED;
	fake.nr_snaps = 2;
	for (int i = 0; i < 2; i++)
		if (snap_id_parse(ids[i], &fake.snaps[i].id))
			return -1;
	return snap_open(0, &s);
}

static int teardown(void **state)
{
	(void)state;
	free(said);
	said = NULL;
	snap_close(s);
	return (int)fake_conns();
}

/* The exit code; @found is the id, and what is said is in said. */
static int find(const char *text, enum snap_object object, char found[SNAP_ID_TEXT_MAX])
{
	FILE *was = stderr;
	snap_id id = { { 0 } };
	size_t len;
	int ret;

	free(said);
	said = NULL;
	stderr = open_memstream(&said, &len);
	ret = find_object(s, text, &object, &id);
	fclose(stderr);
	stderr = was;
	snap_id_format(&id, found);
	return ret;
}

static void spellings(void **state)
{
	static const char *const sets[] = {
		SET, "5E010203-0000-0000-0000-000000000000", "{" SET "}",
		"{5E010203-0000-0000-0000-000000000000}", "5e010203-0", "5E010203-00",
	};
	char id[SNAP_ID_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		assert_int_equal(find(sets[i], SNAP_OBJECT_NONE, id), EXIT_OK);
		assert_string_equal(id, SET);
		assert_int_equal(find(sets[i], SNAP_OBJECT_SNAPSHOT_SET, id), EXIT_OK);
		assert_string_equal(id, SET);
		assert_int_equal(find(sets[i], SNAP_OBJECT_SNAPSHOT, id), EXIT_NOT_FOUND);
	}
	assert_int_equal(find("AB00", SNAP_OBJECT_NONE, id), EXIT_OK);
	assert_string_equal(id, OTHER);
	assert_int_equal(find("ab0", SNAP_OBJECT_NONE, id), EXIT_ARGUMENT);
	assert_contains(said, "too short");
	assert_int_equal(find("{ab00}", SNAP_OBJECT_NONE, id), EXIT_NOT_FOUND);
	assert_int_equal(find("ab01", SNAP_OBJECT_NONE, id), EXIT_NOT_FOUND);
	assert_contains(said, "there is no snapshot or set ab01");
}

/* What might be meant is listed, but only of what can be. */
static void several(void **state)
{
	char id[SNAP_ID_TEXT_MAX];

	(void)state;
	assert_int_equal(find("5e01", SNAP_OBJECT_NONE, id), EXIT_ARGUMENT);
	assert_contains(said, "\"5e01\" is the beginning of 2 ids: snapshot " SNAP ", set " SET);
	assert_int_equal(find("5e01", SNAP_OBJECT_SNAPSHOT, id), EXIT_OK);
	assert_string_equal(id, SNAP);
	assert_int_equal(find("5e01", SNAP_OBJECT_SNAPSHOT_SET, id), EXIT_OK);
	assert_string_equal(id, SET);
	fake.nr_snaps = 20;
	for (unsigned int i = 2; i < 20; i++)
		memset(&fake.snaps[i].id, 0xab, 4);
	assert_int_equal(find("abab", SNAP_OBJECT_NONE, id), EXIT_ARGUMENT);
	assert_contains(said, "the beginning of 18 ids: snapshot abababab-0000-");
	assert_contains(said, " and others\n");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { T(spellings), T(several) };

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
