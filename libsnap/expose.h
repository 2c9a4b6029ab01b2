/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * expose.h - images mounted as one tree, for expose.c and its helpers.
 *
 * A tree begins with a small tmpfs, so that there can be directories for mount points, and
 * so that what is mounted below it is private: the images are seen in this mount namespace
 * only, and those made from it later, of which only one that has nothing to do with us any more
 * (MS_PRIVATE) keeps them busy. The name of its source, "snapset:SET" or
 * "snapset:SET:SNAPSHOT", is all that is remembered of it.
 */
#ifndef SNAPI_EXPOSE_H
#define SNAPI_EXPOSE_H

#include "internal.h"

struct snapi_image {
	struct snap_snapshot_props p;
	dev_t	origin;
	char	type[32];	/* "": no file system that can be mounted */
	bool	several;	/* as it is a btrfs on several devices, of which this is one */
	bool	placed;
};

/* One mount: what of which image, and where in the tree. */
struct snapi_place {
	char		*path;		/* "/srv" */
	char		*subvolume;	/* of a btrfs; NULL: that which it has by itself */
	unsigned int	image;
	unsigned int	nr;		/* in which order they were found */
};

struct snapi_plan {
	struct snapi_image	*images;
	unsigned int		nr_images;
	struct snapi_place	*places;	/* outer ones first */
	unsigned int		nr_places;
};

/* imagefs.c */
/* Fills type and several. */
void snapi_image_probe(struct snapi_image *image);
/* Those that a file system of this type needs to be mounted read-only; "": none. */
const char *snapi_image_options(const char *type);

/* plan.c */
/*
 * Which image belongs where: where its origin is mounted now, or was when it was frozen.
 * -ENOMEM or 0.
 */
int snapi_plan_places(struct snapi_plan *plan);
void snapi_plan_free(struct snapi_plan *plan);

/* unexpose.c */
#define SNAPI_EXPOSED		"snapset:"
/* Where they are if nobody has said where. */
#define SNAPI_EXPOSED_IN	"/run/snapset/"

/* The source of the tree of a set, or of one snapshot of it. */
void snapi_exposed_name(const snap_id *set, const snap_id *snapshot, char name[96]);
/*
 * Unmounts all trees whose source begins with @name; @directory: only that one, NULL: any.
 * @found (may be NULL) is how many there were. The error is in @e.
 */
snap_status snapi_unexpose(const char *name, const char *directory, bool force,
			   unsigned int *found, struct snapi_error *e);
/* Of a set or snapshot that is about to be deleted. */
snap_status snapi_unexpose_deleted(struct snap_session *s, const snap_id *id,
				   enum snap_object type, bool force, struct snapi_error *e);

#endif
