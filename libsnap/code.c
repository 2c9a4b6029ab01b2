// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The result codes: one table. Texts, errno and advice on retries.
 *
 * The delays are those that VSS documents for DoSnapshotSet (ten minutes,
 * three times); the others are ours.
 */
#include <errno.h>

#include "internal.h"

struct code {
	snap_status	code;
	const char	*name;
	int		sys_errno;
	unsigned int	delay_s, tries;
	const char	*text;
};

#define C(name, err, text)		{ SNAP_##name, "SNAP_" #name, err, 0, 0, text }
#define R(name, err, delay, tries, text) { SNAP_##name, "SNAP_" #name, err, delay, tries, text }

static const struct code codes[] = {
	C(S_OK, 0, "success"),
	C(S_FALSE, 0, "there is nothing"),
	C(S_ASYNC_PENDING, 0, "the operation is still running"),
	C(S_ASYNC_FINISHED, 0, "the operation has finished"),
	C(S_ASYNC_CANCELLED, 0, "the operation was cancelled"),

	C(E_ACCESSDENIED, EACCES, "this needs CAP_SYS_ADMIN in the initial user namespace"),
	C(E_INVALIDARG, EINVAL, "an argument is not valid"),
	C(E_BAD_STATE, EPROTO, "the call does not fit the state of the session or the set"),
	C(E_UNSUPPORTED_CONTEXT, EOPNOTSUPP, "this kind of snapshot is not supported"),
	C(E_OBJECT_NOT_FOUND, ENOENT, "there is no such volume, snapshot or set"),
	C(E_OBJECT_ALREADY_EXISTS, EEXIST, "the volume is in the set already"),

	C(E_VOLUME_NOT_SUPPORTED, EOPNOTSUPP, "this volume cannot be snapshotted"),
	C(E_VOLUME_NOT_SUPPORTED_BY_PROVIDER, EOPNOTSUPP, "the module cannot snapshot this volume"),
	C(E_VOLUME_NOT_LOCAL, EREMOTE, "the volume is not on this machine"),
	R(E_VOLUME_IN_USE, EBUSY, 30, 3, "the volume or snapshot is in use"),
	C(E_NESTED_VOLUME_LIMIT, ELOOP, "the volume stands on another volume of the set, or is nested too deeply"),
	C(E_UNSELECTED_VOLUME, EINVAL, "the volume is not in the set"),
	C(E_SNAPSHOT_NOT_IN_SET, EINVAL, "the snapshot is not in the set"),

	R(E_OUTOFMEMORY, ENOMEM, 60, 3, "there is not enough memory"),
	C(E_INSUFFICIENT_STORAGE, ENOSPC, "the store has not enough room; delete old snapshots"),
	C(E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED, E2BIG, "the set has as many volumes as it can have"),
	C(E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED, EDQUOT, "the volume has as many snapshots as it can have"),
	C(E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED, EDQUOT, "the volume has as many stores as it can have"),

	R(E_FLUSH_WRITES_TIMEOUT, ETIMEDOUT, 600, 3, "a file system could not be frozen in time"),
	R(E_HOLD_WRITES_TIMEOUT, ETIMEDOUT, 600, 3, "the writes of a volume could not be held in time"),
	R(E_TRANSACTION_FREEZE_TIMEOUT, ETIMEDOUT, 600, 3, "transactions could not be frozen in time"),
	R(E_TRANSACTION_THAW_TIMEOUT, ETIMEDOUT, 600, 3, "transactions could not be thawed in time"),
	R(E_SNAPSHOT_SET_IN_PROGRESS, EINPROGRESS, 30, 10, "another snapshot set is being made on this machine"),
	R(E_REVERT_IN_PROGRESS, EINPROGRESS, 600, 3, "the volume is being reverted"),

	C(E_UNEXPECTED, EIO, "something unexpected happened in the library"),
	C(E_NOT_SUPPORTED, ENOSYS, "this is not supported"),
	C(E_PROVIDER_NOT_REGISTERED, ENODEV, "the snapset kernel module is not loaded: modprobe snapset"),
	R(E_PROVIDER_VETO, EBUSY, 600, 3, "the kernel module cannot do this at present"),
	R(E_UNEXPECTED_PROVIDER_ERROR, EREMOTEIO, 600, 3, "the kernel module gave an unexpected answer"),
	C(E_REBOOT_REQUIRED, ENOTRECOVERABLE, "the kernel module is in a state that only a reboot cures"),
	C(E_REVERT_VOLUME_LOST, ENODEV, "the volume vanished while it was reverted"),
	C(E_AUTORECOVERY_FAILED, EIO, "the snapshot could not be brought to a consistent state"),

	C(E_UNEXPECTED_WRITER_ERROR, EIO, "a writer failed unexpectedly"),
	C(E_WRITER_INFRASTRUCTURE, EIO, "the writers cannot be run"),
	R(E_WRITER_NOT_RESPONDING, ETIMEDOUT, 600, 3, "a writer does not answer"),
	C(E_WRITER_STATUS_NOT_AVAILABLE, ENODATA, "the status of a writer is not known"),
	C(E_WRITERERROR_PARTIAL_FAILURE, EIO, "a writer failed in part"),
	C(E_WRITERERROR_INCONSISTENTSNAPSHOT, EINVAL, "the set lacks volumes that a writer needs"),
	R(E_WRITERERROR_OUTOFRESOURCES, ENOMEM, 600, 3, "a writer ran out of resources"),
	R(E_WRITERERROR_TIMEOUT, ETIMEDOUT, 600, 3, "a writer took too long"),
	R(E_WRITERERROR_RETRYABLE, EAGAIN, 600, 3, "a writer failed, but may succeed later"),
	C(E_WRITERERROR_NONRETRYABLE, EIO, "a writer failed"),
	C(E_WRITERERROR_RECOVERY_FAILED, EIO, "a writer could not recover its data in the snapshot"),
};

