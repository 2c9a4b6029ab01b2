/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file that may be a store: allocated, labelled, synced.
 */
#ifndef SNAPSET_TEST_STOREFILE_H
#define SNAPSET_TEST_STOREFILE_H

#include <stdint.h>

/* Makes it, or gives up with a sentence; open for reading and writing. */
int store_file(const char *path, uint64_t size);

#endif
