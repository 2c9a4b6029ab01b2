// SPDX-License-Identifier: GPL-2.0-only
/* Values, names, errno and advice of the result codes. */
#include <errno.h>

#include "check.h"

/* The numbers of VSS, written down a second time. */
#define FOR_EACH_CODE(X)							\
	X(S_OK, 0x00000000) X(S_FALSE, 0x00000001)				\
	X(S_ASYNC_PENDING, 0x00042309) X(S_ASYNC_FINISHED, 0x0004230A)		\
	X(S_ASYNC_CANCELLED, 0x0004230B)					\
	X(E_ACCESSDENIED, 0x80070005) X(E_OUTOFMEMORY, 0x8007000E)		\
	X(E_INVALIDARG, 0x80070057)						\
	X(E_BAD_STATE, 0x80042301) X(E_UNEXPECTED, 0x80042302)			\
	X(E_PROVIDER_NOT_REGISTERED, 0x80042304) X(E_PROVIDER_VETO, 0x80042306)	\
	X(E_OBJECT_NOT_FOUND, 0x80042308) X(E_VOLUME_NOT_SUPPORTED, 0x8004230C)	\
	X(E_OBJECT_ALREADY_EXISTS, 0x8004230D)					\
	X(E_VOLUME_NOT_SUPPORTED_BY_PROVIDER, 0x8004230E)			\
	X(E_UNEXPECTED_PROVIDER_ERROR, 0x8004230F)				\
	X(E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED, 0x80042312)			\
	X(E_FLUSH_WRITES_TIMEOUT, 0x80042313) X(E_HOLD_WRITES_TIMEOUT, 0x80042314) \
	X(E_UNEXPECTED_WRITER_ERROR, 0x80042315)				\
	X(E_SNAPSHOT_SET_IN_PROGRESS, 0x80042316)				\
	X(E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED, 0x80042317)			\
	X(E_WRITER_INFRASTRUCTURE, 0x80042318)					\
	X(E_WRITER_NOT_RESPONDING, 0x80042319)					\
	X(E_UNSUPPORTED_CONTEXT, 0x8004231B) X(E_VOLUME_IN_USE, 0x8004231D)	\
	X(E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED, 0x8004231E)			\
	X(E_INSUFFICIENT_STORAGE, 0x8004231F)					\
	X(E_REVERT_IN_PROGRESS, 0x80042325) X(E_REVERT_VOLUME_LOST, 0x80042326)	\
	X(E_REBOOT_REQUIRED, 0x80042327)					\
	X(E_TRANSACTION_FREEZE_TIMEOUT, 0x80042328)				\
	X(E_TRANSACTION_THAW_TIMEOUT, 0x80042329)				\
	X(E_UNSELECTED_VOLUME, 0x8004232A) X(E_SNAPSHOT_NOT_IN_SET, 0x8004232B)	\
	X(E_NESTED_VOLUME_LIMIT, 0x8004232C) X(E_VOLUME_NOT_LOCAL, 0x8004232D)	\
	X(E_NOT_SUPPORTED, 0x8004232F)						\
	X(E_WRITERERROR_PARTIAL_FAILURE, 0x80042336)				\
	X(E_WRITERERROR_INCONSISTENTSNAPSHOT, 0x800423F0)			\
	X(E_WRITERERROR_OUTOFRESOURCES, 0x800423F1)				\
	X(E_WRITERERROR_TIMEOUT, 0x800423F2) X(E_WRITERERROR_RETRYABLE, 0x800423F3) \
	X(E_WRITERERROR_NONRETRYABLE, 0x800423F4)				\
	X(E_WRITERERROR_RECOVERY_FAILED, 0x800423F5)				\
	X(E_AUTORECOVERY_FAILED, 0x800423FB)					\
	X(E_WRITER_STATUS_NOT_AVAILABLE, 0x80042409)

#define CHECK(name, value) _Static_assert((uint32_t)SNAP_##name == value, #name);
FOR_EACH_CODE(CHECK)

