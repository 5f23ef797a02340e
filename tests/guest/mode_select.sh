#!/usr/bin/env bash
# MODE SELECT changes what it may, tells the other initiators, and refuses the rest by field.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name modes)
make_target "$target"
file_lu disk 64M 0

hosts_log_in "$target" 2

# What a command of the initiator $1 is refused with.
refused_with() {
	local out
	out=$(sg_raw "${D[$1]}" "${@:2}" 2>&1) && echo ok && return
	sed -n 's/.*Additional sense: //p' <<<"$out" | head -n 1
}
# Sends the list $2 (bytes) to host $1 as MODE SELECT (6), with the flags of byte 1 in $3.
mode_select() {
	local -a bytes
	read -ra bytes <<<"$2"
	printf '%b' "$(printf '\\x%s' "${bytes[@]}")" >"$WORK/list"
	refused_with "$1" -s "${#bytes[@]}" -i "$WORK/list" \
		15 "${3:-10}" 00 00 "$(printf %02x "${#bytes[@]}")" 00
}
# The bytes of a page: control $2 (0 current, 1 changeable, 2 default, 3 saved), code $3.
page() {
	sg_raw -r 64 "${D[$1]}" 1a 08 "$(printf %02x $(($2 << 6 | 0x$3)))" 00 40 00 2>&1 |
		sed -n 's/^ *[0-9a-f]\{2\} \{5\}//p' | cut -c1-47 | tr -s ' \n' ' ' |
		cut -d' ' -f5-
}

step "the pages"
sg_modes -a "${D[1]}" | tee "$WORK/pages"
for name in 'Read-Write error recovery' Caching Control 'Power condition' 'Informational exceptions'; do
	grep -q "$name" "$WORK/pages" || fail "expected a page \"$name\""
done
case $(page 1 1 0a) in
"0a 0a 24 06 08 40 "*) ;;
*) fail "expected TST, D_SENSE, QERR, SWP, TAS changeable: $(page 1 1 0a)" ;;
esac
expect "Saving parameters not supported" "$(refused_with 1 -r 64 1a 08 c8 00 40 00)" "saved values"

step "D_SENSE changes the format of sense data, and the others are told"
mode_control="00 00 00 00 0a 0a 06 10 00 00 00 00 00 00 00 00"
expect ok "$(mode_select 1 "$mode_control")" "MODE SELECT"
expect ok "$(refused_with 1 00 00 00 00 00 00)" "TEST UNIT READY of who changed it"
expect "Mode parameters changed" "$(refused_with 2 00 00 00 00 00 00)" "TEST UNIT READY of the other"
unknown_command() { sg_raw "${D[1]}" ff 00 00 00 00 00 2>&1 || true; }
unknown_command | grep -i 'descriptor format' || fail "expected sense data in descriptor format"
expect ok "$(mode_select 1 "${mode_control/0a 0a 06/0a 0a 02}")" "MODE SELECT back"
unknown_command | grep -i 'fixed format' || fail "expected sense data in fixed format again"
calm_host 2

step "SWP forbids writes, not reads"
expect ok "$(mode_select 1 "00 00 00 00 0a 0a 02 10 08 00 00 00 00 00 00 00")" "MODE SELECT"
dd if=/dev/zero of="$WORK/block" bs=512 count=1 status=none
write=(-s 512 -i "$WORK/block" 2a 00 00 00 00 00 00 00 01 00)
calm_host 2
for n in 1 2; do
	expect "Logical unit software write protected" "$(refused_with "$n" "${write[@]}")" "a write"
	expect ok "$(refused_with "$n" -r 512 -o /dev/null 28 00 00 00 00 00 00 00 01 00)" "a read"
done
sg_modes -p 0x0a "${D[1]}" >"$WORK/pages"
grep -q 'WP=1' "$WORK/pages" || fail "expected WP in the header"
expect ok "$(mode_select 1 "${mode_control/0a 0a 06/0a 0a 02}")" "MODE SELECT back"
expect ok "$(refused_with 1 "${write[@]}")" "a write after that"
calm_host 2

step "WCE switches the write cache, and nobody is told of what is no change"
case $(page 1 0 08) in
"08 12 04 "*) ;;
*) fail "expected the write cache enabled: $(page 1 0 08)" ;;
esac
caching="00 00 00 00 08 12 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
expect ok "$(mode_select 1 "$caching")" "MODE SELECT"
case $(page 1 0 08) in
"08 12 00 "*) ;;
*) fail "expected the write cache disabled: $(page 1 0 08)" ;;
esac
expect "Mode parameters changed" "$(refused_with 2 00 00 00 00 00 00)" "TEST UNIT READY of the other"
expect ok "$(mode_select 1 "$caching")" "the same MODE SELECT"
expect ok "$(refused_with 2 00 00 00 00 00 00)" "TEST UNIT READY of the other"
expect ok "$(refused_with 1 "${write[@]}")" "a write without a cache"
expect ok "$(mode_select 1 "${caching/08 12 00/08 12 04}")" "MODE SELECT back"

