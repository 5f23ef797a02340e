// SPDX-License-Identifier: GPL-2.0
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

/* For the rest of the calling thread's life. */
void stmf_helper_memalloc_noio(void)
{
	memalloc_noio_save();
}

/* Of a thread that doesn't sleep, RCU tasks would wait for ever else. */
void stmf_helper_cond_resched_tasks_rcu_qs(void)
{
	cond_resched_tasks_rcu_qs();
}
