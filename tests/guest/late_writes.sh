#!/usr/bin/env bash
# No write comes down after its initiator was told that it won't, with a device that takes its time.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 180
. "$COMSTAR_TOP/tests/target.sh"

modprobe dm-delay
mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
serve
target=$(target_name late)
make_target "$target"
loop=$(loop_device backing 64M)
at_exit "losetup -d $loop"
echo "0 $(blockdev --getsz "$loop") delay $loop 0 0" | dmsetup create late
udevadm settle
at_exit "udevadm settle; dmsetup remove --retry late"
device_lu /dev/mapper/late 0
python3 "$COMSTAR_TOP/tests/late_writes.py" "$target" "$GUID" "$loop"
expect "" "$(stmfadm list-state | grep -i lost || true)" "lost tasks in list-state"
