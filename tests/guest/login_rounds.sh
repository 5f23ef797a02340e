#!/usr/bin/env bash
# A hundred logins and logouts leave no memory, thread or session behind.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 400
. "$COMSTAR_TOP/tests/target.sh"

serve
ROUNDS=100
LIMIT_KB=4096
# KASAN keeps freed memory for a while, kmemleak and debugobjects have notes of their own.
[ ! -e /sys/kernel/debug/kmemleak ] || LIMIT_KB=16384
target=$(target_name disk)
make_target "$target"
file_lu disk 16M 0
login "$target"
disk_of "$target" 0 >/dev/null

round() {
	iscsiadm -m node -T "$target" -p 127.0.0.1:3260 --logout >/dev/null
	iscsiadm -m node -T "$target" -p 127.0.0.1:3260 --login >/dev/null
}

# Unreclaimable slab, page tables and kernel stacks, in KiB, when things have settled.
kernel_memory() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	sleep 2
	awk '/^(SUnreclaim|KernelStack|PageTables|VmallocUsed):/ { sum += $2 } END { print sum }' \
		/proc/meminfo
}

threads() { pgrep -c '^iscsit' || true; }

for _ in $(seq 10); do round; done
memory=$(kernel_memory)
count=$(threads)
for _ in $(seq "$ROUNDS"); do round; done
now=$(kernel_memory)
echo "    kernel memory: $memory KiB before, $now KiB after $ROUNDS rounds"
[ $((now - memory)) -le "$LIMIT_KB" ] ||
	fail "expected at most $LIMIT_KB KiB more after $ROUNDS rounds, got $((now - memory))"
expect "$count" "$(threads)" "threads of the port"
expect 1 "$(sessions_of "$target")" "sessions"
tried "$ROUNDS" "a logout and a login; memory and threads are counted"
