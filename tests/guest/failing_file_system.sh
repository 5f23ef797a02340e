#!/usr/bin/env bash
# A file system whose device stands still or fails: nothing is acknowledged that isn't on the medium, and what was is there when it is mounted again.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 180
# expect-log: (I/O error|critical|Buffer I/O|EXT4-fs|JBD2|XFS|lost async page|Aborting journal|Sense Key|Add. Sense|FAILED Result|CDB)
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name filesystem)
make_target "$target"
patient_targets
file_lu steady 64M 1
# Linux, which looks for partitions on what it finds, doesn't see the other disk.
stmfadm create-hg raw
stmfadm add-hg-member -g raw iqn.2024-01.test:raw
at_exit "stmfadm delete-hg raw"
mkdir "$WORK/mnt"
HELD=/dev/mapper/held

# steps WHAT
steps() {
	python3 "$COMSTAR_TOP/tests/failing_file_system.py" "$1" "$target" "$GUID" "$HELD" "$BACKING" "$WORK/acknowledged"
}

# Beside all that, somebody else's disk.
login "$target"
fio_verify steady "$(disk_of "$target" 1)" --rw=randwrite --bs=4k --iodepth=8 --size=32M \
	--time_based --runtime=15 &
steady=$!
for fs in ext4 xfs; do
	need_file_system "$fs"
	step "$fs"
	BACKING=$(loop_device backing 320M)
	echo "0 $(blockdev --getsz "$BACKING") linear $BACKING 0" | dmsetup create held
	udevadm settle
	at_exit "umount '$WORK/mnt' 2>/dev/null; dmsetup remove -f --noudevsync held 2>/dev/null; losetup -d $BACKING"
	wipefs -q -a "$HELD"
	"mkfs.$fs" -q "$HELD"
	mount "$HELD" "$WORK/mnt"
	truncate -s 64M "$WORK/mnt/disk"
	GUID=$(make_lu "$WORK/mnt/disk" -p meta="$WORK/mnt/disk.meta")
	at_exit "stmfadm delete-lu $GUID 2>/dev/null || true"
	stmfadm add-view -n 0 -h raw "$GUID"
	steps fails

	step "$fs: mounted again"
	umount "$WORK/mnt"
	mount "$HELD" "$WORK/mnt"
	stmfadm import-lu "$WORK/mnt/disk.meta"
	steps after
	stmfadm delete-lu "$GUID"
	umount "$WORK/mnt"
	remove_dm held
	losetup -d "$BACKING"
done
wait "$steady" || fail "expected the disk beside them undisturbed"
no_task_lost
