// SPDX-License-Identifier: GPL-2.0
#include <linux/wait.h>

void stmf_helper_init_waitqueue_head(struct wait_queue_head *head)
{
	init_waitqueue_head(head);
}

void stmf_helper_wake_up_all(struct wait_queue_head *head)
{
	wake_up_all(head);
}
