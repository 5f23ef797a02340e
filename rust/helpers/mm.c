// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/sched/mm.h>

void *stmf_helper_page_address(struct page *page)
{
	return page_address(page);
}

void stmf_helper_put_page(struct page *page)
{
	put_page(page);
}

/*
 * One chunk of a data page list. Above order 0 a try that neither reclaims nor
 * warns: a smaller chunk serves as well. A single page is tried hard for, but
 * nobody is killed for it: the command can come again. Reclaim may wait for the
 * command that this is for.
 */
struct page *stmf_helper_alloc_data_pages(unsigned int order, bool zeroed)
{
	gfp_t gfp = GFP_NOIO | __GFP_COMP | __GFP_NOWARN;

	if (order)
		gfp = (gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_NORETRY;
	else
		gfp |= __GFP_RETRY_MAYFAIL;
	if (zeroed)
		gfp |= __GFP_ZERO;
	return alloc_pages(gfp, order);
}

unsigned int stmf_helper_memalloc_noio_save(void)
{
	return memalloc_noio_save();
}

void stmf_helper_memalloc_noio_restore(unsigned int flags)
{
	memalloc_noio_restore(flags);
}
