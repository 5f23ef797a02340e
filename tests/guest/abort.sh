#!/usr/bin/env bash
# Commands that a slow device holds are aborted, the session lives on, no data is lost.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 240
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name disk)
make_target "$target"
modprobe dm-delay
loop=$(loop_device backing 64M)
at_exit "losetup -d $loop"
sectors=$(blockdev --getsz "$loop")
table() { echo "0 $sectors delay $loop 0 $1"; }
table 0 | dmsetup create slow
at_exit "dmsetup remove --retry slow"
device_lu /dev/mapper/slow 0
login "$target"
disk=$(disk_of "$target" 0)
name=${disk##*/}

step "ABORT TASK: reads that take 3 s, an initiator that waits 1 s"
dmsetup suspend slow
table 3000 | dmsetup load slow
dmsetup resume slow
echo 1 >"/sys/block/$name/device/timeout"
before=$(dmesg | wc -l)
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null || true
echo "    $(dmesg | tail -n +"$before" | grep -c -i "abort\|timing out" || true) messages of aborts"

step "LUN RESET with commands in the device"
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null &
sleep 0.3
sg_reset -d "$disk" || fail "expected LUN RESET to succeed: the device takes 3 s, the limit is 4 s"
wait || true

step "with a quick device all is well again, on the same session"
dmsetup suspend slow
table 0 | dmsetup load slow
dmsetup resume slow
echo 30 >"/sys/block/$name/device/timeout"
wait_for grep -q running "/sys/block/$name/device/state"
expect 1 "$(sessions_of "$target")" "sessions after the aborts"
fio_verify after "$disk" --rw=randwrite --bs=4k --iodepth=32 --size=16M

step "aborts while 32 commands are always in flight"
dmsetup suspend slow
table 1500 | dmsetup load slow
dmsetup resume slow
echo 1 >"/sys/block/$name/device/timeout"
fio --name=load --filename="$disk" --direct=1 --ioengine=libaio --rw=randread --bs=4k \
	--iodepth=32 --runtime=8 --time_based --continue_on_error=all \
	--output="$WORK/fio.load" || true
dmsetup suspend slow
table 0 | dmsetup load slow
dmsetup resume slow
echo 30 >"/sys/block/$name/device/timeout"
wait_for grep -q running "/sys/block/$name/device/state"
fio --name=check --filename="$disk" --direct=1 --ioengine=libaio --rw=randwrite --bs=4k \
	--iodepth=32 --size=16M --randseed=7 --verify=crc32c --verify_only=1 \
	--output="$WORK/fio.check" || fail "expected the data from before the aborts"
stmfadm list-task | grep -q . && stmfadm list-task
expect 0 "$(dmesg | grep -c 'stmf.*lost' || true)" "tasks lost"
