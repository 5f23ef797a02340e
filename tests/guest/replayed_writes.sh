#!/usr/bin/env bash
# Whenever the power fails: metadata, reservations and the saved configuration are as they were acknowledged, or as the next change has them.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 300
. "$COMSTAR_TOP/tests/target.sh"

export WORK POINTS=${POINTS:-25} SEED=${SEED:-$RANDOM}
echo "POINTS=$POINTS SEED=$SEED"
modprobe dm-log-writes
serve
target=$(target_name replayed)
make_target "$target"
patient_targets
mkdir "$WORK/mnt"

# logged_device: /dev/mapper/logged, whose writes are logged; the medium is zeros at first.
logged_device() {
	local medium log
	medium=$(loop_device medium 64M)
	log=$(loop_device log 256M)
	echo "0 $(blockdev --getsz "$medium") log-writes $medium $log" | dmsetup create logged
	udevadm settle
	LOOPS=("$medium" "$log")
}
# Nothing is written to the log any more.
end_log() {
	remove_dm logged
	losetup -d "${LOOPS[@]}"
	truncate -s 0 "$WORK/base"
	truncate -s 64M "$WORK/base"
}
# steps WHERE WHAT
steps() { python3 "$COMSTAR_TOP/tests/replayed_writes.py" "$1" "$2" "$target" "$GUID"; }

step "metadata in the head of a device: changes"
logged_device
at_exit "remove_dm logged 2>/dev/null; losetup -D"
device_lu /dev/mapper/logged 0 -s 32m -p meta=head -p alias=0
steps head work
stmfadm delete-lu -k "$GUID"
end_log

step "metadata in the head of a device: the power fails"
steps head look
stmfadm remove-view -l "$GUID" -a

step "metadata and the saved configuration in a file system: changes"
logged_device
mkfs.ext4 -q -b 4096 /dev/mapper/logged
mount /dev/mapper/logged "$WORK/mnt"
at_exit "umount '$WORK/mnt' 2>/dev/null"
export STMF_STORE=$WORK/mnt/store
file_lu mnt/disk 32M 0 -p meta="$WORK/mnt/disk.meta" -p alias=0
steps files work
export STMF_STORE=
stmfadm delete-lu -k "$GUID"
for group in $(stmfadm list-hg --json | jq -r '.[].name'); do stmfadm delete-hg "$group"; done
umount "$WORK/mnt"
end_log

step "metadata and the saved configuration in a file system: the power fails"
STMF_STORE=$WORK/mnt/store steps files look
stmfadm remove-view -l "$GUID" -a
