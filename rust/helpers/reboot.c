// SPDX-License-Identifier: GPL-2.0
#include <linux/container_of.h>
#include <linux/reboot.h>
#include <linux/slab.h>

struct stmf_last_deed {
	struct notifier_block block;
	void (*run)(void);
};

static int stmf_last_deed_run(struct notifier_block *block, unsigned long action, void *command)
{
	container_of(block, struct stmf_last_deed, block)->run();
	return NOTIFY_DONE;
}

/* Who has the higher priority comes first. NULL without memory. */
void *stmf_helper_last_deed_register(int priority, void (*run)(void))
{
	struct stmf_last_deed *deed = kzalloc(sizeof(*deed), GFP_KERNEL);

	if (!deed)
		return NULL;
	deed->block.notifier_call = stmf_last_deed_run;
	deed->block.priority = priority;
	deed->run = run;
	register_reboot_notifier(&deed->block);
	return deed;
}

void stmf_helper_last_deed_unregister(void *last_deed)
{
	struct stmf_last_deed *deed = last_deed;

	unregister_reboot_notifier(&deed->block);
	kfree(deed);
}