/* The kernel's numbers are the same. */
#define SAME(name) \
	_Static_assert((uint32_t)SNAP_##name == SNAPSET_##name, #name);
SAME(S_OK) SAME(S_ASYNC_PENDING) SAME(S_ASYNC_FINISHED) SAME(S_ASYNC_CANCELLED)
SAME(E_ACCESSDENIED) SAME(E_INVALIDARG) SAME(E_OUTOFMEMORY) SAME(E_BAD_STATE)
SAME(E_UNEXPECTED) SAME(E_PROVIDER_VETO) SAME(E_OBJECT_NOT_FOUND)
SAME(E_VOLUME_NOT_SUPPORTED) SAME(E_OBJECT_ALREADY_EXISTS)
SAME(E_UNEXPECTED_PROVIDER_ERROR) SAME(E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED)
SAME(E_FLUSH_WRITES_TIMEOUT) SAME(E_HOLD_WRITES_TIMEOUT)
SAME(E_SNAPSHOT_SET_IN_PROGRESS) SAME(E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED)
SAME(E_VOLUME_IN_USE) SAME(E_INSUFFICIENT_STORAGE) SAME(E_REBOOT_REQUIRED)
SAME(E_NESTED_VOLUME_LIMIT)

#define EQUAL(a, b) _Static_assert((int)(a) == (int)(b), #a);
EQUAL(SNAP_SET_OPEN, SNAPSET_STATE_OPEN)
EQUAL(SNAP_SET_PREPARING, SNAPSET_STATE_PREPARING)
EQUAL(SNAP_SET_FREEZING, SNAPSET_STATE_FREEZING)
EQUAL(SNAP_SET_HOLDING, SNAPSET_STATE_HOLDING)
EQUAL(SNAP_SET_COMMITTED, SNAPSET_STATE_COMMITTED)
EQUAL(SNAP_SET_CREATED, SNAPSET_STATE_CREATED)
EQUAL(SNAP_SET_ABORTING, SNAPSET_STATE_ABORTING)
EQUAL(SNAP_SET_FAILED, SNAPSET_STATE_FAILED)
EQUAL(SNAP_SET_CANCELLED, SNAPSET_STATE_CANCELLED)
EQUAL(SNAP_SET_DELETED, SNAPSET_STATE_DELETED)
EQUAL(SNAP_SNAPSHOT_PREPARING, SNAPSET_SNAP_PREPARING)
EQUAL(SNAP_SNAPSHOT_LIVE, SNAPSET_SNAP_LIVE)
EQUAL(SNAP_SNAPSHOT_DEAD, SNAPSET_SNAP_DEAD)
EQUAL(SNAP_PHASE_NONE, SNAPSET_PHASE_NONE)
EQUAL(SNAP_PHASE_PREPARE, SNAPSET_PHASE_PREPARE)
EQUAL(SNAP_PHASE_FREEZE, SNAPSET_PHASE_FREEZE)
EQUAL(SNAP_PHASE_HOLD, SNAPSET_PHASE_HOLD)
EQUAL(SNAP_PHASE_RELEASE, SNAPSET_PHASE_RELEASE)
EQUAL(SNAP_PHASE_PUBLISH, SNAPSET_PHASE_PUBLISH)
EQUAL(SNAP_PHASE_DONE, SNAPSET_PHASE_DONE)
EQUAL(SNAP_EVENT_SET_STATE, SNAPSET_EVENT_SET_STATE)
EQUAL(SNAP_EVENT_SNAPSHOT_DEAD, SNAPSET_EVENT_SNAP_DEAD)
EQUAL(SNAP_EVENT_SNAPSHOT_DELETED, SNAPSET_EVENT_SNAP_DELETED)
EQUAL(SNAP_EVENT_STORE_LOW, SNAPSET_EVENT_STORE_LOW)
EQUAL(SNAP_EVENT_STORE_FULL, SNAPSET_EVENT_STORE_FULL)
EQUAL(SNAP_EVENT_INDEX_LOW, SNAPSET_EVENT_INDEX_LOW)
EQUAL(SNAP_ATTR_NO_AUTO_RELEASE, SNAPSET_ATTR_NO_AUTO_RELEASE)
EQUAL(SNAP_ATTR_NO_WRITERS, SNAPSET_ATTR_NO_WRITERS)
EQUAL(SNAP_ATTR_DIFFERENTIAL, SNAPSET_ATTR_DIFFERENTIAL)

static const struct {
	snap_status	code;
	const char	*name;
} all[] = {
#define ENTRY(name, value) { SNAP_##name, "SNAP_" #name },
	FOR_EACH_CODE(ENTRY)
};

static void names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_string_equal(snap_code_name(all[i].code), all[i].name);
		assert_true(snap_strerror(all[i].code)[0]);
		assert_string_not_equal(snap_strerror(all[i].code), "unknown error");
		/* An error has an errno, a success has none. */
		assert_int_equal(SNAP_FAILED(all[i].code), snap_to_errno(all[i].code) > 0);
		assert_int_equal(SNAP_FAILED(all[i].code), all[i].name[5] == 'E');
	}
	assert_string_equal(snap_code_name((snap_status)0x80042399), "unknown code");
	assert_string_equal(snap_strerror((snap_status)0x80042399), "unknown error");
	assert_int_equal(snap_to_errno((snap_status)0x80042399), EIO);
	assert_int_equal(snap_to_errno(77), 0);
}

