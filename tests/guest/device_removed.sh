#!/usr/bin/env bash
# A backing device that vanishes under I/O gives errors, not hangs; the LU can be deleted.
# SPDX-License-Identifier: GPL-2.0
# expect-log: (I/O error|Buffer I/O|Synchronizing SCSI cache|critical|lost async page)
. "$COMSTAR_TOP/tests/target.sh"

serve
modprobe scsi_debug dev_size_mb=64 delay=0
at_exit "rmmod scsi_debug"
wait_for bash -c 'ls /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*'
backing=$(basename /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*)
target=$(target_name disk)
make_target "$target"
device_lu "/dev/$backing" 0
guid=$GUID
login "$target"
disk=$(disk_of "$target" 0)

fio --name=load --filename="$disk" --direct=1 --ioengine=libaio --rw=randrw --bs=4k \
	--iodepth=16 --runtime=20 --time_based --output="$WORK/fio" 2>/dev/null &
load=$!
sleep 2
step "remove /dev/$backing"
echo 1 >"/sys/block/$backing/device/delete"
begin=$SECONDS
if wait "$load"; then fail "expected the I/O to fail when its device is gone"; fi
[ $((SECONDS - begin)) -le 15 ] || fail "expected the errors within 15 s, took $((SECONDS - begin)) s"

step "the session is still there, the LU says that it isn't ready or fails"
expect 1 "$(sessions_of "$target")" "sessions"
refused dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none

step "the LU can be deleted"
logout "$target"
stmfadm delete-lu "$guid"
refused stmfadm list-lu "$guid"
