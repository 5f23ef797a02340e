// SPDX-License-Identifier: GPL-2.0
#include <linux/blkdev.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/fsnotify.h>
#include <linux/mm.h>
#include <linux/namei.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/shmem_fs.h>
#include <linux/stat.h>
#include <linux/statfs.h>

/*
 * Whether a file system may be entered from here. Somebody's process has limits
 * and rights of its own (RLIMIT_FSIZE, a security label), which are not the
 * disk's. Within a transaction of one file system none of another may begin. And
 * what is submitted below submit_bio() starts only when it returns, so nothing
 * may wait for that.
 */
bool stmf_helper_may_enter_fs(void)
{
	return (current->flags & PF_KTHREAD) && !current->journal_info &&
	       !current->bio_list;
}

/* The file type bits (S_IFMT) of what a path leads to, or an error. */
int stmf_helper_path_type(const char *name)
{
	struct path path;
	int type;

	type = kern_path(name, LOOKUP_FOLLOW, &path);
	if (type)
		return type;
	type = d_backing_inode(path.dentry)->i_mode & S_IFMT;
	path_put(&path);
	return type;
}

struct inode *stmf_helper_file_inode(struct file *file)
{
	return file_inode(file);
}

/* Whether the file is a regular one that can be read, and written if it was opened for that. */
bool stmf_helper_file_is_usable(struct file *file)
{
	return S_ISREG(file_inode(file)->i_mode) && file->f_op->read_iter &&
	       (file->f_op->write_iter || !(file->f_mode & FMODE_WRITE));
}

bool stmf_helper_file_is_block_device(struct file *file)
{
	return S_ISBLK(file_inode(file)->i_mode);
}

/* Drops what the page cache has of a block device, as far as it is clean. */
void stmf_helper_file_forget(struct file *file)
{
	if (S_ISBLK(file_inode(file)->i_mode))
		invalidate_bdev(file_bdev(file));
}

bool stmf_helper_file_nowait(struct file *file)
{
	return file->f_mode & FMODE_NOWAIT;
}

/*
 * Reads leave the file's access time as it is: to note it a file system waits for
 * its journal, IOCB_NOWAIT or not.
 */
void stmf_helper_file_set_noatime(struct file *file)
{
	spin_lock(&file->f_lock);
	file->f_flags |= O_NOATIME;
	spin_unlock(&file->f_lock);
}

int stmf_helper_file_size(struct file *file, loff_t *size)
{
	struct kstat stat;
	int error;

	error = vfs_getattr(&file->f_path, &stat, STATX_SIZE, 0);
	if (!error)
		*size = stat.size;
	return error;
}

/* On a network somebody else may know better. */
loff_t stmf_helper_file_known_size(struct file *file)
{
	return i_size_read(file_inode(file));
}

/*
 * Where a file is among the errors that its page cache had: nobody's being told
 * of one changes what somebody else is told.
 */
unsigned int stmf_helper_file_errors(struct file *file)
{
	return filemap_sample_wb_err(file->f_mapping);
}

int stmf_helper_file_failed_since(struct file *file, unsigned int errors)
{
	return filemap_check_wb_err(file->f_mapping, errors);
}

unsigned int stmf_helper_file_block_size(struct file *file)
{
	return i_blocksize(file_inode(file));
}

/* The device below the file system, if it is on one. */
struct block_device *stmf_helper_file_bdev(struct file *file)
{
	return file_inode(file)->i_sb->s_bdev;
}

int stmf_helper_file_truncate(struct file *file, loff_t size)
{
	return vfs_truncate(&file->f_path, size);
}

/*
 * The alignment that direct I/O asks of offsets, lengths and memory; zero when
 * the file can't do direct I/O.
 */
unsigned int stmf_helper_file_dio_align(struct file *file)
{
	struct super_block *sb = file_inode(file)->i_sb;
	struct kstat stat;

	if (!(file->f_mode & FMODE_CAN_ODIRECT))
		return 0;
	if (!vfs_getattr(&file->f_path, &stat, STATX_DIOALIGN, 0) &&
	    (stat.result_mask & STATX_DIOALIGN))
		return max(stat.dio_offset_align, stat.dio_mem_align);
	/* Most file systems don't say: theirs is that of the device below. */
	if (sb->s_bdev)
		return max(bdev_logical_block_size(sb->s_bdev),
			   bdev_dma_alignment(sb->s_bdev) + 1);
	return SECTOR_SIZE;
}

void stmf_helper_kiocb_init(struct kiocb *iocb, struct file *file, loff_t pos,
			    bool write, bool direct, bool dsync, bool nowait)
{
	*iocb = (struct kiocb) {
		.ki_filp = file,
		.ki_pos = pos,
		.ki_flags = (write ? IOCB_WRITE : 0) |
			    (direct ? IOCB_DIRECT : 0) |
			    (dsync ? IOCB_DSYNC : 0) |
			    (nowait ? IOCB_NOWAIT : 0),
	};
}

/*
 * vfs_iocb_iter_read() in a NOIO scope: the initiator may be this machine, and
 * its memory reclaim wait for us.
 */
ssize_t stmf_helper_kiocb_read(struct kiocb *iocb, struct iov_iter *iter)
{
	unsigned int flags = memalloc_noio_save();
	ssize_t ret = vfs_iocb_iter_read(iocb->ki_filp, iocb, iter);

	memalloc_noio_restore(flags);
	return ret;
}

