#!/usr/bin/env bash
# COMPARE AND WRITE lets nobody in between, while others read and write the same disk.
# SPDX-License-Identifier: GPL-2.0
# alone
# also-over: loopback
# time-limit: 240
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name disk)
make_target "$target"
file_lu disk 64M 0
modprobe dm-delay
loop=$(loop_device slow 16M)
at_exit "losetup -d $loop"
echo "0 $(blockdev --getsz "$loop") delay $loop 0 3 $loop 0 5" | dmsetup create slow
udevadm settle
at_exit "remove_dm slow"
login "$target"
disk=$(disk_of "$target" 0)
# It would look at the disk anew, and have all wait for that, each time somebody is done with writing.
keep_udev_still
dd if=/dev/zero of="$disk" bs=512 count=1 oflag=direct status=none

# add_to_block TIMES NAME: adds one to the number in block 0, by COMPARE AND WRITE.
add_to_block() {
	local i old new in=$WORK/caw.$2
	for ((i = 0; i < $1; i++)); do
		while :; do
			dd if="$disk" of="$in.old" bs=512 count=1 iflag=direct status=none
			old=$(tr -d '\0' <"$in.old")
			new=$((${old:-0} + 1))
			{
				cat "$in.old"
				printf '%-512s' "$new" | tr ' ' '\0'
			} >"$in"
			if sg_compare_and_write --in="$in" --lba=0 --num=1 --xferlen=1024 --quiet \
				"$disk" 2>/dev/null; then break; fi
		done
	done
}

step "two initiators count in one block, others write and check elsewhere"
cd "$WORK" # fio leaves a file.
fio_verify around "$disk" --rw=randwrite --bsrange=512-16k --offset=1M --size=8M --iodepth=8 &
around=$!
add_to_block 25 a &
first=$!
add_to_block 25 b
wait "$first"
wait "$around" || fail "fio: $(cat "$WORK/fio.around")"
expect 50 "$(dd if="$disk" bs=512 count=1 iflag=direct status=none | tr -d '\0')" "the sum"

step "a difference is told by its offset, and nothing is written"
{
	printf '%-512s' 50 | tr ' ' '\0' | sed 's/\x00\(..\)$/X\1/'
	printf '%-512s' 99 | tr ' ' '\0'
} >"$WORK/caw"
out=$(sg_compare_and_write --in="$WORK/caw" --lba=0 --num=1 --xferlen=1024 --verbose "$disk" 2>&1) &&
	fail "expected MISCOMPARE"
grep -i miscompare <<<"$out" || fail "expected MISCOMPARE, got: $out"
grep -iE 'info(rmation)?.*(0x)?1fd' <<<"$out" || fail "expected the offset 509, got: $out"
expect 50 "$(dd if="$disk" bs=512 count=1 iflag=direct status=none | tr -d '\0')" "the block"
if [ "${COMSTAR_TRANSPORT:-iscsi}" = iscsi ]; then
	step "commands of another kind don't come in between either, though the device is slow"
	lu=$(make_lu /dev/mapper/slow)
	at_exit "stmfadm delete-lu $lu"
	stmfadm add-view -n 1 "$lu"
	python3 "$COMSTAR_TOP/tests/atomicity.py" "$target" 10
fi
no_task_lost
