#!/usr/bin/env bash
# A file system that fills up: initiators are warned first, then told that there is no space; it works again when there is.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 600
# expect-log: (soft threshold|Sense Key|Add. Sense|FAILED Result|CDB|critical|I/O error|file system has only|No space)
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name thin)
make_target "$target"
stmfadm monitor --json >"$WORK/events" &
monitor=$!
at_exit "kill $monitor 2>/dev/null"

# property NAME: what list-lu -v says of it.
property() { stmfadm list-lu -v "$GUID" | sed -n "s/^    $1 *: //p"; }
warnings() { jq -c --arg lu "$GUID" 'select(.event == "space-low" and .lu == $lu)' "$WORK/events" | wc -l; }
# What the initiator was told.
told() { dmesg | grep -c 'LUN reached a thin provisioning soft threshold' || true; }
# warned BEFORE: there is one more warning than before.
warned() { [ "$(warnings)" = $(($1 + 1)) ]; }
# put MIB [COUNT]: writes so many MiB (one) that the disk had not.
put() { dd if=/dev/urandom of="$disk" bs=1M count="${2:-1}" seek="$1" oflag=direct conv=fsync status=none; }
# fill FROM TO: writes, slowly enough for the free space to be looked at.
fill() {
	local mib count
	for ((mib = $1; mib <= $2; mib += count)); do
		count=$(($2 - mib + 1))
		[ "$count" -le 8 ] || count=8
		put "$mib" "$count"
		sleep 1.2
	done
}

# own MIB: the initiator sets a threshold of so much in use, and LBPERE: pages 01h and 1Ch/02h.
own() {
	{
		printf '\0\0\0\0\x01\x0a\0\0\0\0\0\x80\0\0\0\0'
		printf '\x5c\x02\0\x1c\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\x81\x02\0\0'
		printf '%b' "$(printf '\\0\\0\\x%02x\\x%02x' $(($1 >> 8)) $(($1 & 255)))"
	} >"$WORK/list"
	sg_raw -s 48 -i "$WORK/list" "$disk" 15 10 00 00 30 00
}
told_more() {
	put 1
	[ "$(told)" = $(($1 + 1)) ]
}

