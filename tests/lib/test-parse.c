// SPDX-License-Identifier: GPL-2.0-only
/* The command's numbers, stores and exit codes. */
#include "check.h"
#include "tool.h"

static void sizes(void **state)
{
	static const struct { const char *text; uint64_t bytes; } right[] = {
		{ "0", 0 }, { "4096", 4096 }, { "007", 7 },
		{ "32M", 32ull << 20 }, { "32m", 32ull << 20 }, { "1GiB", 1ull << 30 },
		{ "1gib", 1ull << 30 }, { "1K", 1024 }, { "1T", 1ull << 40 }, { "1P", 1ull << 50 },
		{ "15E", 15ull << 60 }, { "18446744073709551615", UINT64_MAX },
		{ "2kB", 2000 }, { "3MB", 3000000 }, { "1Tb", 1000000000000 },
		{ "18EB", 18000000000000000000u },
	};
	static const char *const wrong[] = {
		"", "M", "-1", "-1M", "+1", "1X", "1MM", "1Mi", "1MBs", "1iB", "1B", "0x10", " 1", "1 M",
		"1M ", "1.5M", "1%", "99999999999999999999", "18446744073709551616", "16777216T", "16E",
		"19EB",
	};
	uint64_t n = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		assert_status(snap_parse_size(right[i].text, &n), SNAP_S_OK);
		assert_true(n == right[i].bytes);
		assert_true(parse_size(right[i].text, &n));
	}
	n = 7;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_status(snap_parse_size(wrong[i], &n), SNAP_E_INVALIDARG);
		assert_false(parse_size(wrong[i], &n));
	}
	assert_true(n == 7);
	assert_status(snap_parse_size(NULL, &n), SNAP_E_INVALIDARG);
	assert_status(snap_parse_size("1", NULL), SNAP_E_INVALIDARG);
}

static void milliseconds(void **state)
{
	uint32_t ms;

	(void)state;
	assert_true(parse_ms("1", &ms) && ms == 1);
	assert_true(parse_ms("4294967295", &ms) && ms == UINT32_MAX);
	assert_false(parse_ms("4294967296", &ms));
	assert_false(parse_ms("0", &ms));
	assert_false(parse_ms("1s", &ms));
	assert_false(parse_ms("", &ms));
	assert_false(parse_ms("-5", &ms));
}

static void waits(void **state)
{
	uint32_t ms;

	(void)state;
	assert_true(parse_wait("0", &ms) && ms == 0);
	assert_true(parse_wait("90", &ms) && ms == 90000);
	assert_true(parse_wait("forever", &ms) && ms == SNAP_WAIT_FOREVER);
	assert_false(parse_wait("4294968", &ms));
	assert_false(parse_wait("", &ms));
	assert_false(parse_wait("1m", &ms));
	assert_false(parse_wait("-1", &ms));
}

static void ages(void **state)
{
	uint32_t s;

	(void)state;
	assert_true(parse_age("90", &s) && s == 90);
	assert_true(parse_age("90s", &s) && s == 90);
	assert_true(parse_age("15min", &s) && s == 900);
	assert_true(parse_age("2h", &s) && s == 7200);
	assert_true(parse_age("3d", &s) && s == 259200);
	assert_true(parse_age("1w", &s) && s == 604800);
	assert_true(parse_age("4294967295", &s) && s == UINT32_MAX);
	assert_true(parse_age("7101w", &s) && s == 4294684800);
	assert_false(parse_age("7102w", &s));
	assert_false(parse_age("4294967296", &s));
	assert_false(parse_age("99999999999999999999", &s));
	assert_false(parse_age("0", &s));
	assert_false(parse_age("", &s));
	assert_false(parse_age("h", &s));
	assert_false(parse_age("-1h", &s));
	assert_false(parse_age("1m", &s));
	assert_false(parse_age("1 h", &s));
	assert_false(parse_age("1hh", &s));
}

static void stores(void **state)
{
	struct snap_store store;
	char text[32];

	(void)state;
	assert_true(parse_store("memory", &store));
	assert_int_equal(store.size, sizeof(store));
	assert_int_equal(store.kind, SNAP_STORE_MEMORY);
	assert_int_equal(store.limit, 0);
	assert_true(parse_store("memory:1G", &store));
	assert_true(store.limit == 1ull << 30);
	assert_false(parse_store("memory:", &store));
	assert_false(parse_store("memory:0", &store));
	assert_false(parse_store("memory:x", &store));
	assert_false(parse_store("", &store));
	assert_true(parse_store("/dev/vdz", &store));
	assert_int_equal(store.kind, SNAP_STORE_DEVICE);
	assert_string_equal(store.device, "/dev/vdz");
	assert_true(parse_store("/", &store));
	assert_int_equal(store.kind, SNAP_STORE_FILE);
	assert_string_equal(store.directory, "/");
	assert_int_equal(store.bytes, 0);
	strcpy(text, "/proc/self:512M");
	assert_true(parse_store(text, &store));
	assert_int_equal(store.kind, SNAP_STORE_FILE);
	assert_string_equal(store.directory, "/proc/self");
	assert_true(store.bytes == 512ull << 20);
	assert_null(store.device);
	/* what is neither is a device's name, for the library to look for */
	strcpy(text, "/proc/self:lots");
	assert_true(parse_store(text, &store));
	assert_int_equal(store.kind, SNAP_STORE_DEVICE);
	assert_string_equal(store.device, "/proc/self:lots");
	strcpy(text, "/proc/self:0");
	assert_true(parse_store(text, &store));
	assert_int_equal(store.kind, SNAP_STORE_DEVICE);
	assert_true(parse_store("/no/such/dir:1G", &store));
	assert_int_equal(store.kind, SNAP_STORE_DEVICE);
}

