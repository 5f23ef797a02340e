// SPDX-License-Identifier: GPL-2.0
#include <linux/blkdev.h>
#include <linux/fs_struct.h>
#include <linux/sched.h>

/*
 * Opens the block device at a path as the current process sees it. Kernel
 * threads see no files of their own accord: for them it is the path as the
 * first process sees it.
 */
struct file *stmf_helper_bdev_open(const char *path, blk_mode_t mode,
				   void *holder,
				   const struct blk_holder_ops *ops)
{
	struct file *file;

	if (!(current->flags & PF_KTHREAD))
		return bdev_file_open_by_path(path, mode, holder, ops);
	scoped_with_init_fs()
		file = bdev_file_open_by_path(path, mode, holder, ops);
	return file;
}

sector_t stmf_helper_bdev_nr_sectors(struct block_device *bdev)
{
	return bdev_nr_sectors(bdev);
}

unsigned int stmf_helper_bdev_logical_block_size(struct block_device *bdev)
{
	return bdev_logical_block_size(bdev);
}

unsigned int stmf_helper_bdev_physical_block_size(struct block_device *bdev)
{
	return bdev_physical_block_size(bdev);
}

unsigned int stmf_helper_bdev_io_min(struct block_device *bdev)
{
	return bdev_io_min(bdev);
}

unsigned int stmf_helper_bdev_io_opt(struct block_device *bdev)
{
	return bdev_io_opt(bdev);
}

unsigned int stmf_helper_bdev_max_sectors(struct block_device *bdev)
{
	return queue_max_sectors(bdev_get_queue(bdev));
}

bool stmf_helper_bdev_write_cache(struct block_device *bdev)
{
	return bdev_write_cache(bdev);
}

/*
 * A stacked device says that it has FUA whatever is below it: there a flush may
 * follow the write, on another queue.
 */
bool stmf_helper_bdev_fua(struct block_device *bdev)
{
	return bdev_fua(bdev) && queue_is_mq(bdev_get_queue(bdev));
}

bool stmf_helper_bdev_rot(struct block_device *bdev)
{
	return bdev_rot(bdev);
}

bool stmf_helper_bdev_nowait(struct block_device *bdev)
{
	return bdev_nowait(bdev);
}

bool stmf_helper_bdev_is_zoned(struct block_device *bdev)
{
	return bdev_is_zoned(bdev);
}

/* Whether the disk was removed: all I/O fails from then on. */
bool stmf_helper_bdev_is_dead(struct block_device *bdev)
{
	return test_bit(GD_DEAD, &bdev->bd_disk->state);
}

dev_t stmf_helper_bdev_number(struct block_device *bdev)
{
	return bdev->bd_dev;
}

/* The longest bios that the device takes without a split, in bytes; zero for what it can't do. */
unsigned int stmf_helper_bdev_max_discard(struct block_device *bdev)
{
	return min_t(u64, (u64)bdev_max_discard_sectors(bdev) << SECTOR_SHIFT,
		     BIO_MAX_SIZE);
}

unsigned int stmf_helper_bdev_max_write_zeroes(struct block_device *bdev)
{
	return min_t(u64, (u64)bdev_write_zeroes_sectors(bdev) << SECTOR_SHIFT,
		     BIO_MAX_SIZE);
}

unsigned int stmf_helper_bdev_discard_granularity(struct block_device *bdev)
{
	return bdev_discard_granularity(bdev);
}

unsigned int stmf_helper_bdev_atomic_write_unit_min(struct block_device *bdev)
{
	return bdev_atomic_write_unit_min_bytes(bdev);
}

unsigned int stmf_helper_bdev_atomic_write_unit_max(struct block_device *bdev)
{
	return bdev_atomic_write_unit_max_bytes(bdev);
}

/* What no atomic write may cross, zero for nothing. */
unsigned int stmf_helper_bdev_atomic_write_boundary(struct block_device *bdev)
{
	return queue_atomic_write_boundary_bytes(bdev_get_queue(bdev));
}

/* Whether zeros that are written without data give the space back. */
bool stmf_helper_bdev_write_zeroes_unmaps(struct block_device *bdev)
{
	return bdev_write_zeroes_unmap_sectors(bdev);
}

/*
 * The designator of the disk that a device is, or is on (SPC-5, Device
 * Identification VPD page): its type, shifted by eight, and its length; zero
 * when it has none.
 */
unsigned int stmf_helper_bdev_designator(struct block_device *bdev, u8 id[16])
{
	static const enum blk_unique_id types[] = {
		BLK_UID_NAA, BLK_UID_EUI64, BLK_UID_T10,
	};
	struct gendisk *disk = bdev->bd_disk;
	int i, len;

	if (!disk->fops->get_unique_id)
		return 0;
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		len = disk->fops->get_unique_id(disk, id, types[i]);
		if (len > 0)
			return types[i] << 8 | len;
	}
	return 0;
}

/* Where a partition begins; zero for a whole disk. */
sector_t stmf_helper_bdev_start(struct block_device *bdev)
{
	return get_start_sect(bdev);
}