/*
 * vfs_iocb_iter_write() in a NOIO scope, throttled for the dirty pages of this
 * device alone: the others may be those that the initiator writes out to us.
 * With IOCB_NOWAIT it doesn't wait for a frozen file system to thaw either.
 * When it returns -EIOCBQUEUED the completion calls kiocb_end_write().
 */
ssize_t stmf_helper_kiocb_write(struct kiocb *iocb, struct iov_iter *iter)
{
	struct file *file = iocb->ki_filp;
	struct super_block *sb = file_inode(file)->i_sb;
	unsigned int flags, noio;
	ssize_t ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = rw_verify_area(WRITE, file, &iocb->ki_pos, iov_iter_count(iter));
	if (ret < 0)
		return ret;
	if (!(iocb->ki_flags & IOCB_NOWAIT)) {
		kiocb_start_write(iocb);
	} else {
		if (!sb_start_write_trylock(sb))
			return -EAGAIN;
		__sb_writers_release(sb, SB_FREEZE_WRITE);
	}
	noio = memalloc_noio_save();
	flags = current->flags;
	current->flags |= PF_LOCAL_THROTTLE;
	ret = file->f_op->write_iter(iocb, iter);
	current_restore_flags(flags, PF_LOCAL_THROTTLE);
	memalloc_noio_restore(noio);
	if (ret != -EIOCBQUEUED)
		kiocb_end_write(iocb);
	if (ret > 0)
		fsnotify_modify(file);
	return ret;
}

void stmf_helper_kiocb_end_write(struct kiocb *iocb)
{
	kiocb_end_write(iocb);
}

/* What fallocate() is to do with a range; the file keeps its size. */
static int file_range(struct file *file, int mode, loff_t pos, loff_t len)
{
	unsigned int noio = memalloc_noio_save();
	int error = vfs_fallocate(file, mode | FALLOC_FL_KEEP_SIZE, pos, len);

	memalloc_noio_restore(noio);
	return error;
}

/* Makes a hole, which reads as zeros. */
int stmf_helper_file_punch(struct file *file, loff_t pos, loff_t len)
{
	return file_range(file, FALLOC_FL_PUNCH_HOLE, pos, len);
}

/* Makes the range read as zeros, and keeps its space. */
int stmf_helper_file_zero(struct file *file, loff_t pos, loff_t len)
{
	return file_range(file, FALLOC_FL_ZERO_RANGE, pos, len);
}

/*
 * Flushes the whole file in a NOIO scope: what the file system allocates for it
 * may not wait for reclaim, which may wait for this flush. Data-only: the size
 * and what else is needed to read the data back is written too.
 */
int stmf_helper_file_flush(struct file *file)
{
	unsigned int noio = memalloc_noio_save();
	int error = vfs_fsync_range(file, 0, LLONG_MAX, 1);

	memalloc_noio_restore(noio);
	return error;
}

/* Gives space to all of the file up to a length that has none yet. */
int stmf_helper_file_allocate(struct file *file, loff_t len)
{
	return file_range(file, 0, 0, len);
}

/* What the file takes, and what its file system has in all and free for anybody, in bytes. */
int stmf_helper_file_space(struct file *file, u64 *used, u64 *total, u64 *available)
{
	struct kstatfs stat;
	struct kstat of_file;
	int error;

	error = vfs_statfs(&file->f_path, &stat);
	if (error)
		return error;
	/* A file system above others has no count in its own inode. */
	error = vfs_getattr(&file->f_path, &of_file, STATX_BLOCKS,
			    AT_STATX_SYNC_AS_STAT);
	if (error)
		return error;
	*used = of_file.blocks << SECTOR_SHIFT;
	*total = stat.f_blocks * stat.f_frsize;
	*available = stat.f_bavail * stat.f_frsize;
	return 0;
}

/*
 * A file without a name, in memory that it takes when it is written to. Where
 * there is none the write fails, rather than that the OOM killer ends somebody.
 */
struct file *stmf_helper_memory_file(loff_t size)
{
	struct file *file;

	file = shmem_kernel_file_setup("stmf", size,
				       mk_vma_flags(VMA_NORESERVE_BIT));
	if (!IS_ERR(file))
		mapping_set_gfp_mask(file->f_mapping,
				     mapping_gfp_mask(file->f_mapping) |
				     __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	return file;
}

/* The memory of this machine, in bytes. */
u64 stmf_helper_memory_total(void)
{
	return (u64)totalram_pages() << PAGE_SHIFT;
}

/* Reads up to the end of the file or of the buffer; returns how much. */
ssize_t stmf_helper_file_read(struct file *file, void *buf, size_t len, loff_t pos)
{
	size_t done = 0;

	while (done < len) {
		ssize_t ret = kernel_read(file, buf + done, len - done, &pos);

		if (ret < 0)
			return ret;
		if (!ret)
			break;
		done += ret;
	}
	return done;
}

/*
 * Writes all of the buffer and waits until it has left the page cache, in a NOIO
 * scope as all else that initiators may wait for.
 */
int stmf_helper_file_write(struct file *file, const void *buf, size_t len, loff_t pos)
{
	const loff_t start = pos;
	unsigned int noio;
	ssize_t ret = 1;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	noio = memalloc_noio_save();
	while (len && ret > 0) {
		ret = kernel_write(file, buf, len, &pos);
		if (ret > 0) {
			buf += ret;
			len -= ret;
		}
	}
	if (ret >= 0)
		ret = len ? -EIO : file_write_and_wait_range(file, start, pos - 1);
	memalloc_noio_restore(noio);
	return ret;
}