static void when_full(void **state)
{
	static const char *const wrong[] = {
		"", "set:1", "set:", "oldest:", "oldest:0", "wait:x", "waits", "old", "wait 1",
		"wait:4294967296", ":1",
	};
	enum snap_full full = SNAP_FULL_WAIT;
	uint32_t ms = 7;

	(void)state;
	assert_true(parse_full("set", &full, &ms));
	assert_int_equal(full, SNAP_FULL_SET);
	assert_int_equal(ms, 0);
	assert_true(parse_full("oldest", &full, &ms));
	assert_int_equal(full, SNAP_FULL_OLDEST);
	assert_int_equal(ms, 0);
	assert_true(parse_full("oldest:1000", &full, &ms) && ms == 1000);
	assert_true(parse_full("wait:60001", &full, &ms));	/* the library's range */
	assert_int_equal(full, SNAP_FULL_WAIT);
	assert_int_equal(ms, 60001);
	assert_true(parse_full("wait", &full, &ms) && ms == 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(parse_full(wrong[i], &full, &ms));
}

static void exits(void **state)
{
	(void)state;
	assert_int_equal(exit_code(SNAP_S_OK), 0);
	assert_int_equal(exit_code(SNAP_E_ACCESSDENIED), 1);
	assert_int_equal(exit_code(SNAP_E_INVALIDARG), 2);
	assert_int_equal(exit_code(SNAP_E_OBJECT_NOT_FOUND), 3);
	assert_int_equal(exit_code(SNAP_E_VOLUME_NOT_SUPPORTED), 4);
	assert_int_equal(exit_code(SNAP_E_NESTED_VOLUME_LIMIT), 4);
	assert_int_equal(exit_code(SNAP_E_UNSUPPORTED_CONTEXT), 5);
	assert_int_equal(exit_code(SNAP_E_INSUFFICIENT_STORAGE), 6);
	assert_int_equal(exit_code(SNAP_E_VOLUME_IN_USE), 7);
	assert_int_equal(exit_code(SNAP_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED), 8);
	assert_int_equal(exit_code(SNAP_E_SNAPSHOT_SET_IN_PROGRESS), 9);
	assert_int_equal(exit_code(SNAP_E_PROVIDER_VETO), 10);
	assert_int_equal(exit_code(SNAP_E_PROVIDER_NOT_REGISTERED), 11);
	assert_int_equal(exit_code(SNAP_E_HOLD_WRITES_TIMEOUT), 12);
	assert_int_equal(exit_code(SNAP_E_FLUSH_WRITES_TIMEOUT), 12);
	assert_int_equal(exit_code(SNAP_E_OUTOFMEMORY), 13);
}

static void amounts(void **state)
{
	static const char *const bad[] = { "", "%", "0", "0%", "101%", "1000%", "-1%", "1.5%", " 1%",
					   "all", "10%%" };
	uint64_t bytes;
	uint32_t percent;

	(void)state;
	assert_true(parse_amount("320M", &bytes, &percent));
	assert_int_equal(bytes, 320 << 20);
	assert_int_equal(percent, 0);
	assert_true(parse_amount("100%", &bytes, &percent));
	assert_int_equal(bytes, 0);
	assert_int_equal(percent, 100);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(parse_amount(bad[i], &bytes, &percent));
}

static void words(void **state)
{
	char text[32];

	(void)state;
	format_size(0, text);
	assert_string_equal(text, "0 B");
	format_size(1536, text);
	assert_string_equal(text, "1.5 KiB");
	format_size(1ull << 30, text);
	assert_string_equal(text, "1.0 GiB");
	format_size(UINT64_MAX, text);
	assert_string_equal(text, "16.0 EiB");
	format_time(0, text);
	assert_string_equal(text, "-");
	assert_string_equal(set_state_name(SNAP_SET_HOLDING), "holding");
	assert_string_equal(set_state_name((enum snap_set_state)99), "unknown");
	assert_string_equal(phase_name(SNAP_PHASE_DONE), "done");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(milliseconds), cmocka_unit_test(waits), cmocka_unit_test(ages),
		cmocka_unit_test(stores), cmocka_unit_test(when_full), cmocka_unit_test(amounts),
		cmocka_unit_test(exits),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
