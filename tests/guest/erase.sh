#!/usr/bin/env bash
# SANITIZE and FORMAT UNIT overwrite all of a disk, tell how far they are, and say what has failed.
# SPDX-License-Identifier: GPL-2.0
# also-over: loopback
# time-limit: 300
. "$COMSTAR_TOP/tests/target.sh"

SIZE=16 # MiB

# becomes MILLISECONDS [BAD]: what the device behind the disk does from now on; see slow_table.
becomes() {
	dmsetup suspend --noflush erased
	slow_table "$loop" "$@" | dmsetup load erased
	dmsetup resume --noudevsync erased
}

# says EXPECTED BYTE...: how the CDB ends: ok, or its sense data.
says() {
	local expected=$1
	shift
	expect "$expected" "$(ended sg_raw -r 512 "$sg" "$@")" "the answer to $*"
}
# refuses EXPECTED LENGTH FILE BYTE...: the same of a CDB with parameter data.
refuses() { expect "$1" "$(ended sg_raw --send="$2" --infile="$3" "$sg" "${@:4}")" "the answer to ${*:4}"; }
READ_10=(28 00 00 00 00 00 00 00 01 00)
MODE_SENSE_6=(1a 00 0a 00 40 00)

# progress: how far the operation is, in percent.
progress() { sg_requests --progress "$sg" | sed -n 's/^Progress indication: \([0-9.]*\)%.*/\1/p'; }
# further PERCENT: is it further than that, and not at its end?
further() {
	second=$(progress)
	awk "BEGIN { exit !($1 < ${second:-0} && ${second:-0} < 100) }"
}
# is EXPECTED: what TEST UNIT READY says.
is() { [ "$(ended sg_raw "$sg" 00 00 00 00 00 00)" = "$1" ]; }

