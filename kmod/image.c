// SPDX-License-Identifier: GPL-2.0-only
/*
 * The image's disk: life, openers, names. Its reads are in image-read.c.
 *
 * References: one of its maker, one of each opener. A forced delete leaves the disk
 * to those who have it open, and they read EIO: removed under them it would have
 * size 0, and who copies it to its end would take a short copy for a whole one.
 * The last of them to close has it removed.
 */
#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "counters.h"
#include "cow.h"
#include "fault.h"
#include "image.h"
#include "image-read.h"
#include "origin.h"
#include "set.h"

/*
 * Added to openers when nobody may open it any more, with one for ourselves: who
 * brings the sum down to just this is the last.
 */
#define GONE	(INT_MIN / 2)
#define MINORS	(1 << MINORBITS)

struct snapset_image {
	struct gendisk *disk;
	struct snapset_cow __rcu *cow;	/* NULL: every read fails */
	struct snapset_image_label label;
	refcount_t refs;
	atomic_t openers;
	int minor;
	bool published;
	struct work_struct destroy;
	bool destroyed;
};

static int major;
static DEFINE_IDA(minors);

static void image_put(struct snapset_image *image);

/* Nobody has it open nor will. */
static void destroy(struct snapset_image *image)
{
	if (image->published)
		snapset_disk_del(image->disk);
	snapset_disk_free(image->disk, image->published);
	image_put(image);
}

static void destroy_work(struct work_struct *work)
{
	destroy(container_of(work, struct snapset_image, destroy));
}

static void image_put(struct snapset_image *image)
{
	if (!refcount_dec_and_test(&image->refs))
		return;
	ida_free(&minors, image->minor);	/* not before the last opener has gone */
	kfree(image);
	snapset_gone(SNAPSET_OBJ_IMAGE);
}

/*
 * The caller has a reference, or is an open in vain, whose disk cannot go yet: after the
 * decrement another one may be the last, and have the image destroyed.
 */
static bool last_left(struct snapset_image *image)
{
	if (atomic_dec_return(&image->openers) != GONE)
		return false;
	snapset_fault_atomic("image-last");
	return !xchg(&image->destroyed, true);	/* once: an open in vain passes here as well */
}

static void opener_left(struct snapset_image *image)
{
	/* not here: the disk cannot be removed from within its own methods */
	if (last_left(image))
		queue_work(snapset_set_wq, &image->destroy);
}

static int image_open(struct gendisk *disk, bool write)
{
	struct snapset_image *image = disk->private_data;
	int err = 0;

	if (write)
		return -EROFS;
	rcu_read_lock();	/* the image, if the disk is up */
	if (!snapset_disk_up(disk)) {
		err = -ENXIO;
	} else if (atomic_inc_return(&image->openers) <= 0) {
		opener_left(image);
		err = -ENXIO;
	} else {
		refcount_inc(&image->refs);
	}
	rcu_read_unlock();
	return err;
}

static void image_release(struct gendisk *disk)
{
	struct snapset_image *image = disk->private_data;

	opener_left(image);
	image_put(image);
}

static void image_submit(struct bio *bio)
{
	struct snapset_image *image = snapset_disk_of(bio)->private_data;
	struct snapset_cow *cow;

	rcu_read_lock();
	cow = rcu_dereference(image->cow);
	if (cow)
		snapset_cow_get(cow);
	rcu_read_unlock();
	if (cow)
		snapset_image_read(cow, bio);	/* takes the reference */
	else
		bio_io_error(bio);
}

SNAPSET_DISK_OPEN(fops_open, image_open)
SNAPSET_DISK_RELEASE(fops_release, image_release)
SNAPSET_DISK_SUBMIT(fops_submit, image_submit)

static const struct block_device_operations image_fops = {
	.owner = THIS_MODULE,
	.open = fops_open,
	.release = fops_release,
	.submit_bio = fops_submit,
};

bool snapset_image_is(const struct gendisk *disk)
{
	return disk->fops == &image_fops;
}

static struct snapset_image_label *label_of(struct device *dev)
{
	struct snapset_image *image = dev_to_disk(dev)->private_data;

	return &image->label;
}

static ssize_t id_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%pUb\n", label_of(dev)->id.b);
}

static ssize_t set_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%pUb\n", label_of(dev)->set_id.b);
}

static ssize_t name_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", label_of(dev)->name);
}

static DEVICE_ATTR_RO(id);
static DEVICE_ATTR_RO(set);
static DEVICE_ATTR_RO(name);

static struct attribute *image_attrs[] = {
	&dev_attr_id.attr,
	&dev_attr_set.attr,
	&dev_attr_name.attr,
	NULL,
};

static const struct attribute_group image_group = {
	.name = "snapset",
	.attrs = image_attrs,
};

