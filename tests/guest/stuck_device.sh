#!/usr/bin/env bash
# With the backing device stopped dead, every abort, reset, logout and removal ends within 5 s.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name stuck)
make_target "$target"
loop=$(loop_device backing 64M)
at_exit "losetup -d $loop"
echo "0 $(blockdev --getsz "$loop") linear $loop 0" | dmsetup create stuck
udevadm settle
at_exit "dmsetup resume stuck; udevadm settle; dmsetup remove --retry stuck"
device_lu /dev/mapper/stuck 0

python3 "$COMSTAR_TOP/tests/stuck_device.py" "$target" "$GUID" /dev/mapper/stuck
expect "" "$(stmfadm list-state | grep -i 'lost.*[1-9]' || true)" "lost tasks in list-state"
