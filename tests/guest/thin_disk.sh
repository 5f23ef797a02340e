#!/usr/bin/env bash
# Space is given back: UNMAP and WRITE SAME reach files and devices, and the initiator finds both out.
# SPDX-License-Identifier: GPL-2.0
# also-over: loopback
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name disk)
make_target "$target"
file_lu file 64M 0
debug_disk dev_size_mb=64 lbpu=1 lbpws=1 lbprz=1 unmap_granularity=8
device_lu "$BACKING" 1
login "$target"
file=$(disk_of "$target" 0)
device=$(disk_of "$target" 1)

used() { stat -c %b "$WORK/file"; }

step "the initiator finds discard and write zeroes, with the backing device's granularity"
for disk in "$file" "$device"; do
	queue=/sys/block/${disk##*/}/queue
	[ "$(cat "$queue/discard_max_bytes")" -gt 0 ] || fail "$disk: expected discard"
	[ "$(cat "$queue/write_zeroes_max_bytes")" -gt 0 ] || fail "$disk: expected write zeroes"
done
expect "$(cat "/sys/block/${BACKING##*/}/queue/discard_granularity")" \
	"$(cat "/sys/block/${device##*/}/queue/discard_granularity")" "granularity"

cd "$WORK" # fio leaves files.
for disk in "$file" "$device"; do
	step "$disk: written, discarded, zeroed, checked"
	fio_verify "write${disk##*/}" "$disk" --rw=randwrite --bsrange=512-64k --size=24M --iodepth=8
	blkdiscard --offset 4M --length 4M "$disk"
	blkdiscard --zeroout --offset 8M --length 4M "$disk"
	cmp -n $((4 << 20)) -i $((8 << 20)):0 "$disk" /dev/zero || fail "$disk: expected zeros"
done
cmp -n $((4 << 20)) -i $((4 << 20)):0 "$file" /dev/zero || fail "expected holes to read as zeros"

step "a file gets holes, and tells where they are"
dd if=/dev/urandom of="$file" bs=1M count=16 oflag=direct status=none
before=$(used)
blkdiscard --offset 0 --length 8M "$file"
[ "$(used)" -le $((before - 15000)) ] || fail "expected 8 MiB less, got $before then $(used) sectors"
sg_get_lba_status --lba=0 --brief "$file" | tee "$WORK/status"
grep -qE '^0x0+ +0x4000 +1' "$WORK/status" || fail "expected 16384 deallocated blocks at 0"
