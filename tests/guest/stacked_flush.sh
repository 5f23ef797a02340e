#!/usr/bin/env bash
# A stacked device says that it has FUA, and flushes below: who has written before is told when that fails.
# SPDX-License-Identifier: GPL-2.0
# expect-log: (I/O error|critical|Buffer I/O)
. "$COMSTAR_TOP/tests/target.sh"

modprobe dm-flakey
modprobe dm-log-writes
serve
target=$(target_name stacked)
make_target "$target"
dm_device below linear
log=$(loop_device log 64M)
at_exit "losetup -d $log"
echo "0 $(blockdev --getsz "$BACKING") log-writes /dev/mapper/below $log" | dmsetup create stacked
udevadm settle
at_exit "remove_dm stacked"
expect 1 "$(cat "/sys/block/$(basename "$(readlink -f /dev/mapper/stacked)")/queue/fua")" "FUA, as the stacked device says"
expect 0 "$(cat "/sys/block/${BACKING##*/}/queue/fua")" "FUA of the device below"
device_lu /dev/mapper/stacked 0
python3 "$COMSTAR_TOP/tests/stacked_flush.py" "$target" /dev/mapper/below "$BACKING"
no_task_lost