static const struct code *find(snap_status code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return &codes[i];
	return NULL;
}

SNAPI_EXPORT const char *snap_code_name(snap_status code)
{
	const struct code *c = find(code);

	return c ? c->name : "unknown code";
}

SNAPI_EXPORT const char *snap_strerror(snap_status code)
{
	const struct code *c = find(code);

	if (c)
		return c->text;
	return SNAP_FAILED(code) ? "unknown error" : "unknown result";
}

SNAPI_EXPORT int snap_to_errno(snap_status code)
{
	const struct code *c = find(code);

	if (c)
		return c->sys_errno;
	return SNAP_FAILED(code) ? EIO : 0;
}

SNAPI_EXPORT bool snap_is_transient(snap_status code)
{
	const struct code *c = find(code);

	return c && c->tries;
}

SNAPI_EXPORT snap_status snap_retry_advice(snap_status code,
					   unsigned int *delay_s,
					   unsigned int *max_tries)
{
	const struct code *c = find(code);

	if (delay_s)
		*delay_s = c ? c->delay_s : 0;
	if (max_tries)
		*max_tries = c ? c->tries : 0;
	return c && c->tries ? SNAP_S_OK : SNAP_S_FALSE;
}

/* The table at the top of linux/snapset.h. */
snap_status snapi_code_from_errno(int err, int cmd)
{
	switch (err) {
	case EPERM:		return SNAP_E_ACCESSDENIED;
	case EINVAL:
	case ERANGE:		return SNAP_E_INVALIDARG;
	case ENOMEM:		return SNAP_E_OUTOFMEMORY;
	case EPROTO:		return SNAP_E_BAD_STATE;
	case ENOENT:		return SNAP_E_OBJECT_NOT_FOUND;
	case EEXIST:		return SNAP_E_OBJECT_ALREADY_EXISTS;
	case EOPNOTSUPP:	return SNAP_E_VOLUME_NOT_SUPPORTED;
	case E2BIG:		return SNAP_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED;
	case EDQUOT:		return SNAP_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED;
	case EINPROGRESS:	return SNAP_E_SNAPSHOT_SET_IN_PROGRESS;
	case ELOOP:		return SNAP_E_NESTED_VOLUME_LIMIT;
	case ENOSPC:		return SNAP_E_INSUFFICIENT_STORAGE;
	case ENOTRECOVERABLE:	return SNAP_E_REBOOT_REQUIRED;
	case EBUSY:
		return cmd == SNAPSET_CMD_DELETE ? SNAP_E_VOLUME_IN_USE
						 : SNAP_E_PROVIDER_VETO;
	default:		return SNAP_E_UNEXPECTED_PROVIDER_ERROR;
	}
}

snap_status snapi_code_from_kernel(uint32_t code)
{
	snap_status st = (snap_status)code;

	return find(st) ? st : SNAP_E_UNEXPECTED_PROVIDER_ERROR;
}
