/* SPDX-License-Identifier: GPL-2.0-only */
/* mntns.h - into the mount namespace of another process, and back; for a program of one thread. */
#ifndef SNAPSET_MNTNS_H
#define SNAPSET_MNTNS_H

#include "tool.h"

/* Descriptors of where we are, to be gone back to. */
struct home {
	int	namespace, directory;
};

/* @pid: 0, to stay here. An exit code; an error was told. */
int enter_namespace(uint32_t pid, struct home *home);
int leave_namespace(const struct home *home);

#endif
