/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sectors that say what they are: every 512 bytes carry the disk's id, their
 * own sector number, the sequence number of the write that put them there, and
 * a payload made from these three. Whoever reads one knows whether it is whole,
 * whether it is in its place, and how old it is.
 *
 * A model holds for each sector of a disk the sequence number that must be
 * there. Sequence 0 means zeroes, PAT_ANY means that anything may be there (a
 * discarded sector).
 */
#ifndef SNAPSET_TEST_PAT_H
#define SNAPSET_TEST_PAT_H

#include <stdbool.h>
#include <stdint.h>

#define PAT_ANY	0xffffffffu

enum pat_state {
	PAT_OK,			/* a whole sector, in its place, of this disk */
	PAT_ZERO,		/* all zeroes */
	PAT_ALIEN,		/* nothing that we ever wrote */
	PAT_TORN,		/* a head of ours, but the payload is of something else */
	PAT_ELSEWHERE,		/* a whole sector that belongs to another place or disk */
};

struct pat_info {
	uint64_t	id;
	uint64_t	sector;
	uint32_t	seq;
};

/* Makes @n sectors, the first of which is number @sector. */
void pat_make(void *buf, uint64_t id, uint64_t sector, unsigned int n, uint32_t seq);

/* Judges one sector. @info is set unless the result is PAT_ZERO or PAT_ALIEN. */
enum pat_state pat_look(const void *buf, uint64_t id, uint64_t sector, struct pat_info *info);

/* True if the sector is what the model says. */
bool pat_match(const void *buf, uint64_t id, uint64_t sector, uint32_t seq);

/* Says on stderr what is wrong with a sector that should have been of @seq. */
void pat_explain(const char *what, const void *buf, uint64_t id, uint64_t sector, uint32_t seq);

/* Compares @n sectors with a model, explains the first few that differ, and
 * returns how many do. *@told counts explanations over many calls.
 */
uint64_t pat_check(const char *what, const void *buf, uint64_t id, uint64_t sector,
		   unsigned int n, const uint32_t *model, unsigned int *told);

struct model {
	uint64_t	id;
	uint64_t	sectors;
	uint32_t	next;		/* sequence number of the next write */
	uint32_t	*seq;		/* [sectors] */
};

void model_new(struct model *m, uint64_t id, uint64_t sectors);
void model_load(struct model *m, const char *path);
void model_save(const struct model *m, const char *path);
void model_copy(struct model *to, const struct model *from);
void model_set(struct model *m, uint64_t sector, uint64_t n, uint32_t seq);
void model_free(struct model *m);

#endif