/*
 * What looks for disks by what is on them must not find a copy. libblkid reads a device unless
 * this says that it is an internal part of a volume of LVM, whatever kind of device it is;
 * nothing else that is known takes a device for device-mapper's by this file
 * (Documentation/overview.rst, "What others notice").
 */
static bool hide_images = true;
module_param(hide_images, bool, 0644);
MODULE_PARM_DESC(hide_images, "images are left out by scans of libblkid: blkid, findfs, btrfs device scan");

static ssize_t uuid_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "LVM-%pUb-snapset\n", label_of(dev)->id.b);
}

static DEVICE_ATTR_RO(uuid);

static struct attribute *hidden_attrs[] = { &dev_attr_uuid.attr, NULL };

static const struct attribute_group hidden_group = {
	.name = "dm",
	.attrs = hidden_attrs,
};

static const struct attribute_group *shown_groups[] = { &image_group, NULL };
static const struct attribute_group *hidden_groups[] = { &image_group, &hidden_group, NULL };

struct snapset_image *snapset_image_new(struct snapset_cow *cow,
					unsigned int block_size,
					const struct snapset_image_label *label)
{
	struct snapset_image *image = snapset_may_fail(kzalloc(sizeof(*image), GFP_KERNEL));
	bool rotational;
	int err;

	if (!image)
		return ERR_PTR(-ENOMEM);
	image->label = *label;
	refcount_set(&image->refs, 1);
	INIT_WORK(&image->destroy, destroy_work);
	image->minor = snapset_may_err(ida_alloc_max(&minors, MINORS - 1, GFP_KERNEL));
	if (image->minor < 0) {
		err = image->minor;
		goto free;
	}
	rotational = bdev_rot(cow->origin->bdev.bdev);
	image->disk = snapset_may_fail(snapset_disk_alloc(block_size, rotational)) ?:
		      ERR_PTR(-ENOMEM);
	if (IS_ERR(image->disk)) {
		err = PTR_ERR(image->disk);
		goto free_minor;
	}
	image->disk->major = major;
	image->disk->first_minor = image->minor;
	image->disk->minors = 1;
	image->disk->flags |= GENHD_FL_NO_PART;
	image->disk->fops = &image_fops;
	image->disk->private_data = image;
	snprintf(image->disk->disk_name, DISK_NAME_LEN, "snapset%d",
		 image->minor);
	set_capacity(image->disk, cow->sectors);
	set_disk_ro(image->disk, true);
	rcu_assign_pointer(image->cow, cow);
	snapset_made(SNAPSET_OBJ_IMAGE);
	return image;

free_minor:
	ida_free(&minors, image->minor);
free:
	kfree(image);
	return ERR_PTR(err);
}

int snapset_image_publish(struct snapset_image *image)
{
	int err = snapset_fault("image-add") ?:
		  snapset_disk_add(image->disk,
				   READ_ONCE(hide_images) ? hidden_groups : shown_groups);

	image->published = !err;
	return err;
}

bool snapset_image_unpublish(struct snapset_image *image, bool force)
{
	if (!image->published)
		return true;
	if (!force && atomic_cmpxchg(&image->openers, 0, GONE + 1) != 0)
		return false;
	if (force)
		atomic_add(GONE + 1, &image->openers);
	return true;
}

void snapset_image_republish(struct snapset_image *image)
{
	if (image->published)
		atomic_sub(GONE + 1, &image->openers);
}

void snapset_image_free(struct snapset_image *image)
{
	if (!image)
		return;
	rcu_assign_pointer(image->cow, NULL);
	synchronize_rcu_expedited();
	/* a set that failed while its images were shown was never closed to openers */
	if (image->published && atomic_read(&image->openers) >= 0)
		snapset_image_unpublish(image, true);
	refcount_inc(&image->refs);	/* the maker's own goes with the disk: last_left() */
	if (!image->published || last_left(image))
		destroy(image);
	image_put(image);
}

u32 snapset_image_openers(const struct snapset_image *image)
{
	int n = atomic_read(&image->openers);

	return n < 0 ? n - GONE - 1 : n;
}

dev_t snapset_image_dev(const struct snapset_image *image)
{
	return MKDEV(major, image->minor);
}

const char *snapset_image_name(const struct snapset_image *image)
{
	return image->disk->disk_name;
}

int snapset_image_init(void)
{
	int err;

	major = register_blkdev(0, "snapset");
	if (major < 0)
		return major;
	err = snapset_image_read_init();
	if (err)
		unregister_blkdev(major, "snapset");
	return err;
}

void snapset_image_exit(void)
{
	snapset_image_read_exit();
	unregister_blkdev(major, "snapset");
	ida_destroy(&minors);
}
