// SPDX-License-Identifier: GPL-2.0
#include <linux/sched.h>
#include <linux/sched/mm.h>

/* For the rest of the calling thread's life. */
void stmf_helper_memalloc_noio(void)
{
	memalloc_noio_save();
}

void stmf_helper_cond_resched(void)
{
	cond_resched();
}
