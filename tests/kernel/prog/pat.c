// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pat.h"
#include "util.h"

#define PAT_MAGIC	0x736e617073656374ull
#define MODEL_MAGIC	0x736e61706d6f646cull
#define TOLD_MAX	8

struct pat {
	uint64_t	magic;
	uint64_t	id;
	uint64_t	sector;
	uint64_t	seq;
	uint64_t	payload[60];
};
_Static_assert(sizeof(struct pat) == SECTOR, "a pattern is a sector");

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static uint64_t base_of(uint64_t id, uint64_t sector, uint64_t seq)
{
	return mix(id * 0x9e3779b97f4a7c15ull ^ mix(sector ^ seq << 40));
}

void pat_make(void *buf, uint64_t id, uint64_t sector, unsigned int n, uint32_t seq)
{
	struct pat *p = buf;

	for (; n; n--, p++, sector++) {
		uint64_t word = base_of(id, sector, seq);
		unsigned int i;

		p->magic = PAT_MAGIC;
		p->id = id;
		p->sector = sector;
		p->seq = seq;
		for (i = 0; i < ARRAY_SIZE(p->payload); i++) {
			p->payload[i] = word;
			word += 0xd1342543de82ef95ull;
		}
	}
}

enum pat_state pat_look(const void *buf, uint64_t id, uint64_t sector, struct pat_info *info)
{
	const struct pat *p = buf;
	uint64_t word;
	unsigned int i;

	if (p->magic != PAT_MAGIC) {
		const uint64_t *w = buf;

		for (i = 0; i < SECTOR / sizeof(*w); i++)
			if (w[i])
				return PAT_ALIEN;
		return PAT_ZERO;
	}

	info->id = p->id;
	info->sector = p->sector;
	info->seq = p->seq;
	word = base_of(p->id, p->sector, p->seq);
	for (i = 0; i < ARRAY_SIZE(p->payload); i++) {
		if (p->payload[i] != word)
			return PAT_TORN;
		word += 0xd1342543de82ef95ull;
	}
	return p->id == id && p->sector == sector ? PAT_OK : PAT_ELSEWHERE;
}

bool pat_match(const void *buf, uint64_t id, uint64_t sector, uint32_t seq)
{
	struct pat_info info;
	enum pat_state state;

	if (seq == PAT_ANY)
		return true;
	state = pat_look(buf, id, sector, &info);
	if (!seq)
		return state == PAT_ZERO;
	return state == PAT_OK && info.seq == seq;
}

void pat_explain(const char *what, const void *buf, uint64_t id, uint64_t sector, uint32_t seq)
{
	struct pat_info info;

	switch (pat_look(buf, id, sector, &info)) {
	case PAT_ZERO:
		note("%s: sector %llu is zeroes and should be of write %u", what,
		     (unsigned long long)sector, seq);
		break;
	case PAT_ALIEN:
		note("%s: sector %llu holds what nobody wrote and should be of write %u", what,
		     (unsigned long long)sector, seq);
		break;
	case PAT_TORN:
		note("%s: sector %llu is torn: begins like write %u, should be of write %u", what,
		     (unsigned long long)sector, info.seq, seq);
		break;
	case PAT_ELSEWHERE:
		note("%s: sector %llu holds sector %llu of disk %llx, write %u; should be of write %u",
		     what, (unsigned long long)sector, (unsigned long long)info.sector,
		     (unsigned long long)info.id, info.seq, seq);
		break;
	case PAT_OK:
		note("%s: sector %llu is of write %u, %s, and should be of write %u", what,
		     (unsigned long long)sector, info.seq,
		     info.seq > seq ? "which is NEWER" : "which is older", seq);
		break;
	}
}

uint64_t pat_check(const char *what, const void *buf, uint64_t id, uint64_t sector,
		   unsigned int n, const uint32_t *model, unsigned int *told)
{
	const char *p = buf;
	uint64_t bad = 0;
	unsigned int i;

	for (i = 0; i < n; i++, p += SECTOR) {
		if (pat_match(p, id, sector + i, model[i]))
			continue;
		bad++;
		if ((*told)++ < TOLD_MAX)
			pat_explain(what, p, id, sector + i, model[i]);
	}
	return bad;
}

void model_new(struct model *m, uint64_t id, uint64_t sectors)
{
	m->id = id;
	m->sectors = sectors;
	m->next = 1;
	m->seq = xcalloc(sectors, sizeof(*m->seq));
}

void model_load(struct model *m, const char *path)
{
	uint64_t head[4];
	FILE *f = fopen(path, "re");

	if (!f || fread(head, sizeof(head), 1, f) != 1 || head[0] != MODEL_MAGIC)
		die("%s is not a model", path);
	model_new(m, head[1], head[2]);
	m->next = head[3];
	if (fread(m->seq, sizeof(*m->seq), m->sectors, f) != m->sectors)
		die("%s is too short", path);
	fclose(f);
}

void model_save(const struct model *m, const char *path)
{
	uint64_t head[4] = { MODEL_MAGIC, m->id, m->sectors, m->next };
	FILE *f = fopen(path, "we");

	if (!f || fwrite(head, sizeof(head), 1, f) != 1 ||
	    fwrite(m->seq, sizeof(*m->seq), m->sectors, f) != m->sectors || fclose(f))
		die("cannot write %s: %s", path, strerror(errno));
}

void model_copy(struct model *to, const struct model *from)
{
	model_new(to, from->id, from->sectors);
	to->next = from->next;
	memcpy(to->seq, from->seq, from->sectors * sizeof(*from->seq));
}

void model_set(struct model *m, uint64_t sector, uint64_t n, uint32_t seq)
{
	while (n--)
		m->seq[sector++] = seq;
}

void model_free(struct model *m)
{
	free(m->seq);
	m->seq = NULL;
}