step "informational exceptions are reported as asked, in a test, too"
# exceptions FLAGS METHOD
exceptions() { mode_select 1 "00 00 00 00 1c 0a $1 $2 00 00 00 00 00 00 00 00"; }
expect "1c 0a 08 00" "$(page 1 0 1c | cut -d' ' -f1-4)" "reporting is disabled"
expect "1c 0a 1c 06" "$(page 1 1 1c | cut -d' ' -f1-4)" "EWASC, DEXCPT, TEST, MRIE changeable"
expect ok "$(exceptions 04 02)" "TEST, to be reported as unit attention"
expect "Failure prediction threshold exceeded (false)" "$(refused_with 1 00 00 00 00 00 00)" "who asked for it"
expect "Mode parameters changed" "$(refused_with 2 00 00 00 00 00 00)" "the other"
expect "Failure prediction threshold exceeded (false)" "$(refused_with 2 00 00 00 00 00 00)" "the other, next"
for n in 1 2; do expect ok "$(refused_with "$n" 00 00 00 00 00 00)" "host $n, after that"; done
sg_logs --page=0x2f "${D[1]}" | finds 'IE asc = 0x5d, ascq = 0xff' ||
	fail "expected the log to have it, got $(sg_logs --page=0x2f "${D[1]}")"
requested() { sg_requests "${D[$1]}" 2>&1 | sed -n 's/.*Additional sense: //p'; }
expect "No additional sense information" "$(requested 1)" "REQUEST SENSE"
expect ok "$(exceptions 04 06)" "TEST, to be reported on request"
calm_host 2
for n in 1 2; do
	expect ok "$(refused_with "$n" 00 00 00 00 00 00)" "TEST UNIT READY of host $n"
	expect "Failure prediction threshold exceeded (false)" "$(requested "$n")" "REQUEST SENSE of host $n"
done
expect "Invalid field in parameter list" "$(exceptions 0c 06)" "TEST while reporting is disabled"
expect "Invalid field in parameter list" "$(exceptions 00 04)" "MRIE 4h"
expect ok "$(exceptions 08 00)" "MODE SELECT back"
calm_host 2
expect "No additional sense information" "$(requested 2)" "REQUEST SENSE after that"

step "what is out of order is refused by field"
expect "Invalid field in cdb" "$(mode_select 1 "$caching" 11)" "SP"
expect "Invalid field in cdb" "$(mode_select 1 "$caching" 00)" "PF"
expect "Parameter list length error" "$(mode_select 1 "${caching% 00}")" "a page that is cut"
sg_raw -s 24 -i <(printf '\0\0\0\0\x08\x12\x04\0\0\0\0\0\0\0\0\0\x20\0\0\0\0\0\0\0') \
	"${D[1]}" 15 10 00 00 18 00 2>&1 | tee "$WORK/sense" || true
grep -q 'Invalid field in parameter list' "$WORK/sense" || fail "expected DRA to be refused"
grep -qE 'byte 16.* bit 5' "$WORK/sense" || fail "expected a pointer to DRA"

step "with metadata, SP saves the values, and they survive the LU"
stmfadm delete-lu "$GUID"
file_lu saved 64M 0 -p meta="$WORK/meta"
both_ready() {
	for n in 1 2; do
		wait_for sg_turs "${D[n]}"
	done
}
both_ready
# The write cache, TAS and D_SENSE of page control $1; PS says that they can be saved.
values() { echo "$(page 1 "$1" 08 | cut -d' ' -f1-3), $(page 1 "$1" 0a | cut -d' ' -f1-6)"; }
begun="88 12 04, 8a 0a 02 10 00 00"
expect "$begun" "$(values 3)" "saved values of a new disk"
expect ok "$(mode_select 1 "$caching")" "MODE SELECT without SP"
expect "$begun" "$(values 3)" "saved values after that"
expect ok "$(mode_select 1 "00 00 00 00 0a 0a 06 10 00 40 00 00 00 00 00 00" 11)" "MODE SELECT with SP"
changed="88 12 00, 8a 0a 06 10 00 40"
expect "$changed" "$(values 0)" "current values"
expect "$changed" "$(values 3)" "saved values: all of them, not only those sent"
expect ok "$(mode_select 1 "$mode_control")" "MODE SELECT without SP"
stmfadm delete-lu -k "$GUID"
stmfadm import-lu "$WORK/meta"
both_ready
expect "$changed" "$(values 0)" "current values after import-lu"
expect "$begun" "$(values 2)" "default values"
unknown_command | grep -i 'descriptor format' || fail "expected sense data in descriptor format"
stmfadm modify-lu -p wcd=false "$GUID"
both_ready
expect "${changed/12 00/12 04}" "$(values 3)" "saved values after modify-lu"

step "informational exceptions are saved, but for TEST"
expect ok "$(mode_select 1 "00 00 00 00 1c 0a 14 06 00 00 00 00 00 00 00 00" 11)" "MODE SELECT with SP"
expect "9c 0a 14 06" "$(page 1 0 1c | cut -d' ' -f1-4)" "current values"
expect "9c 0a 10 06" "$(page 1 3 1c | cut -d' ' -f1-4)" "saved values"
stmfadm delete-lu -k "$GUID"
stmfadm import-lu "$WORK/meta"
both_ready
expect "9c 0a 10 06" "$(page 1 0 1c | cut -d' ' -f1-4)" "current values after import-lu"
expect "${changed/12 00/12 04}" "$(values 0)" "the others after import-lu"
