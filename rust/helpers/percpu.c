// SPDX-License-Identifier: GPL-2.0
#include <linux/irqflags.h>
#include <linux/smp.h>

unsigned long stmf_helper_local_irq_save(void)
{
	unsigned long flags;

	local_irq_save(flags);
	return flags;
}

void stmf_helper_local_irq_restore(unsigned long flags)
{
	local_irq_restore(flags);
}

unsigned int stmf_helper_smp_processor_id(void)
{
	return smp_processor_id();
}
