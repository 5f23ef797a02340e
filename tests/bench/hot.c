// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin of QEMU's that counts the instructions that a guest executes, by the address of the block
 * they are in. tests/bench/mark.c says in the guest from when to when; each time the counts are written
 * to a file of their own, OUT.0, OUT.1 and so on:
 *
 *     qemu-system-x86_64 ... -plugin hot.so,out=OUT
 *
 * For one CPU. What programs execute is counted at address 0.
 *
 * Distributions have no header for plugins. These are the declarations that are used here, of version 4
 * of the interface, which came with QEMU 10.0.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "mark.h"

#define EXPORT __attribute__((visibility("default")))

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_scoreboard;

typedef struct {
	struct qemu_plugin_scoreboard *score;
	size_t offset;
} qemu_plugin_u64;

enum { ADD_U64 = 0 };
enum { NO_REGS = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
					   void (*translated)(uint64_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(struct qemu_plugin_tb *tb, int op,
						       qemu_plugin_u64 entry, uint64_t imm);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*executed)(unsigned int cpu, void *data),
					    int flags, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *data, size_t len);
struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t size);
void *qemu_plugin_scoreboard_find(struct qemu_plugin_scoreboard *score, unsigned int cpu);

EXPORT int qemu_plugin_version = 4;

/* A hash table of addresses; each has the counter of the same number. The first is for programs. */
#define PLACES (1u << 20)
#define KERNEL (1ull << 63)
static uint64_t addresses[PLACES];
static struct qemu_plugin_scoreboard *counters;
static const char *out = "hot";
static unsigned int written;

static size_t place_of(uint64_t address)
{
	size_t place, tries;

	if (!(address & KERNEL))
		return 0;
	place = (address * 0x9e3779b97f4a7c15ull) >> 44;
	for (tries = 0; tries < PLACES; tries++, place = (place + 1) % PLACES) {
		if (!place)
			continue;
		if (!addresses[place])
			addresses[place] = address;
		if (addresses[place] == address)
			return place;
	}
	return 0;
}

static void start(unsigned int cpu, void *data)
{
	(void)data;
	memset(qemu_plugin_scoreboard_find(counters, cpu), 0, PLACES * sizeof(uint64_t));
}

static void stop(unsigned int cpu, void *data)
{
	uint64_t *counts = qemu_plugin_scoreboard_find(counters, cpu);
	char name[4096];
	size_t place;
	FILE *file;

	(void)data;
	snprintf(name, sizeof(name), "%s.%u", out, written++);
	file = fopen(name, "w");
	if (!file) {
		perror(name);
		return;
	}
	for (place = 0; place < PLACES; place++)
		if (counts[place])
			fprintf(file, "%llx %llu\n", (unsigned long long)addresses[place],
				(unsigned long long)counts[place]);
	if (fclose(file))
		perror(name);
}

static void look_for_mark(struct qemu_plugin_insn *insn)
{
	static const uint8_t nopl[] = { 0x0f, 0x1f, 0x80 };
	uint8_t bytes[sizeof(nopl) + sizeof(uint32_t)];
	uint32_t mark;

	if (qemu_plugin_insn_data(insn, bytes, sizeof(bytes)) != sizeof(bytes))
		return;
	if (memcmp(bytes, nopl, sizeof(nopl)))
		return;
	memcpy(&mark, bytes + sizeof(nopl), sizeof(mark));
	if (mark == MARK_START)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, start, NO_REGS, NULL);
	else if (mark == MARK_STOP)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, stop, NO_REGS, NULL);
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t count = qemu_plugin_tb_n_insns(tb), n;
	uint64_t address = qemu_plugin_tb_vaddr(tb);
	qemu_plugin_u64 counter = { counters, place_of(address) * sizeof(uint64_t) };

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb, ADD_U64, counter, count);
	if (address & KERNEL)
		return;
	for (n = 0; n < count; n++)
		look_for_mark(qemu_plugin_tb_get_insn(tb, n));
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	int n;

	(void)info;
	for (n = 0; n < argc; n++) {
		if (strncmp(argv[n], "out=", 4)) {
			fprintf(stderr, "hot: no option is called %s\n", argv[n]);
			return -1;
		}
		out = argv[n] + 4;
	}
	counters = qemu_plugin_scoreboard_new(PLACES * sizeof(uint64_t));
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