static void cancelled_is_no_failure(void **state)
{
	(void)state;
	assert_false(SNAP_FAILED(SNAP_S_ASYNC_CANCELLED));
	assert_false(SNAP_FINISHED(SNAP_S_ASYNC_CANCELLED));
	assert_true(SNAP_FINISHED(SNAP_S_ASYNC_FINISHED));
}

static void advice(void **state)
{
	unsigned int delay = 1, tries = 1;

	(void)state;
	assert_status(snap_retry_advice(SNAP_E_HOLD_WRITES_TIMEOUT, &delay, &tries), SNAP_S_OK);
	assert_int_equal(delay, 600);
	assert_int_equal(tries, 3);
	assert_status(snap_retry_advice(SNAP_E_INVALIDARG, &delay, &tries), SNAP_S_FALSE);
	assert_int_equal(delay, 0);
	assert_int_equal(tries, 0);
	assert_status(snap_retry_advice(SNAP_E_PROVIDER_VETO, NULL, NULL), SNAP_S_OK);
	assert_true(snap_is_transient(SNAP_E_FLUSH_WRITES_TIMEOUT));
	assert_false(snap_is_transient(SNAP_E_NESTED_VOLUME_LIMIT));
	assert_false(snap_is_transient(SNAP_S_OK));
}

static void kernel_errors(void **state)
{
	(void)state;
	assert_status(snapi_code_from_errno(EPERM, SNAPSET_CMD_SET_GET), SNAP_E_ACCESSDENIED);
	assert_status(snapi_code_from_errno(EBUSY, SNAPSET_CMD_SET_DO), SNAP_E_PROVIDER_VETO);
	assert_status(snapi_code_from_errno(EBUSY, SNAPSET_CMD_DELETE), SNAP_E_VOLUME_IN_USE);
	assert_status(snapi_code_from_errno(EPROTO, SNAPSET_CMD_SET_ADD), SNAP_E_BAD_STATE);
	assert_status(snapi_code_from_errno(EXDEV, SNAPSET_CMD_SET_ADD),
		      SNAP_E_UNEXPECTED_PROVIDER_ERROR);
	assert_status(snapi_code_from_kernel(SNAPSET_E_HOLD_WRITES_TIMEOUT),
		      SNAP_E_HOLD_WRITES_TIMEOUT);
	assert_status(snapi_code_from_kernel(0x80042399), SNAP_E_UNEXPECTED_PROVIDER_ERROR);
}

static void ids(void **state)
{
	char text[SNAP_ID_TEXT_MAX];
	snap_id id, same;

	(void)state;
	assert_status(snap_id_parse("5E010203-0405-0607-0809-0a0b0c0d0e0f", &id), SNAP_S_OK);
	assert_int_equal(id.b[0], 0x5e);
	assert_int_equal(id.b[15], 0x0f);
	snap_id_format(&id, text);
	assert_string_equal(text, "5e010203-0405-0607-0809-0a0b0c0d0e0f");
	assert_status(snap_id_parse("{5e010203-0405-0607-0809-0a0b0c0d0e0f}", &same), SNAP_S_OK);
	assert_true(snap_id_equal(&id, &same));
	assert_false(snap_id_is_null(&id));
	assert_status(snap_id_parse("5e010203-0405-0607-0809-0a0b0c0d0e0", &id), SNAP_E_INVALIDARG);
	assert_status(snap_id_parse("5e010203-0405-0607-0809-0a0b0c0d0e0g", &id), SNAP_E_INVALIDARG);
	assert_status(snap_id_parse("", &id), SNAP_E_INVALIDARG);
	assert_status(snap_id_parse(NULL, &id), SNAP_E_INVALIDARG);
	assert_true(snap_id_equal(&id, &same));		/* a failure changes nothing */
	memset(&id, 0, sizeof(id));
	assert_true(snap_id_is_null(&id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(cancelled_is_no_failure),
		cmocka_unit_test(advice),
		cmocka_unit_test(kernel_errors),
		cmocka_unit_test(ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
