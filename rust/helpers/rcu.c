// SPDX-License-Identifier: GPL-2.0

#include <linux/rcupdate.h>

/*
 * Without RCU tasks it is synchronize_rcu(), which doesn't wait for threads that were preempted: all that there is to
 * wait for only where the kernel preempts none.
 */
#if defined(CONFIG_PREEMPTION) && !defined(CONFIG_TASKS_RCU)
#error "a kernel with CONFIG_PREEMPTION needs CONFIG_TASKS_RCU, which CONFIG_KPROBES, CONFIG_BPF_SYSCALL and tracers select"
#endif

void stmf_helper_synchronize_rcu_tasks(void)
{
	synchronize_rcu_tasks();
}
