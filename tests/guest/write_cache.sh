#!/usr/bin/env bash
# What is in the write cache gets to the medium when it is asked for, or somebody is told that it didn't.
# SPDX-License-Identifier: GPL-2.0
# alone
# time-limit: 300
# expect-log: (I/O error|critical|Buffer I/O)
. "$COMSTAR_TOP/tests/target.sh"

modprobe dm-flakey
modprobe dm-delay
serve
target=$(target_name cache)
make_target "$target"
patient_targets
dm_device head linear
device_lu /dev/mapper/head 1 -p meta=head
head=(/dev/mapper/head "$BACKING" "$GUID")
held_lu 0
python3 "$COMSTAR_TOP/tests/write_cache.py" "$target" "$HELD" "$BACKING" "$GUID" "${head[@]}"
