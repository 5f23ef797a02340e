// SPDX-License-Identifier: GPL-2.0
#include <linux/xarray.h>

int stmf_helper_xa_insert(struct xarray *xa, unsigned long index, void *entry)
{
	return xa_insert(xa, index, entry, GFP_KERNEL);
}
