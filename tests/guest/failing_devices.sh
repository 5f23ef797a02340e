#!/usr/bin/env bash
# A device that fails, for a while or in places, and a file that is cut short: the right sense, and nothing lost that was acknowledged.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 180
# expect-log: (I/O error|critical|device-mapper: dust|Buffer I/O|Medium Error|Unrecovered read|Sense Key|Add. Sense|FAILED Result|CDB)
. "$COMSTAR_TOP/tests/target.sh"

modprobe dm-dust
modprobe dm-flakey
serve
target=$(target_name failing)
make_target "$target"
patient_targets
held_lu 0
backing=$BACKING
file_lu cut 64M 1
cut=$GUID
debug_disk dev_size_mb=64 opts=2 medium_error_start=4096 medium_error_count=8
device_lu "$BACKING" 2
file_lu steady 64M 3

# Beside all that, somebody else's disk.
login "$target"
fio_verify steady "$(disk_of "$target" 3)" --rw=randwrite --bs=4k --iodepth=8 --size=32M \
	--time_based --runtime=15 &
steady=$!
at_exit "logout $target"
python3 "$COMSTAR_TOP/tests/failing_devices.py" "$target" "$HELD" "$backing" "$WORK/cut" "$cut"
wait "$steady" || fail "expected the disk beside them undisturbed"
no_task_lost
