#!/usr/bin/env bash
# A disk on a file is read and written for whoever sends a command to the local bus, but not in his name: neither with
# his limits, nor in the middle of what his file system does.
# SPDX-License-Identifier: GPL-2.0
# alone
# time-limit: 180
. "$COMSTAR_TOP/tests/target.sh"

load_stmf stmf_sbd stmf_loopback
at_exit unload_stmf
loop_target
mkdir "$WORK/below" "$WORK/above"
at_exit "umount '$WORK/above' '$WORK/below' 2>/dev/null"

# disk_on MKFS-OPTION...: a disk on a file of an ext4 that was made so; sets GUID and DISK.
disk_on() {
	truncate -s 160M "$WORK/image"
	mkfs.ext4 -q -F "$@" "$WORK/image"
	mount -o loop,strictatime "$WORK/image" "$WORK/below"
	file_lu below/disk 128M 0
	DISK=$(loop_disk "$LOOP_HOST" 0)
}
disk_off() {
	stmfadm delete-lu "$GUID"
	wait_for no_loop_disk "$LOOP_HOST" 0
	umount "$WORK/below"
	rm "$WORK/image"
}

step "a limit of the size of files is none of a disk"
disk_on -O has_journal
(
	ulimit -f 1
	dd if=/dev/urandom of="$DISK" bs=4M count=4 seek=1 oflag=direct status=none
) || fail "expected a process that may write 1 KiB to files to write to a disk"

step "a read of the disk is none of the file"
before=$(stat -c %x "$WORK/below/disk")
sleep 1.1
dd if="$DISK" of=/dev/null bs=1M count=8 iflag=direct status=none
expect "$before" "$(stat -c %x "$WORK/below/disk")" "when the file was read last"
disk_off

for below in has_journal ^has_journal; do
	for above in has_journal ^has_journal; do
		step "ext4 ($above) on a disk on a file of ext4 ($below)"
		disk_on -O "$below"
		mkfs.ext4 -q -F -O "$above" -N 20000 "$DISK"
		for round in 1 2; do
			mount "$DISK" "$WORK/above"
			# With nothing in memory, bitmaps and inodes are read within transactions.
			sync
			echo 3 >/proc/sys/vm/drop_caches
			for n in {1..12}; do
				mkdir "$WORK/above/$round.$n"
				dd if=/dev/zero of="$WORK/above/$round.$n/data" bs=64k count=2 status=none
			done
			sync
			umount "$WORK/above"
		done
		e2fsck -fn "$DISK" >/dev/null || fail "expected a file system without faults"
		disk_off
	done
done
