#!/usr/bin/env bash
# A copy ends when it is aborted, or what it needs goes away, also when a device stands still.
# SPDX-License-Identifier: GPL-2.0
# alone
# time-limit: 300
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name slow)
make_target "$target"
patient_targets
dd if=/dev/urandom of="$WORK/home" bs=1M count=32 status=none
file_lu home 64M 0
home=$GUID
slow_lu slow 1
python3 "$COMSTAR_TOP/tests/copy_ends.py" "$target" "$home" "$GUID" "$BACKING"
no_task_lost
tried 12 "a copy that is aborted, or whose disk, initiator or device goes"
