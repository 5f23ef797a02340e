#!/usr/bin/env bash
# A device that doesn't answer in time, is stopped, or can't read some blocks: the right sense, nothing lost, and the disk works again.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 240
# expect-log: (I/O error|critical|Buffer I/O|timed out|timing out|Sense Key|Add. Sense|FAILED Result|CDB|FAULT_INJECTION|scsi_debug)
. "$COMSTAR_TOP/tests/target.sh"

# null_disk NAME: sets NULL, a null_blk disk with memory, and its settings, SETTINGS.
null_disk() {
	SETTINGS=/sys/kernel/config/nullb/$1
	mkdir "$SETTINGS"
	at_exit "rmdir '$SETTINGS'"
	echo 64 >"$SETTINGS/size"
	echo 1 >"$SETTINGS/memory_backed"
	echo 1 >"$SETTINGS/power"
	NULL=/dev/$1
	[ -b "$NULL" ] || NULL=/dev/nullb$(cat "$SETTINGS/index")
	wait_for test -b "$NULL"
}

serve
target=$(target_name late)
make_target "$target"
null_disk late
device_lu "$NULL" 0
debug_disk dev_size_mb=64
device_lu "$BACKING" 1
file_lu steady 64M 2

# Beside all that, somebody else's disk.
login "$target"
at_exit "logout $target"
fio_verify steady "$(disk_of "$target" 2)" --rw=randwrite --bs=4k --iodepth=8 --size=32M \
	--time_based --runtime=15 &
steady=$!
python3 "$COMSTAR_TOP/tests/late_devices.py" "$target" "$NULL" "$SETTINGS" "$BACKING"
wait "$steady" || fail "expected the disk beside them undisturbed"
no_task_lost
