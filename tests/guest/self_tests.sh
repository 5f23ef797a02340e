#!/usr/bin/env bash
# Self-tests read the medium, in the fore- or the background, can be aborted, and their results are kept.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 240
. "$COMSTAR_TOP/tests/target.sh"

serve
loop=$(loop_device backing 64M)
at_exit "losetup -d $loop"
size=$(blockdev --getsz "$loop")
# table NAME FILE: makes a dm device, or gives it another table.
table() {
	if [ -e "/dev/mapper/$1" ]; then
		dmsetup suspend --nolockfs "$1"
		dmsetup reload "$1" "$2"
		dmsetup resume --noudevsync "$1"
	else
		dmsetup create "$1" "$2"
		udevadm settle
		at_exit "remove_dm $1"
	fi
}
echo "0 $size linear $loop 0" >"$WORK/quick"
# Reading all of it takes 50 s, in pieces of 128 KiB.
echo "0 $size delay $loop 0 100" >"$WORK/slow"
# Block 70001 can't be read.
cat >"$WORK/bad" <<EOF
0 70001 linear $loop 0
70001 1 error
70002 $((size - 70002)) linear $loop 70002
EOF
# Nor can the last one.
cat >"$WORK/worse" <<EOF
0 $((size - 1)) linear $loop 0
$((size - 1)) 1 error
EOF
dd if=/dev/zero of="$WORK/block" bs=512 count=1 status=none
table tested "$WORK/quick"
target=$(target_name self-tests)
make_target "$target"
device_lu /dev/mapper/tested 0
hosts_log_in "$target" 2

# told N WORD...: what a command of host N is told, or ok.
told() {
	local out
	out=$(sg_raw "${D[$1]}" "${@:2}" 2>&1) && echo ok && return
	sed -n 's/.*Additional sense: //p' <<<"$out" | head -n 1
}
# diagnose CODE: SEND DIAGNOSTIC of the first host with a self-test code.
diagnose() { told 1 1d "$(printf %02x $(($1 << 5)))" 00 00 00 00; }
# result: the latest: code and result, segment, block, sense key and code.
result() {
	sg_raw -r 404 -o "$WORK/results" "${D[1]}" 4d 00 50 00 00 00 00 01 94 00 2>/dev/null
	od -An -v -tx1 -j8 -N15 "$WORK/results" | tr -d '\n' |
		awk '{ print $1, $2, $5 $6 $7 $8 $9 $10 $11 $12, $13 "/" $14 "/" $15 }'
}
none=ffffffffffffffff
has_ended() { [[ $(result) != ?f* ]]; }
requested() { sg_requests "${D[$1]}" 2>&1 | sed -n 's/.*Additional sense: //p'; }
in_progress="Logical unit not ready, self-test in progress"
slow() { table tested "$WORK/slow"; }

step "the default self-test passes, and its result isn't kept"
sg_senddiag --test "${D[1]}"
expect "00 00 0000000000000000 00/00/00" "$(result)" "the latest result"

step "short and extended self-tests in the foreground have read the medium when they answer"
sectors() { awk '$3 == "'"$(basename "$(readlink /dev/mapper/tested)")"'" { print $6 }' /proc/diskstats; }
before=$(sectors)
expect ok "$(diagnose 5)" "a short one"
expect "a0 00 $none 00/00/00" "$(result)" "its result"
expect $((3 * 2048)) $(($(sectors) - before)) "sectors read"
before=$(sectors)
expect ok "$(diagnose 6)" "an extended one"
expect "c0 00 $none 00/00/00" "$(result)" "its result"
expect "$size" $(($(sectors) - before)) "sectors read"

step "in the background they answer at once, and end"
for code in 1 2; do
	expect ok "$(diagnose $code)" "a self-test with the code $code"
	wait_for has_ended
	expect "$code" "$(($(printf %d "0x$(result | cut -d' ' -f1)") >> 5))" "the code of the result"
	expect "00 $none 00/00/00" "$(result | cut -d' ' -f2-)" "its result"
	result | finds '^.0' || fail "expected the self-test to pass: $(result)"
done

step "meanwhile commands go on, progress is told, and there is one self-test at a time"
slow
expect ok "$(diagnose 2)" "an extended self-test in the background"
sg_requests --progress "${D[1]}" 2>&1 | tee "$WORK/progress"
grep -q 'Progress indication: [0-9.]*%' "$WORK/progress" || fail "expected progress to be told"
expect "$in_progress" "$(requested 2)" "REQUEST SENSE of the other host"
expect "4f 00 $none 00/00/00" "$(result)" "its result so far"
expect ok "$(told 2 -s 512 -i "$WORK/block" 2a 00 00 00 00 00 00 00 01 00)" "a write"
expect ok "$(told 2 -r 512 -o /dev/null 28 00 00 00 00 00 00 00 01 00)" "a read"
expect "$in_progress" "$(diagnose 1)" "another self-test"
expect "$in_progress" "$(told 2 1d 04 00 00 00 00)" "the default self-test"

