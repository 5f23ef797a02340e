#!/usr/bin/env bash
# Resets, rescans and removal under load on the local bus; devices that are slow or stuck.
# SPDX-License-Identifier: GPL-2.0
# alone
# time-limit: 300
. "$COMSTAR_TOP/tests/target.sh"

load_stmf stmf_sbd stmf_loopback
at_exit unload_stmf
loop=$(loop_device backing 64M)
at_exit "losetup -d $loop"
modprobe dm-delay
sectors=$(blockdev --getsz "$loop")

# delay MILLISECONDS: from now on the device takes that long.
delay() { delay_device slow "$loop" "$1"; }

echo "0 $sectors delay $loop 0 0" | dmsetup create slow
at_exit "delay 0; remove_dm slow"
device_lu /dev/mapper/slow 0
slow=$GUID
loop_target
host=$LOOP_HOST
target=$LOOP_TARGET
disk=$(loop_disk "$host" 0)
# It would read the disk whenever a writer has closed it, and wait for the slow device.
keep_udev_still

# slow_down FUNCTION: whoever calls it is held up, by many who want to know where from.
slow_down() {
	local tracing=/sys/kernel/tracing many=40 n
	! is_slow || many=5
	mountpoint -q $tracing || mount -t tracefs tracefs $tracing
	at_exit quicken
	for n in $(seq $many); do
		echo "p:late$n $1" >>$tracing/kprobe_events
		echo stacktrace >"$tracing/events/kprobes/late$n/trigger"
		echo 1 >"$tracing/events/kprobes/late$n/enable"
	done
}
quicken() {
	local kprobes=/sys/kernel/tracing/events/kprobes of
	for of in "$kprobes"/late*; do
		[ -e "$of" ] || continue
		echo 0 >"$of/enable"
		echo '!stacktrace' >"$of/trigger"
		echo "-:${of##*/}" >>/sys/kernel/tracing/kprobe_events
	done
}

step "resets and rescans while every block is verified"
fio --name=load --filename="$disk" --direct=1 --ioengine=libaio --rw=randwrite --bs=16k \
	--iodepth=32 --size=16M --loops=3 --verify=crc32c --verify_fatal=1 --randseed=7 \
	--verify_state_save=0 --output="$WORK/fio.load" &
load=$!
rounds=0
while kill -0 "$load" 2>/dev/null; do
	sg_reset -d "$disk" || fail "expected a LUN reset to succeed while the device answers"
	sg_reset -t "$disk" || fail "expected a target reset to succeed while the device answers"
	echo "- - -" >"$host/scan"
	rounds=$((rounds + 1))
	sleep 0.2
done
wait "$load" || {
	cat "$WORK/fio.load"
	fail "expected every block as written, through $rounds rounds of resets"
}

step "commands that are sent again at the end of a reset, while the disk is looked at anew"
# Here the block layer is about to put a command on the list of those: it takes its time now.
slow_down blk_mq_requeue_request
fio --name=again --filename="$disk" --direct=1 --ioengine=libaio --rw=randrw --bs=16k --iodepth=32 \
	--size=16M --time_based --runtime=600 --output="$WORK/fio.again" &
load=$!
for n in {1..20}; do
	sg_reset -d "$disk"
	sg_reset -t "$disk"
	# It waits for all commands, and keeps new ones back.
	within 30 blockdev --rereadpt "$disk"
done
kill "$load"
wait "$load" || true
quicken

step "a device that takes longer than the initiator's patience"
delay 3000
echo 1 >"/sys/block/${disk##*/}/device/timeout"
begin=$SECONDS
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none ||
	fail "expected the read to be waited for: its memory can't be taken back"
[ $((SECONDS - begin)) -ge 3 ] || fail "expected the device to take 3 s"

step "a reset, and the end of the target, while the device doesn't answer: refused in time"
# Longer than all that is refused takes.
delay 60000
dd if=/dev/zero of="$disk" bs=4k count=1 seek=5000 oflag=direct status=none &
writer=$!
in_device() { stmfadm list-task | finds -i 'executing *0x2a'; }
wait_for in_device
within 8 refused sg_reset -N -d "$disk"
within 8 refused stmfadm delete-target -f "$target"
refused rmmod stmf_loopback
delay 0
wait "$writer" || true
wait_for -t 10 no_tasks
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none ||
	fail "expected the disk to work as before"

step "a command that works on a copy of its data is given up while the device has it"
delay 12000
begin=$SECONDS
# COMPARE AND WRITE of block 40000: the device takes 12 s to read and 12 s to write. Linux waits for
# commands of SG_IO 7 s at least.
refused sg_raw --timeout=7 --send=1024 --infile=/dev/zero "$disk" \
	89 00 00 00 00 00 00 00 9c 40 00 00 00 01 00 00
[ $((SECONDS - begin)) -le 18 ] || fail "expected it to be given up after 7 s, not done after 24 s"
delay 0
wait_for -t 10 no_tasks
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none ||
	fail "expected the disk to work as before"

step "views, and the target, go while the disk is in use"
echo 30 >"/sys/block/${disk##*/}/device/timeout"
for way in view target; do
	fio --name=gone --filename="$disk" --direct=1 --ioengine=libaio --rw=randrw --bs=4k \
		--iodepth=32 --size=32M --time_based --runtime=60 --allow_file_create=0 \
		--output="$WORK/fio.gone" &
	load=$!
	in_use() { grep -q '[1-9]' "/sys/block/${disk##*/}/inflight"; }
	wait_for -t 20 in_use
	sleep 1
	if [ "$way" = view ]; then
		stmfadm remove-view -l "$slow" -a
		wait_for no_loop_disk "$host" 0
	else
		stmfadm delete-target -f "$target"
	fi
	# It fails: its disk is gone.
	ended() { ! kill -0 "$load" 2>/dev/null; }
	wait_for -t 20 ended
	wait "$load" || true
	if [ "$way" = view ]; then
		stmfadm add-view -n 0 "$slow"
		disk=$(loop_disk "$host" 0)
	fi
done
[ ! -e "$host" ] || fail "expected $host to go with its target"
no_task_lost
tried $((2 * (rounds + 20))) "a LUN or target reset under load, on the local bus"
tried 2 "a view or a target removed under load, on the local bus"
