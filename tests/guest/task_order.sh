#!/usr/bin/env bash
# Task attributes order commands as SAM says, across nexuses; what waits can be aborted.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name order)
make_target "$target"
loop=$(loop_device backing 64M)
at_exit "losetup -d $loop"
echo "0 $(blockdev --getsz "$loop") linear $loop 0" | dmsetup create held
udevadm settle
at_exit "dmsetup resume --noudevsync held; udevadm settle; dmsetup remove --retry held"
device_lu /dev/mapper/held 0

python3 "$COMSTAR_TOP/tests/task_order.py" "$target" "$GUID" /dev/mapper/held
