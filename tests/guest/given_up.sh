#!/usr/bin/env bash
# A command on the local bus that is given up while the device has it touches nothing that came after it.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 300
. "$COMSTAR_TOP/tests/target.sh"

load_stmf stmf_sbd stmf_loopback
at_exit unload_stmf
modprobe dm-delay
loop=$(loop_device backing 16M)
at_exit "losetup -d $loop"
python3 "$COMSTAR_TOP/tests/sectors.py" write "$loop"
sectors=$(blockdev --getsz "$loop")

# delay MILLISECONDS: from now on the device takes that long.
delay() { delay_device slow "$loop" "$1"; }

echo "0 $sectors delay $loop 0 0" | dmsetup create slow
at_exit "delay 0; remove_dm slow"
device_lu /dev/mapper/slow 0
loop_target
host=$LOOP_HOST
disk=$(loop_disk "$host" 0)
# Else its reads would wait for the slow device, and be waited for.
keep_udev_still

# slow_down [MILLISECONDS]
slow_down() { delay "${1:-12000}"; }

is_in_device() { stmfadm list-task | grep 'detached *0x28' >/dev/null; }

# A read of one sector, which is no whole page and so works on a copy, is given up after 7 s: Linux waits
# for commands of SG_IO that long at least. Not opened for writing, as udev reads what was.
give_up() {
	# Long enough for what is run while the device has it still.
	slow_down 25000
	refused sg_raw -R --timeout=7 -r 512 "$disk" 28 00 00 00 00 00 00 00 01 00
	is_in_device || fail "expected the device to have the command still"
}

# settled: the device has nothing any more, is quick, and the disk is there with its content.
settled() {
	delay 0
	disk=$(loop_disk "$host" 0)
	python3 "$COMSTAR_TOP/tests/sectors.py" read "$disk" 4 50
}

step "the disk goes, and the midlayer's memory of its commands, before the device has done"
give_up
stmfadm remove-view -l "$GUID" -a
wait_for -t 10 no_loop_disk "$host" 0
is_in_device || fail "expected the device to have the command still"
delay 0
stmfadm add-view -n 0 "$GUID"
settled

step "the scheduler goes, and its memory of commands"
queue=/sys/block/${disk##*/}/queue
grep -q '\[mq-deadline\]' "$queue/scheduler" || fail "expected a scheduler, got: $(<"$queue/scheduler")"
give_up
echo none >"$queue/scheduler"
is_in_device || fail "expected the device to have the command still"
settled

step "reads that come after it get what they asked for"
# So that the place of the command that was given up is used again at once.
echo 4 >"$queue/nr_requests"
slow_down
# Several one after the other: the first to be answered by another's device asks for the same again.
python3 "$COMSTAR_TOP/tests/sectors.py" give-up "$disk" 4 3
settled

step "a flush that is given up, and again, with the disk reset"
echo 1 >"/sys/block/${disk##*/}/device/timeout"
# Else Linux takes the disk offline when its patience has ended twice.
tee "/sys/block/${disk##*/}/device/scsi_disk/"*/max_medium_access_timeouts <<<100 >/dev/null
slow_down
python3 "$COMSTAR_TOP/tests/sectors.py" flush "$disk" &
flush=$!
sleep 10
delay 0
# Done or not, as the midlayer had patience.
wait "$flush" || true
settled
no_task_lost
tried 4 "a command of the local bus that is given up, and that the device ends seconds later"
