// SPDX-License-Identifier: GPL-2.0

#include <linux/rcupdate.h>

/* A macro where no thread is preempted in the kernel. */
void stmf_helper_synchronize_rcu_tasks(void)
{
	synchronize_rcu_tasks();
}