step "it is aborted by SEND DIAGNOSTIC, a reset, and when the medium is stopped"
expect ok "$(diagnose 4)" "an abort"
expect "41 00 $none 00/00/00" "$(result)" "its result"
expect "Invalid field in cdb" "$(diagnose 4)" "an abort of nothing"
expect "No additional sense information" "$(requested 1)" "REQUEST SENSE"
expect ok "$(diagnose 2)" "the next self-test"
sg_reset --device "${D[2]}"
for n in 1 2; do calm_host "$n"; done
expect "42 00 $none 00/00/00" "$(result)" "the result after a reset"
expect ok "$(diagnose 2)" "the next self-test"
sg_start --stop "${D[1]}"
expect "42 00 $none 00/00/00" "$(result)" "the result after a stop"

step "in the foreground it keeps others away, until its command is aborted"
sg_raw -t 15 "${D[1]}" 1d c0 00 00 00 00 >/dev/null 2>&1 &
is_busy() { [ "$(told 2 00 00 00 00 00 00)" = "$in_progress" ]; }
wait_for is_busy
sg_inq "${D[2]}" >/dev/null
expect "$in_progress" "$(requested 2)" "REQUEST SENSE of the other host"
expect "$in_progress" "$(told 2 -r 512 28 00 00 00 00 00 00 00 01 00)" "a read"
wait $! || true
wait_for sg_turs "${D[2]}"
expect "c2 00 $none 00/00/00" "$(result)" "the result"
for n in 1 2; do calm_host "$n"; done

step "the first block at fault is found"
table tested "$WORK/bad"
expect ok "$(diagnose 2)" "an extended self-test in the background"
wait_for has_ended
expect "45 01 $(printf %016x 70001) 03/11/00" "$(result)" "its result"
expect ok "$(diagnose 5)" "a short one, which doesn't read that block"
table tested "$WORK/worse"
expect "Logical unit failed self-test" "$(diagnose 5)" "a short one, which reads the last block"
expect "a7 03 $(printf %016x $((size - 1))) 03/11/00" "$(result)" "its result"
table tested "$WORK/bad"
expect "Logical unit failed self-test" "$(diagnose 6)" "an extended one in the foreground"
expect "c5 01 $(printf %016x 70001) 03/11/00" "$(result)" "its result"

step "who wants warnings is told of one that failed in the background"
exception() { sg_logs --page=0x2f "${D[1]}" | sed -n 's/.*IE asc = \(0x[0-9a-f]*\), ascq = \(0x[0-9a-f]*\).*/\1 \2/p'; }
expect "0xb 0x3" "$(exception)" "the informational exception of the last one"
# iec FLAGS METHOD: MODE SELECT of the informational exceptions.
iec() {
	printf '%b' "\0\0\0\0\x1c\x0a\x$1\x$2\0\0\0\0\0\0\0\0" >"$WORK/list"
	expect ok "$(told 1 -s 16 -i "$WORK/list" 15 10 00 00 10 00)" "MODE SELECT"
	calm_host 2
}
iec 10 02
expect ok "$(diagnose 2)" "a self-test in the background"
# Who asked for its result meanwhile would be told then, and only once.
is_warned() { [ "$(told "$1" 00 00 00 00 00 00)" = "Warning - background self-test failed" ]; }
for n in 1 2; do wait_for is_warned $n; done
iec 10 06
expect "Warning - background self-test failed" "$(requested 2)" "REQUEST SENSE"
table tested "$WORK/quick"
expect ok "$(diagnose 2)" "a self-test that passes"
wait_for has_ended
expect "0x0 0x0" "$(exception)" "the informational exception"
expect "No additional sense information" "$(requested 2)" "REQUEST SENSE"
sg_logs --page=0x10 "${D[1]}" >"$WORK/log"
grep -q 'self-test result' "$WORK/log" || fail "expected results, got $(cat "$WORK/log")"
sg_raw "${D[1]}" 4c 02 50 00 00 00 00 00 00 00 2>/dev/null
expect "00 00 0000000000000000 00/00/00" "$(result)" "the latest result after LOG SELECT"
calm_host 2

step "offline and deleted while it runs, the disk is gone in bounded time"
slow
# The framework waits for commands in the device for 4 s.
expect ok "$(diagnose 2)" "a self-test in the background"
within 5 stmfadm offline-lu "$GUID"
stmfadm online-lu "$GUID"
for n in 1 2; do wait_for sg_turs "${D[n]}"; done
expect "42 00 $none 00/00/00" "$(result)" "the result after going offline"
expect ok "$(diagnose 2)" "a self-test in the background"
within 5 stmfadm delete-lu "$GUID"
