#!/usr/bin/env bash
# EXTENDED COPY copies between the disks that an initiator sees, and tells how it went.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 300
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name disk)
make_target "$target"
patient_targets
dd if=/dev/urandom of="$WORK/data" bs=1M count=32 status=none
cp "$WORK/data" "$WORK/first"
file_lu first 64M 0
first=$GUID
file_lu second 64M 1
second=$GUID
file_lu large 64M 2 -p blk=4096
large=$GUID
load_stmf stmf_null
null=$(printf '600144F0%s' "$(printf 'null disk 01' | od -An -tx1 | tr -d ' \n')" | tr a-f A-F)
at_exit "stmfadm offline-lu $null"
stmfadm add-view -n 3 "$null"
at_exit "stmfadm remove-view -l $null -a"
truncate -s 16M "$WORK/hidden"
hidden=$(make_lu "$WORK/hidden")
at_exit "stmfadm delete-lu $hidden"

step "lists as bytes"
python3 "$COMSTAR_TOP/tests/copy_data.py" "$target" "$first" "$second" "$large" "$null" \
	"$hidden" "$WORK/data"

step "sg_xcopy over iSCSI"
login "$target"
one=$(disk_of "$target" 0)
two=$(disk_of "$target" 1)
udevadm settle
sg_inq "$one" | finds '3PC=1' || fail "expected 3PC=1 in: $(sg_inq "$one")"
sg_vpd -p tpc "$one" >"$WORK/tpc"
for line in 'Supported commands' 'Parameter data' 'General copy operations' 'Held data'; do
	grep -qi "$line" "$WORK/tpc" || fail "expected \"$line\" in: $(cat "$WORK/tpc")"
done
# generic DISK: its generic device.
generic() { echo "/dev/$(ls "/sys/block/${1##*/}/device/scsi_generic")"; }
# xcopy FROM TO COUNT SKIP SEEK [BLOCKS]: so many blocks by each command.
xcopy() {
	sg_xcopy if="$(generic "$1")" of="$(generic "$2")" bs=512 count="$3" skip="$4" seek="$5" \
		bpt="${6:-128}" >"$WORK/xcopy" 2>&1 || fail "sg_xcopy: $(cat "$WORK/xcopy")"
}
# fill DISK: random data.
fill() { dd if=/dev/urandom of="$1" bs=1M count=32 oflag=direct status=none; }
# alike DISK DISK COUNT SKIP SEEK: the blocks are the same.
alike() {
	cmp -n $(($3 * 512)) --ignore-initial=$(($4 * 512)):$(($5 * 512)) \
		<(dd if="$1" bs=1M iflag=direct status=none) \
		<(dd if="$2" bs=1M iflag=direct status=none) ||
		fail "expected $3 blocks of $1 from $4 on at $5 of $2"
}
fill "$one"
xcopy "$one" "$two" 65536 0 0
alike "$one" "$two" 65536 0 0
xcopy "$one" "$two" 4321 777 80001
alike "$one" "$two" 4321 777 80001
xcopy "$one" "$one" 12345 11 100001
alike "$one" "$one" 12345 11 100001

step "how long 32 MiB take"
# milliseconds COMMAND...: prints how long it takes.
milliseconds() {
	local begin
	begin=$(date +%s%N)
	"$@" >&2
	echo $((($(date +%s%N) - begin) / 1000000))
}
direct() { dd if="$one" of="$two" bs=1M count=32 iflag=direct oflag=direct status=none; }
for _ in 1 2 3; do
	echo "    sg_xcopy $(milliseconds xcopy "$one" "$two" 65536 0 0 65535) ms," \
		"dd through the initiator $(milliseconds direct) ms"
done

step "sg_copy_results"
sg_copy_results -p "$(generic "$one")" >"$WORK/results"
for line in 'Maximum target descriptor count: 16' 'Maximum concurrent copies: 8' 'descriptor 0x02'; do
	grep -q "$line" "$WORK/results" || fail "expected \"$line\" in: $(cat "$WORK/results")"
done
for action in -s -r -f; do
	! sg_copy_results "$action" -l 200 "$(generic "$one")" 2>/dev/null || fail "$action: expected no copy of identifier 200"
done
sg_xcopy if="$(generic "$one")" of="$(generic "$two")" bs=512 count=8 list_id=33 id_usage=hold \
	>"$WORK/xcopy" 2>&1 || fail "sg_xcopy: $(cat "$WORK/xcopy")"
# It asks the destination.
sg_copy_results -s -l 33 "$(generic "$two")" >"$WORK/results"
grep -q 'completed without errors' "$WORK/results" ||
	fail "expected a copy without errors in: $(cat "$WORK/results")"

step "fio verifies beside copies"
stmfadm remove-view -l "$large" 0
device_size=$((16 << 20))
(
	while [ ! -e "$WORK/stop" ]; do
		sg_xcopy if="$(generic "$one")" of="$(generic "$one")" bs=512 count=16384 \
			skip=65536 seek=90000 >>"$WORK/beside" 2>&1
		echo round >>"$WORK/rounds"
	done
) &
copier=$!
fio_verify beside "$one" --rw=randwrite --bsrange=512-128k --blockalign=512 --iodepth=16 \
	--size=$device_size
touch "$WORK/stop"
wait "$copier"
[ "$(wc -l <"$WORK/rounds")" -ge 1 ] || fail "expected a copy beside: $(cat "$WORK/beside")"
expect "" "$(grep -i 'fail\|error' "$WORK/beside" || true)" "complaints of sg_xcopy beside fio"
alike "$one" "$one" 16384 65536 90000

step "libiscsi's families"
logout "$target"
run_families "$target" ALL.ExtendedCopy ALL.ReceiveCopyResults
for family in ALL.ExtendedCopy ALL.ReceiveCopyResults; do
	! grep -q '\[SKIPPED\]' "$WORK/$family" || fail "$(grep '\[SKIPPED\]' "$WORK/$family")"
done

step "sg_xcopy on the local bus"
load_stmf stmf_loopback
loop_target
one=$(loop_disk "$LOOP_HOST" 0)
two=$(loop_disk "$LOOP_HOST" 1)
udevadm settle
fill "$one"
xcopy "$one" "$two" 65536 0 3
alike "$one" "$two" 65536 0 3
no_task_lost
