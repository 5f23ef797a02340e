/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instructions that do nothing, by which a guest tells hot.c when to count: nopl of %rax and a
 * displacement that no compiler would choose.
 */
#define MARK_START 0x73746f68
#define MARK_STOP 0x65746f68
