#!/usr/bin/env bash
# Transfers of every size around the negotiated limits arrive whole, both ways.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 420
. "$COMSTAR_TOP/tests/target.sh"

serve
FIRST=65536
BURST=262144
target=$(target_name disk)
make_target "$target"
file_lu disk 64M 0
portal=127.0.0.1:3260
iscsiadm -m discovery -t sendtargets -p "$portal" >/dev/null
at_exit "iscsiadm -m node -o delete"
head -c 8M /dev/urandom >"$WORK/pattern"

# set_parameter NAME VALUE
set_parameter() {
	iscsiadm -m node -T "$target" -p "$portal" -o update -n "node.session.iscsi.$1" -v "$2"
}

# transfer DISK BYTES: writes, reads back, compares.
transfer() {
	head -c "$2" "$WORK/pattern" >"$WORK/out"
	dd if="$WORK/out" of="$1" bs="$2" count=1 oflag=direct status=none
	dd if="$1" of="$WORK/in" bs="$2" count=1 iflag=direct status=none
	cmp "$WORK/out" "$WORK/in" || fail "$2 bytes: expected to read what was written"
}

sizes=(512 4096
	$((FIRST - 512)) "$FIRST" $((FIRST + 512))
	$((BURST - 512)) "$BURST" $((BURST + 512))
	$((2 * BURST + 512)) $((8 * 1024 * 1024)))

for initial_r2t in Yes No; do
	for immediate in Yes No; do
		step "InitialR2T=$initial_r2t ImmediateData=$immediate"
		set_parameter InitialR2T "$initial_r2t"
		set_parameter ImmediateData "$immediate"
		set_parameter FirstBurstLength "$FIRST"
		set_parameter MaxBurstLength "$BURST"
		iscsiadm -m node -T "$target" -p "$portal" --login >/dev/null
		disk=$(disk_of "$target" 0)
		queue=/sys/block/${disk##*/}/queue
		cat "$queue/max_hw_sectors_kb" >"$queue/max_sectors_kb"
		for size in "${sizes[@]}"; do
			transfer "$disk" "$size"
		done
		# No data at all: READ(10) and WRITE(10) of no blocks.
		sg_raw "$disk" 28 00 00 00 00 00 00 00 00 00 2>/dev/null ||
			fail "expected READ(10) of no blocks to succeed"
		sg_raw "$disk" 2a 00 00 00 00 00 00 00 00 00 2>/dev/null ||
			fail "expected WRITE(10) of no blocks to succeed"
		iscsiadm -m node -T "$target" -p "$portal" --logout >/dev/null
	done
done
