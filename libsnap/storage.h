/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which volume keeps its old data where: what is set up (storageconf.c), what is there
 * (live.c), and what follows for a new store (place.c) and one that grows (growth.c).
 */
#ifndef LIBSNAP_STORAGE_H
#define LIBSNAP_STORAGE_H

#include "internal.h"

/* storageconf.c: which volume keeps its old data where */
struct snapi_amount {
	uint64_t	bytes;		/* SNAP_UNBOUNDED: no limit */
	uint32_t	percent;	/* instead, of the directory's file system; both 0: the default */
};

struct snapi_storage {
	char			volume[SNAPSET_NAME_MAX + 1];	/* "*": all others */
	char			directory[4096];
	struct snapi_amount	minimum, maximum;
};

struct snapi_line {
	char			*text;		/* as it is in the file */
	char			*tail;		/* a remark behind the fields, or NULL */
	bool			is_storage;
	struct snapi_storage	storage;
	dev_t			dev;		/* the volume, after snapi_conf_resolve(); 0: not there */
};

struct snapi_conf {
	struct snapi_line	*v;
	unsigned int		nr;
	bool			existed;
	dev_t			dev;		/* the file that was read */
	ino_t			ino;
};

/* What is wrong with it, NULL if nothing is. */
const char *snapi_storage_wrong(const struct snapi_storage *a);
/* Without a file: no lines. A bad line is an error with its number. The error is in @e. */
snap_status snapi_conf_read(struct snapi_conf *c, struct snapi_error *e);
void snapi_conf_free(struct snapi_conf *c);
/* For who changes it: makes the directory and locks it; -1: the error is in @e. */
int snapi_conf_lock(struct snapi_error *e);
void snapi_conf_unlock(int lock);
/* Sets the line @at, or a new one if @at is below 0. */
snap_status snapi_conf_put(struct snapi_conf *c, int at, const struct snapi_storage *a,
			   struct snapi_error *e);
void snapi_conf_drop(struct snapi_conf *c, unsigned int at);
/* Replaces the file, at once and for good. */
snap_status snapi_conf_write(const struct snapi_conf *c, int lock, struct snapi_error *e);

/* live.c: stores in files that are there now, and whose they are */
struct snapi_live {
	uint64_t		id;
	bool			created;	/* a set that uses it is */
	uint64_t		created_ns;	/* the newest of them */
	uint64_t		size, used;
	char			directory[256];	/* of the first file; "" if it is not known */
	dev_t			dir_dev;
	ino_t			dir_ino;
	dev_t			*members;	/* of all sets that use it, each snapshot's */
	unsigned int		nr_members;
	uint64_t		bytes;		/* of these */
};

struct snapi_lives {
	struct snapi_live	*v;
	unsigned int		nr;
	struct snapi_blks	origins;	/* all that have snapshots, whatever their store */
};

/* The error is in @e. */
snap_status snapi_lives_get(struct snap_session *s, struct snapi_lives *l,
			    struct snapi_error *e);
void snapi_lives_free(struct snapi_lives *l);
/* NULL: it is not of files, or there is none. */
struct snapi_live *snapi_live_find(const struct snapi_lives *l, uint64_t id);
/* Finds the devices of the lines. */
void snapi_conf_resolve(struct snapi_conf *c);
/* The line of @dev, that of "*" if @dev is 0; -1: none. */
int snapi_conf_of(const struct snapi_conf *c, dev_t dev);
/*
 * The line by which a set of these members has a store in that directory: that of the first
 * member that has one with the directory, else that of "*"; -1: none. With @any whatever
 * its directory.
 */
int snapi_conf_owner(const struct snapi_conf *c, const dev_t *members, unsigned int nr,
		     dev_t dir_dev, ino_t dir_ino, bool any);
/* What the stores of the line have allocated and use, and how many they are. */
void snapi_conf_sum(const struct snapi_conf *c, unsigned int at, const struct snapi_lives *l,
		    uint64_t *allocated, uint64_t *used, unsigned int *stores);
/* In bytes; @dflt: what zeros stand for. */
uint64_t snapi_amount_bytes(const struct snapi_amount *a, const char *directory, uint64_t dflt);

/* place.c: where a store lies if nobody says so */
#define SNAPI_PLACE	".snapset"	/* in the root of a file system */

struct snapi_place {
	enum snap_place	place;
	char		directory[4096];
	uint64_t	bytes;		/* 0: memory, or what is shared */
	uint64_t	share;		/* the id of that store, else 0 */
	bool		ours;		/* the directory is to be made */
	bool		firm;		/* if it cannot be there it is nowhere */
	char		text[256];	/* why there */
};

struct snapi_places {
	struct snapi_place	*v;	/* the best first, memory last */
	unsigned int		nr;
	char			refused[256];	/* what was said of the first that was tried in vain */
};

/* A file system, or a directory on it, for who looks for a place. */
struct snapi_site {
	char		directory[4096];
	uint64_t	all, avail;	/* bytes */
	bool		member;		/* it lies on one of the volumes */
	bool		closed;		/* it lies on what has snapshots, or is ... */
	bool		stacked;	/* ... above or below a volume */
};

struct snapi_search {
	struct snapi_volume	vol[SNAPSET_MAX_MEMBERS];
	dev_t			dev[SNAPSET_MAX_MEMBERS];
	unsigned int		nr;
	uint64_t		bytes;		/* of the volumes */
	struct snapi_conf	conf;
	struct snapi_lives	lives;
	struct snapi_site	*sites;
	unsigned int		nr_sites;
};

/* Looks at a directory; 0: @site is filled; 1: nothing can be there; -errno. */
int snapi_site_look(const struct snapi_search *x, const char *directory,
		    struct snapi_site *site);
/* Finds the file systems that may hold stores. -errno. */
int snapi_sites_find(struct snapi_search *x);
/* The roomiest that has not been @used and has room for twice @need; -1: none. */
int snapi_sites_roomiest(const struct snapi_site *sites, unsigned int nr, bool member,
			 uint64_t need, const bool *used);
/* The directory there that is ours. */
void snapi_site_own(const struct snapi_site *site, char directory[4096]);
void snapi_search_free(struct snapi_search *x);

/* The least and the usual size of a store for volumes of so many bytes together. */
uint64_t snapi_place_need(uint64_t volumes);
uint64_t snapi_place_usual(uint64_t volumes, uint64_t avail);
/* Adds what of @sites has room, those on the volumes first. Adds nothing for memory. */
int snapi_places_rank(struct snapi_places *p, const struct snapi_site *sites, unsigned int nr,
		      uint64_t volumes);
/* The error is in @e. */
snap_status snapi_places_find(struct snap_session *s, const char *const *volumes,
			      unsigned int n, struct snapi_places *p, struct snapi_error *e);
void snapi_places_free(struct snapi_places *p);

/* memory.c: why none of @sites is a place, so that it is memory. */
void snapi_memory_why(const struct snapi_site *sites, unsigned int nr, uint64_t volumes,
		      char text[256]);

/*
 * ourdir.c: the directory of a store. One called SNAPI_PLACE must be ours alone, and no
 * link: -EPERM if it is not. Other names are the user's, who may mean links.
 */
/* A descriptor, or -errno. */
int snapi_dir_open(const char *path);
/* Makes it, if it is not there; one called SNAPI_PLACE. 0, or -errno. */
int snapi_dir_make(const char *path);
/* Its absolute name; NULL: errno. */
char *snapi_dir_real(const char *path);

#endif /* LIBSNAP_STORAGE_H */
