#!/usr/bin/env bash
# Commands that a slow device holds are aborted, the session lives on, no data is lost.
# SPDX-License-Identifier: GPL-2.0
# alone
# time-limit: 300
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name disk)
make_target "$target"
modprobe dm-delay
loop=$(loop_device backing 64M)
at_exit "losetup -d $loop"
sectors=$(blockdev --getsz "$loop")

# delay MILLISECONDS: from now on the device takes that long.
delay() { delay_device slow "$loop" "$1"; }

echo "0 $sectors delay $loop 0 0" | dmsetup create slow
at_exit "delay 0; remove_dm slow"
device_lu /dev/mapper/slow 0
iscsiadm -m discovery -t sendtargets -p 127.0.0.1 >/dev/null
# Without pings of its own the initiator aborts at the second time that a command is late.
quick_recovery "$target" 127.0.0.1:3260
iscsiadm -m node -T "$target" --login >/dev/null
at_exit "logout '$target'"
disk=$(disk_of "$target" 0)
name=${disk##*/}
# Else its reads would wait for the slow device, and be aborted, too.
keep_udev_still

# count WHAT: a number of the initiator's, such as tmfcmd_pdus.
count() { iscsiadm -m session -s | sed -n "s/.*$1: //p"; }

# patience SECONDS: how long the initiator waits before it aborts.
patience() { echo "$1" >"/sys/block/$name/device/timeout"; }

fio_verify before "$disk" --rw=randwrite --bs=4k --iodepth=32 --size=16M

step "ABORT TASK: a read that takes 5.5 s, an initiator that gives up after 2 to 4 s"
delay 5500
patience 1
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null || true
aborts=$(count tmfcmd_pdus)
[ "$aborts" -ge 1 ] || fail "expected the initiator to send ABORT TASK, it sent $aborts"
expect "$aborts" "$(count tmfrsp_pdus)" "answers to $aborts task management functions"

step "LUN RESET with a command in the device"
delay 2500
patience 30
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null &
reader=$!
in_device() { stmfadm list-task | grep -i executing; }
wait_for in_device
within 8 sg_reset -d "$disk" || fail "expected LUN RESET to succeed: the device takes 2.5 s, the limit is 4 s"
wait "$reader" || true

step "aborts while 32 commands are always in flight"
delay 3500
patience 1
timeout 60 fio --name=load --filename="$disk" --direct=1 --ioengine=libaio --rw=randread \
	--bs=4k --iodepth=32 --runtime=10 --time_based --continue_on_error=all \
	--output="$WORK/fio.load" || true

step "with a quick device all is well again, with the data from before"
delay 0
patience 30
running() { grep -q running "/sys/block/$name/device/state"; }
wait_for -t 60 running
wait_for -t 60 no_tasks
fio --name=check --filename="$disk" --direct=1 --ioengine=libaio --rw=randwrite --bs=4k \
	--iodepth=32 --size=16M --randseed=7 --verify=crc32c --verify_only=1 \
	--output="$WORK/fio.check" || fail "expected the data from before the aborts"
expect 1 "$(sessions_of "$target")" "sessions after the aborts"
no_task_lost
tried "$(count tmfcmd_pdus)" "a task management function of Linux, for commands that a device keeps for seconds"