# holds FILE: the device has the bytes of the file in each block, from its start.
holds() {
	python3 - "$1" "$WORK/backing" "$SIZE" <<'PY'
import sys
pattern = open(sys.argv[1], "rb").read()
block = (pattern * (512 // len(pattern) + 1))[:512]
data = open(sys.argv[2], "rb").read()
assert len(data) == int(sys.argv[3]) << 20, len(data)
wrong = [n for n in range(0, len(data), 512) if data[n : n + 512] != block]
assert not wrong, f"{len(wrong)} blocks differ, the first at {wrong[0]}: {data[wrong[0]:][:16]}"
PY
}

serve
target=$(target_name erase)
make_target "$target"
loop=$(loop_device backing "${SIZE}M")
at_exit "losetup -d $loop"
slow_table "$loop" 0 | dmsetup create erased
udevadm settle
at_exit "remove_dm erased"
device_lu /dev/mapper/erased 0
lu=$GUID
login "$target"
disk_of "$target" 0
keep_udev_still
# (Of a disk that isn't ready there may be no other device.)
sg=$(find_generic "$target" 0)
printf abc >"$WORK/pattern"
overwrite=(--overwrite --pattern="$WORK/pattern" --ipl=3 --quick)
# Parameter lists.
python3 - "$WORK" <<'PY'
import pathlib, sys
work = pathlib.Path(sys.argv[1])
def format(name, header, pattern):
    (work / name).write_bytes(bytes(header) + bytes([0, 1, 0, len(pattern)]) + pattern)
    (work / f"{name}.pattern").write_bytes(pattern)
format("format", [0, 0x88, 0, 0], b"one")
format("format.long", [0, 0x8A, 0, 0, 0, 0, 0, 0], b"two")
(work / "sanitize").write_bytes(bytes([1, 0, 0, 3]) + b"xyz")
(work / "format.defects").write_bytes(bytes([0, 0, 0, 4, 0, 0, 0, 1]))
PY

step "what is overwritten is the pattern, in each block from its start"
for count in 1 2 3; do
	printf 'ab%s' "$count" >"$WORK/pattern"
	sg_sanitize "${overwrite[@]}" --invert --count=$count --wait "$sg" >/dev/null
	holds "$WORK/pattern"
done

printf xyz >"$WORK/pattern"

step "in the background it tells how far it is, and who uses the medium has to wait"
becomes 2000
sg_sanitize "${overwrite[@]}" --count=2 --early "$sg" >/dev/null
says "Logical unit not ready, sanitize in progress" 00 00 00 00 00 00
first=$(progress)
for cdb in "${READ_10[*]}" "${MODE_SENSE_6[*]}" "04 00 00 00 00 00" "48 02 00 00 00 00 00 00 00 00" \
	"48 1f 00 00 00 00 00 00 00 00"; do
	# shellcheck disable=SC2086 # The bytes of a CDB.
	says "Logical unit not ready, sanitize in progress" $cdb
done
sg_inq "$sg" >/dev/null
sg_luns "$sg" >/dev/null
! stmfadm modify-lu -s $((SIZE / 2))m "$lu" 2>"$WORK/error" || fail "expected no resize of what is being sanitized"
grep -q 'sanitized' "$WORK/error" || fail "expected to be told to wait, got $(<"$WORK/error")"
wait_for further "$first"
echo "$first % then $second %"

step "a reset, and the loss of the session, don't stop it"
sg_reset --device "$sg"
wait_for is "Logical unit not ready, sanitize in progress"
logout "$target"
login "$target"
wait_for find_generic "$target" 0
sg=$(find_generic "$target" 0)
wait_for is "Logical unit not ready, sanitize in progress"
becomes 0
wait_for is ok
holds "$WORK/pattern"

step "a format has a parameter list, with a pattern or without"
sg_raw --send=11 --infile="$WORK/format" "$sg" 04 10 00 00 00 00
holds "$WORK/format.pattern"
becomes 500
sg_raw --send=15 --infile="$WORK/format.long" "$sg" 04 38 00 00 00 00
says "Logical unit not ready, format in progress" "${READ_10[@]}"
[ -n "$(progress)" ] || fail "expected progress of the format"
becomes 0
wait_for is ok
holds "$WORK/format.long.pattern"
sg_format --format --quick --early "$sg" | tee "$WORK/sg_format" | tail -n 5
wait_for is ok
printf '\0' >"$WORK/zero"
holds "$WORK/zero"

step "what it doesn't do is refused"
refuses "Invalid field in parameter list" 8 "$WORK/format.defects" 04 10 00 00 00 00
refuses "Parameter list length error" 10 "$WORK/format" 04 10 00 00 00 00
says "Invalid field in cdb" 04 80 00 00 00 00
says "Invalid field in cdb" 48 03 00 00 00 00 00 00 00 00
says "Invalid field in cdb" 48 42 00 00 00 00 00 00 00 00

step "a format that is aborted leaves the medium corrupt, until the next one"
becomes 1000
refused sg_raw --timeout=2 --send=11 --infile="$WORK/format" "$sg" 04 10 00 00 00 00
wait_for is "Medium format corrupted"
says "Medium format corrupted" "${READ_10[@]}"
says ok "${MODE_SENSE_6[@]}"
becomes 0
says ok 04 00 00 00 00 00
says ok "${READ_10[@]}"

step "a sanitize that has failed is made up for by another that doesn't"
becomes 0 1024
refuses "Sanitize command failed" 7 "$WORK/sanitize" 48 01 00 00 00 00 00 00 07 00
for cdb in "00 00 00 00 00 00" "${READ_10[*]}" "${MODE_SENSE_6[*]}" "04 00 00 00 00 00"; do
	# shellcheck disable=SC2086 # The bytes of a CDB.
	says "Sanitize command failed" $cdb
done
sg_requests "$sg" 2>&1 | finds -i 'sanitize command failed' || fail "expected REQUEST SENSE to say so"
says "Invalid field in cdb" 48 1f 00 00 00 00 00 00 00 00
says "Invalid field in cdb" 48 22 00 00 00 00 00 00 00 00
becomes 0
sg_sanitize "${overwrite[@]}" --wait "$sg" >/dev/null
says ok "${READ_10[@]}"
holds "$WORK/pattern"

step "with AUSE it can be left behind"
becomes 0 1024
sg_sanitize "${overwrite[@]}" --ause --early "$sg" >/dev/null
wait_for is "Sanitize command failed"
sg_sanitize --fail --quick --wait "$sg" >/dev/null
says ok "${READ_10[@]}"
becomes 0

step "a disk that goes offline takes it along"
becomes 200
sg_sanitize "${overwrite[@]}" --early "$sg" >/dev/null
within 5 stmfadm offline-lu "$lu"
stmfadm online-lu "$lu"
wait_for is "Sanitize command failed"
sg_sanitize "${overwrite[@]}" --early "$sg" >/dev/null
within 5 stmfadm delete-lu "$lu"
no_task_lost
