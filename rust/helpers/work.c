// SPDX-License-Identifier: GPL-2.0
#include <linux/workqueue.h>

void stmf_helper_init_work(struct work_struct *work, work_func_t func)
{
	INIT_WORK(work, func);
}
