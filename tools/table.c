// SPDX-License-Identifier: GPL-2.0-only
/*
 * Snapshots as a table. A column is a function that writes its text, and, if it is to be sorted
 * by something else than that, one that gives a number.
 */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include <libsmartcols/libsmartcols.h>

#include "table.h"

struct cell {
	char	text[64];
};

struct column {
	const char	*name, *heading;
	bool		right;
	const char	*(*text)(const struct snap_snapshot_props *p, struct cell *c);
	uint64_t	(*number)(const struct snap_snapshot_props *p);	/* NULL: by the text */
};

static uint64_t now;

static const char *id_text(const struct snap_snapshot_props *p, struct cell *c)
{
	snap_id_format(&p->id, c->text);
	return c->text;
}

static const char *set_text(const struct snap_snapshot_props *p, struct cell *c)
{
	snap_id_format(&p->set_id, c->text);
	c->text[8] = 0;
	return c->text;
}

static const char *image_text(const struct snap_snapshot_props *p, struct cell *c)
{
	const char *slash = strrchr(p->device, '/');

	(void)c;
	return slash ? slash + 1 : "-";
}

static const char *volume_text(const struct snap_snapshot_props *p, struct cell *c)
{
	(void)c;
	return plain(p->volume);
}

static const char *origin_text(const struct snap_snapshot_props *p, struct cell *c)
{
	(void)c;
	return *p->origin ? plain(p->origin) : "-";
}

static const char *size_text(const struct snap_snapshot_props *p, struct cell *c)
{
	format_size(p->bytes, c->text);
	return c->text;
}

static uint64_t size_number(const struct snap_snapshot_props *p)
{
	return p->bytes;
}

static const char *kept_text(const struct snap_snapshot_props *p, struct cell *c)
{
	format_size(p->copied, c->text);
	return c->text;
}

static uint64_t kept_number(const struct snap_snapshot_props *p)
{
	return p->copied;
}

static const char *allocated_text(const struct snap_snapshot_props *p, struct cell *c)
{
	format_size(p->allocated, c->text);
	return c->text;
}

static uint64_t allocated_number(const struct snap_snapshot_props *p)
{
	return p->allocated;
}

static const char *maximum_text(const struct snap_snapshot_props *p, struct cell *c)
{
	if (!p->quota)
		return "-";
	format_size(p->quota, c->text);
	return c->text;
}

/* None is more than any. */
static uint64_t maximum_number(const struct snap_snapshot_props *p)
{
	return p->quota ? p->quota : UINT64_MAX;
}

static const char *exclusive_text(const struct snap_snapshot_props *p, struct cell *c)
{
	if (!p->exclusive_known)
		return "-";
	format_size(p->exclusive, c->text);
	return c->text;
}

static uint64_t exclusive_number(const struct snap_snapshot_props *p)
{
	return p->exclusive;
}

static const char *state_text(const struct snap_snapshot_props *p, struct cell *c)
{
	(void)c;
	return snapshot_state_name(p);
}

static const char *consistency_text(const struct snap_snapshot_props *p, struct cell *c)
{
	(void)c;
	return consistency_name(p->consistency);
}

static const char *created_text(const struct snap_snapshot_props *p, struct cell *c)
{
	format_time(p->created_ns, c->text);
	return c->text;
}

static uint64_t created_number(const struct snap_snapshot_props *p)
{
	return p->created_ns;
}

/* The clock may have been set back meanwhile. */
static uint64_t age_number(const struct snap_snapshot_props *p)
{
	return p->created_ns && p->created_ns < now ? now - p->created_ns : 0;
}

static const char *age_text(const struct snap_snapshot_props *p, struct cell *c)
{
	if (!p->created_ns)
		return "-";
	format_age(age_number(p), c->text);
	return c->text;
}

static const char *why_text(const struct snap_snapshot_props *p, struct cell *c)
{
	(void)c;
	return p->state == SNAP_SNAPSHOT_DEAD ? plain(p->text) : "";
}

static const struct column columns[] = {
	{ "id", "SNAPSHOT", false, id_text, NULL },
	{ "set", "SET", false, set_text, NULL },
	{ "image", "IMAGE", false, image_text, NULL },
	{ "volume", "VOLUME", false, volume_text, NULL },
	{ "origin", "ORIGIN", false, origin_text, NULL },
	{ "size", "SIZE", true, size_text, size_number },
	{ "kept", "KEPT", true, kept_text, kept_number },
	{ "allocated", "ALLOCATED", true, allocated_text, allocated_number },
	{ "maximum", "MAXIMUM", true, maximum_text, maximum_number },
	{ "exclusive", "EXCLUSIVE", true, exclusive_text, exclusive_number },
	{ "state", "STATE", false, state_text, NULL },
	{ "consistency", "CONSISTENCY", false, consistency_text, NULL },
	{ "created", "CREATED", false, created_text, created_number },
	{ "age", "AGE", true, age_text, age_number },
	{ "why", "WHY", false, why_text, NULL },
};

