/* SPDX-License-Identifier: GPL-2.0-only */
/* Snapshots as a table: which columns, in which order. */
#ifndef SNAPSET_TABLE_H
#define SNAPSET_TABLE_H

#include "tool.h"

struct column;

#define TABLE_COLUMNS 15

struct table {
	const struct column	*columns[TABLE_COLUMNS];
	unsigned int		nr;
	const struct column	*sort;		/* NULL: as they were made */
	bool			reverse;
	bool			noheadings;
};

/* The columns that fit 80 characters. */
void table_default(struct table *t);
/* "set,age" instead, or "+why" besides; EXIT_OK, or the exit code after an error was printed. */
int table_choose(struct table *t, const char *list);
/* "size", or "-size" from the greatest to the least; likewise. */
int table_sort(struct table *t, const char *column);
/* Whether what is exclusive is to be counted. */
bool table_needs_exclusive(const struct table *t);
/* Prints @nr of them, if there are any; false: no memory. */
bool table_print(const struct table *t, const struct snap_snapshot_props *p, size_t nr);

#endif /* SNAPSET_TABLE_H */
