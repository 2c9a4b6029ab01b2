/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A mixture of writes, discards and zeroes on one disk, by several threads, with a
 * model of what is where that is exact whenever the threads rest.
 */
#ifndef SNAPSET_TEST_MIXER_H
#define SNAPSET_TEST_MIXER_H

#include <stdint.h>

#include "pat.h"

struct mixer;

struct mixer_stats {
	uint64_t	writes, discards, zeroes;
};

/* Fills the disk and starts the threads. @id: of the disk, in its sectors. */
struct mixer *mixer_start(const char *path, uint64_t id, unsigned int threads, uint64_t seed);

/*
 * Nothing is under way when it returns, and nothing begins until resume. What discards
 * have left has been looked at, so that the model is exact. Returns the model.
 */
const struct model *mixer_pause(struct mixer *m);
void mixer_resume(struct mixer *m);

/* Another speed and another part of the disk from now on, by chance. */
void mixer_vary(struct mixer *m, uint64_t *chance);

/* Where one of the threads is writing now. False if nobody is. */
bool mixer_peek(struct mixer *m, uint64_t *chance, uint64_t *off, uint64_t *len);

/* Ends the threads, compares the disk with the model; sectors that differ. Frees. */
uint64_t mixer_end(struct mixer *m, struct mixer_stats *stats);

#endif