_Static_assert(sizeof(columns) / sizeof(columns[0]) == TABLE_COLUMNS, "table.h counts them");

static const struct column *find(const char *name, size_t len)
{
	for (size_t i = 0; i < TABLE_COLUMNS; i++)
		if (strlen(columns[i].name) == len && !strncmp(columns[i].name, name, len))
			return &columns[i];
	return NULL;
}

static int unknown(const char *name, size_t len)
{
	char all[256] = "";

	for (size_t i = 0; i < TABLE_COLUMNS; i++) {
		strcat(all, i ? ", " : "");
		strcat(all, columns[i].name);
	}
	return usage_error("there is no column \"%.*s\", only %s", (int)len, name, all);
}

/* One that is named twice is there once. */
static void add(struct table *t, const struct column *c)
{
	for (unsigned int i = 0; i < t->nr; i++)
		if (t->columns[i] == c)
			return;
	t->columns[t->nr++] = c;
}

void table_default(struct table *t)
{
	t->nr = 0;
	table_choose(t, "set,image,size,kept,state,age,volume");
}

int table_choose(struct table *t, const char *list)
{
	const struct column *c;
	size_t len;

	if (*list == '+')
		list++;
	else
		t->nr = 0;
	for (;; list += len + 1) {
		len = strcspn(list, ",");
		c = find(list, len);
		if (!c)
			return unknown(list, len);
		add(t, c);
		if (!list[len])
			return EXIT_OK;
	}
}

int table_sort(struct table *t, const char *column)
{
	t->reverse = *column == '-';
	column += t->reverse;
	t->sort = find(column, strlen(column));
	return t->sort ? EXIT_OK : unknown(column, strlen(column));
}

bool table_needs_exclusive(const struct table *t)
{
	bool needs = t->sort && t->sort->text == exclusive_text;

	for (unsigned int i = 0; i < t->nr; i++)
		needs |= t->columns[i]->text == exclusive_text;
	return needs;
}

static int compare(const void *a, const void *b, void *arg)
{
	const struct snap_snapshot_props *p = *(const struct snap_snapshot_props *const *)a;
	const struct snap_snapshot_props *q = *(const struct snap_snapshot_props *const *)b;
	const struct table *t = arg;
	struct cell left, right;
	int diff;

	if (t->sort->number) {
		uint64_t m = t->sort->number(p), n = t->sort->number(q);

		diff = (m > n) - (m < n);
	} else {	/* snapset10 comes behind snapset9 */
		diff = strverscmp(t->sort->text(p, &left), t->sort->text(q, &right));
	}
	if (!diff)	/* the same: as they were made */
		return (p > q) - (p < q);
	return t->reverse ? -diff : diff;
}

static bool add_line(const struct table *t, struct libscols_table *out,
		     const struct snap_snapshot_props *p)
{
	struct libscols_line *line = scols_table_new_line(out, NULL);
	struct cell cell;

	for (unsigned int i = 0; line && i < t->nr; i++)
		if (scols_line_set_data(line, i, t->columns[i]->text(p, &cell)))
			return false;
	return line;
}

static bool print(const struct table *t, struct libscols_table *out,
		  const struct snap_snapshot_props **lines, size_t nr)
{
	bool ok = !scols_table_set_column_separator(out, "  ");

	scols_table_enable_noheadings(out, t->noheadings);
	/* plain() has done what is to be done, and what it leaves is UTF-8 */
	scols_table_enable_noencoding(out, 1);
	setlocale(LC_CTYPE, "C.UTF-8");
	for (unsigned int i = 0; ok && i < t->nr; i++)
		ok = scols_table_new_column(out, t->columns[i]->heading, 0,
					    t->columns[i]->right ? SCOLS_FL_RIGHT : 0);
	for (size_t i = 0; ok && i < nr; i++)
		ok = add_line(t, out, lines[i]);
	/* what could not be written is seen by output_lost() */
	if (ok)
		scols_print_table(out);
	return ok;
}

bool table_print(const struct table *t, const struct snap_snapshot_props *p, size_t nr)
{
	const struct snap_snapshot_props **lines;
	struct libscols_table *out;
	bool ok = false;

	if (!nr)
		return true;
	now = time_now();
	lines = malloc(nr * sizeof(*lines));
	out = scols_new_table();
	if (lines && out) {
		for (size_t i = 0; i < nr; i++)
			lines[i] = &p[i];
		if (t->sort)
			qsort_r(lines, nr, sizeof(*lines), compare, (void *)t);
		ok = print(t, out, lines, nr);
	}
	scols_unref_table(out);
	free(lines);
	return ok;
}
