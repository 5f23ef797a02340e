#!/usr/bin/env bash
# A disk that stands still doesn't take the workers that others need: neither by commands that have to be alone at their blocks, nor by questions to its file system.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name workers)
make_target "$target"
patient_targets
file_lu steady 16M 1

mkdir "$WORK/mnt"
HELD=/dev/mapper/held
loop=$(loop_device backing 64M)
echo "0 $(blockdev --getsz "$loop") linear $loop 0" | dmsetup create held
udevadm settle
at_exit "dmsetup resume --noudevsync held; umount '$WORK/mnt'; remove_dm held; losetup -d $loop"
mkfs.ext4 -q "$HELD"
mount "$HELD" "$WORK/mnt"
# Where its pieces are is in blocks of their own, which nobody has read yet when it is mounted again.
truncate -s 16M "$WORK/mnt/disk"
python3 - "$WORK/mnt/disk" <<-'END'
	import os, sys
	file = os.open(sys.argv[1], os.O_RDWR)
	for block in range(0, 4096, 2):
	    os.posix_fallocate(file, block << 12, 4096)
	END
umount "$WORK/mnt"
mount "$HELD" "$WORK/mnt"
file_lu mnt/disk 16M 0
python3 "$COMSTAR_TOP/tests/stuck_workers.py" "$target" "$GUID" "$HELD"