for fs in ext4 xfs; do
	need_file_system "$fs"
	step "$fs: a disk larger than its file system"
	case $fs in
	ext4) size=96 ;;
	xfs) size=320 ;;
	esac
	truncate -s "${size}M" "$WORK/image"
	case $fs in
	ext4) mkfs.ext4 -q -F -m 0 "$WORK/image" ;;
	xfs) mkfs.xfs -q -f "$WORK/image" ;;
	esac
	mkdir -p "$WORK/mnt"
	mount -o loop "$WORK/image" "$WORK/mnt"
	at_exit "umount '$WORK/mnt' 2>/dev/null || true"
	if [ "$fs" = xfs ]; then
		# Leave as much as ext4 has.
		avail=$(df --output=avail -k "$WORK/mnt" | tail -n 1)
		fallocate -l $((avail - 80 * 1024))k "$WORK/mnt/filler"
	fi
	file_lu mnt/disk 512M 0 -p threshold=10%
	expect 10% "$(property 'Space Threshold')" "threshold"
	expect Enabled "$(property Thin)" "thin"
	login "$target"
	disk=$(disk_of "$target" 0)
	sg_vpd --page=lbpv "$disk" | tee "$WORK/vpd"
	grep -q 'Threshold exponent: 11' "$WORK/vpd" || fail "expected thresholds in units of 1 MiB"
	begin=$(warnings)

	step "$fs: below the threshold the initiator is warned, once, while writes still work"
	avail=$(($(df --output=avail -m "$WORK/mnt" | tail -n 1)))
	total=$(($(df --output=size -m "$WORK/mnt" | tail -n 1)))
	limit=$((total / 10))
	seen=$(told)
	fill 1 $((avail - limit - 8))
	sleep 2
	expect "$begin" "$(warnings)" "warnings with more than $limit MiB free"
	put 200
	fill $((avail - limit - 7)) $((avail - limit + 4))
	wait_for -t 10 warned "$begin"
	put 201 # Takes the unit attention.
	expect $((seen + 1)) "$(told)" "times that the initiator was told"

	step "$fs: without space a write is refused with SPACE ALLOCATION FAILED WRITE PROTECT"
	mib=210
	while put "$mib" 2>/dev/null; do
		mib=$((mib + 1))
		[ "$mib" -lt 400 ] || fail "expected the file system to be full by now"
	done
	# What is left is less than a MiB: block by block.
	if dd if=/dev/zero of="$disk" bs=4k count=512 seek=$((480 * 256)) oflag=direct status=none; then
		fail "expected less than 2 MiB to be left"
	fi
	expect "Space allocation failed write protect" \
		"$(ended sg_raw -s 4096 -i /dev/zero "$disk" 2a 00 00 0e 00 00 00 00 08 00)" "a write to a hole"
	put 1 || fail "expected a write to blocks that have space to work"
	expect "$((begin + 1))" "$(warnings)" "warnings, full"

	step "$fs: when there is space again, writes work, and the next time there is a warning again"
	blkdiscard --offset $((1 << 20)) --length $((48 << 20)) "$disk"
	sleep 2
	put "$mib" || fail "expected a write to work when there is space"
	expect ok "$(ended sg_raw -s 4096 -i /dev/zero "$disk" 2a 00 00 0e 00 00 00 00 08 00)" "a write to a hole"
	fill 1 44
	wait_for -t 10 warned $((begin + 1))

	step "$fs: the threshold can be changed, and switched off"
	put 1 # Takes the unit attention.
	stmfadm modify-lu -p threshold=0 "$GUID"
	expect "not set" "$(property 'Space Threshold')" "threshold"
	blkdiscard --offset $((20 << 20)) --length $((20 << 20)) "$disk"
	used=$(du -m "$WORK/mnt/disk" | cut -f1)
	seen=$(told)
	own $((used + 4))
	sleep 2
	put 1
	expect "$seen" "$(told)" "times that it was told, with less in use than its own threshold"
	put 20 8
	wait_for -t 10 told_more "$seen"
	expect "$((begin + 2))" "$(warnings)" "warnings of the administrator's threshold"
	own 0
	wait_for -t 10 told_more "$((seen + 1))"

	stmfadm modify-lu -p threshold=99 "$GUID"
	wait_for -t 10 warned $((begin + 2))
	logout "$target"
	stmfadm delete-lu "$GUID"
	umount "$WORK/mnt"
	rm "$WORK/image"
done

step "a disk that isn't thin has its space, or isn't made"
truncate -s 64M "$WORK/image"
mkfs.ext4 -q -F -m 0 "$WORK/image"
mount -o loop "$WORK/image" "$WORK/mnt"
: >"$WORK/mnt/disk"
if out=$(stmfadm create-lu -s 200m -p thin=false "$WORK/mnt/disk" 2>&1); then fail "expected it not to fit"; fi
[[ $out == *"there is no space for all of the disk"* ]] || fail "expected the reason, got: $out"
expect 0 "$(stat -c %s "$WORK/mnt/disk")" "size of the file after a refusal"
GUID=$(make_lu "$WORK/mnt/disk" -s 24m -p thin=false)
at_exit "stmfadm delete-lu $GUID 2>/dev/null || true"
expect Disabled "$(property Thin)" "thin"
expect Disabled "$(property Unmap)" "unmap"
[ "$(stat -c %b "$WORK/mnt/disk")" -ge 49152 ] || fail "expected 24 MiB to be taken"
target=$(target_name thick)
make_target "$target"
stmfadm add-view -n 0 "$GUID"
login "$target"
disk=$(disk_of "$target" 0)
sg_format --format --quick --wait "$disk" >/dev/null
[ "$(stat -c %b "$WORK/mnt/disk")" -ge 49152 ] || fail "expected it to keep its space when it is formatted"
logout "$target"
stmfadm modify-lu -s 32m "$GUID"
[ "$(stat -c %b "$WORK/mnt/disk")" -ge 65536 ] || fail "expected 32 MiB to be taken"
truncate -s 40M "$WORK/mnt/disk"
refused stmfadm modify-lu -s 200m "$GUID"
expect $((32 << 20)) "$(property Size)" "size after a refusal"
expect $((40 << 20)) "$(stat -c %s "$WORK/mnt/disk")" "size of a longer file after a refusal"
stmfadm delete-lu "$GUID"
umount "$WORK/mnt"
tried 2 "a file system that is full"
