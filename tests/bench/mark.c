// SPDX-License-Identifier: GPL-2.0
/* `mark start` and `mark stop`: from when to when hot.c counts instructions. */
#include <stdio.h>
#include <string.h>

#include "mark.h"

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "start")) {
		__asm__ volatile("nopl %c0(%%rax)" : : "i"(MARK_START));
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "stop")) {
		__asm__ volatile("nopl %c0(%%rax)" : : "i"(MARK_STOP));
		return 0;
	}
	fprintf(stderr, "usage: mark start|stop\n");
	return 2;
}
