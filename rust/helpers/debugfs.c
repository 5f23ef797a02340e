// SPDX-License-Identifier: GPL-2.0
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

static int stmf_debugfs_open(struct inode *inode, struct file *file)
{
	return single_open(file, inode->i_private, NULL);
}

/* The kernel crate's debugfs files name no owner: an open one outlives its module. */
static const struct file_operations stmf_debugfs_operations = {
	.owner = THIS_MODULE,
	.open = stmf_debugfs_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

struct dentry *stmf_helper_debugfs_dir(const char *name)
{
	return debugfs_create_dir(name, NULL);
}

void stmf_helper_debugfs_file(struct dentry *dir, const char *name,
			      int (*show)(struct seq_file *seq, void *unused))
{
	debugfs_create_file(name, 0400, dir, show, &stmf_debugfs_operations);
}

void stmf_helper_debugfs_remove(struct dentry *dentry)
{
	debugfs_remove(dentry);
}

void stmf_helper_seq_write(struct seq_file *seq, const void *bytes, size_t len)
{
	seq_write(seq, bytes, len);
}
