#!/usr/bin/env bash
# Reservations keep other initiators out as SPC's tables say, and tell whom they took something from.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 480
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name reserved)
make_target "$target"
file_lu disk 64M 0

hosts_log_in "$target" 3

# out HOST OPTION...: a PERSISTENT RESERVE OUT.
out() { ended sg_persist -v -n --out "${@:2}" "${D[$1]}"; }
# in_ HOST OPTION...: a PERSISTENT RESERVE IN.
in_() { sg_persist -n --in "${@:2}" "${D[$1]}"; }
# The unit attention that waits for a host.
attention() { ended sg_raw "${D[$1]}" 00 00 00 00 00 00; }
no_attentions() {
	for n in 1 2 3; do
		until [ "$(attention "$n")" = ok ]; do :; done
	done
}
# Everybody's registrations go.
clear_all() {
	out 1 --register-ignore --param-sark=1 >/dev/null
	expect ok "$(out 1 --clear --param-rk=1)" "CLEAR"
	no_attentions
}
no_attentions

step "the tables of commands that are allowed"
# Name; write exclusive and exclusive access; with the types for registrants: a registrant, and a
# stranger with write exclusive and with exclusive access; direction and length; CDB, of a form that
# does no harm where it is allowed.
TABLE="
COMPARE_AND_WRITE       ccacc -      89 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
EXTENDED_COPY           ccacc -      83 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
FORMAT_UNIT             ccacc -      04 00 00 00 00 00
GET_LBA_STATUS          acaac -r24   9e 12 00 00 00 00 00 00 00 00 00 00 00 18 00 00
INQUIRY                 aaaaa -r36   12 00 00 00 24 00
LOG_SELECT              ccacc -      4c 00 00 00 00 00 00 00 00 00
LOG_SENSE               aaaaa -r4    4d 00 40 00 00 00 00 00 04 00
MODE_SELECT(10)         ccacc -      55 10 00 00 00 00 00 00 00 00
MODE_SELECT(6)          ccacc -      15 10 00 00 00 00
MODE_SENSE(10)          acaac -r8    5a 00 08 00 00 00 00 00 08 00
MODE_SENSE(6)           acaac -r4    1a 00 08 00 04 00
ORWRITE(16)             ccacc -      8b 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
PERSISTENT_RESERVE_IN   aaaaa -r8    5e 00 00 00 00 00 00 00 08 00
PRE-FETCH(10)           acaac -      34 00 00 00 00 00 00 00 00 00
PRE-FETCH(16)           acaac -      90 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
PREVENT_ALLOW:0         aaaaa -      1e 00 00 00 00 00
PREVENT_ALLOW:1         ccacc -      1e 00 00 00 01 00
READ(10)                acaac -r512  28 00 00 00 00 00 00 00 01 00
READ(12)                acaac -r512  a8 00 00 00 00 00 00 00 00 01 00 00
READ(16)                acaac -r512  88 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00
READ(6)                 acaac -r512  08 00 00 00 01 00
READ_BUFFER(10)         acaac -r4    3c 03 00 00 00 00 00 00 04 00
READ_BUFFER(16)         acaac -r4    9b 03 00 00 00 00 00 00 00 00 00 00 00 04 00 00
READ_CAPACITY(10)       aaaaa -r8    25 00 00 00 00 00 00 00 00 00
READ_CAPACITY(16)       aaaaa -r32   9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00
READ_DEFECT_DATA(10)    acaac -r4    37 00 00 00 00 00 00 00 04 00
READ_DEFECT_DATA(12)    acaac -r8    b7 00 00 00 00 00 00 00 00 08 00 00
RECEIVE_COPY_RESULTS    acaac -r4    84 03 00 00 00 00 00 00 00 00 00 00 00 04 00 00
RECEIVE_DIAGNOSTIC      acaac -r4    1c 01 00 00 04 00
RELEASE(10)             ccacc -      57 00 00 00 00 00 00 00 00 00
RELEASE(6)              ccacc -      17 00 00 00 00 00
REPORT_ALIASES          aaaaa -r8    a3 0b 00 00 00 00 00 00 00 08 00 00
REPORT_IDENTIFYING      aaaaa -r4    a3 05 00 00 00 00 00 00 00 04 00 00
REPORT_LUNS             aaaaa -r16   a0 00 00 00 00 00 00 00 00 10 00 00
REPORT_OPCODES          acaac -r4    a3 0c 00 00 00 00 00 00 00 04 00 00
REPORT_PORT_GROUPS      aaaaa -r4    a3 0a 00 00 00 00 00 00 00 04 00 00
REPORT_TIMESTAMP        aaaaa -r4    a3 0f 00 00 00 00 00 00 00 04 00 00
REPORT_TMF              acaac -r4    a3 0d 00 00 00 00 00 00 00 04 00 00
REQUEST_SENSE           aaaaa -r18   03 00 00 00 12 00
RESERVE(10)             ccacc -      56 00 00 00 00 00 00 00 00 00
RESERVE(6)              ccacc -      16 00 00 00 00 00
SANITIZE                ccacc -      48 02 00 00 00 00 00 00 00 00
SEND_DIAGNOSTIC         ccacc -      1d 00 00 00 00 00
SET_IDENTIFYING         ccacc -      a4 06 00 00 00 00 00 00 00 00 00 00
SET_PORT_GROUPS         ccacc -      a4 0a 00 00 00 00 00 00 00 00 00 00
SET_TIMESTAMP           ccacc -      a4 0f 00 00 00 00 00 00 00 00 00 00
START_STOP_UNIT:power   ccacc -      1b 00 00 00 10 00
START_STOP_UNIT:start   aaaaa -      1b 00 00 00 01 00
START_STOP_UNIT:stop    ccacc -      1b 00 00 00 00 00
SYNCHRONIZE_CACHE(10)   ccacc -      35 00 00 00 00 00 00 00 00 00
SYNCHRONIZE_CACHE(16)   ccacc -      91 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
TEST_UNIT_READY         aaaaa -      00 00 00 00 00 00
UNMAP                   ccacc -      42 00 00 00 00 00 00 00 00 00
VERIFY(10)              acaac -      2f 00 00 00 00 00 00 00 01 00
VERIFY(12)              acaac -      af 00 00 00 00 00 00 00 00 01 00 00
VERIFY(16)              acaac -      8f 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00
WRITE(10)               ccacc -s512  2a 00 00 00 00 00 00 00 01 00
WRITE(12)               ccacc -      aa 00 00 00 00 00 00 00 00 00 00 00
WRITE(16)               ccacc -      8a 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
WRITE(6)                ccacc -s512  0a 00 00 00 01 00
WRITE_AND_VERIFY(10)    ccacc -      2e 00 00 00 00 00 00 00 00 00
WRITE_AND_VERIFY(16)    ccacc -      8e 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
WRITE_ATOMIC(16)        ccacc -      9c 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
WRITE_BUFFER            ccacc -      3b 02 00 00 00 00 00 00 00 00
WRITE_SAME(10)          ccacc -s512  41 00 00 00 00 00 00 00 01 00
WRITE_SAME(16)          ccacc -s512  93 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00
"
dd if=/dev/zero of="$WORK/block" bs=512 count=1 status=none

# try HOST DIRECTION CDB...
try() {
	local -a how=()
	case $2 in
	-r*) how=(-r "${2#-r}" -o /dev/null) ;;
	-s*) how=(-s "${2#-s}" -i "$WORK/block") ;;
	esac
	ended sg_raw "${how[@]}" "${D[$1]}" "${@:3}"
}

# column TYPE IS-REGISTERED: which character of the second column holds.
column() {
	case $1.$2 in
	1.*) echo 0 ;;
	3.*) echo 1 ;;
	*.yes) echo 2 ;;
	5.no | 7.no) echo 3 ;;
	*) echo 4 ;;
	esac
}

checked=0
for type in 1 3 5 6 7 8; do
	expect ok "$(out 1 --register --param-sark=1)" "REGISTER of host 1"
	expect ok "$(out 2 --register --param-sark=2)" "REGISTER of host 2"
	expect ok "$(out 1 --reserve --param-rk=1 --prout-type="$type")" "RESERVE, type $type"
	while read -r name row how cdb; do
		[ -n "$name" ] || continue
		for who in 1 2 3; do
			case $who in
			1) allowed=a ;;
			2) at=$(column "$type" yes) allowed=${row:at:1} ;;
			3) at=$(column "$type" no) allowed=${row:at:1} ;;
			esac
			# shellcheck disable=SC2086
			got=$(try "$who" "$how" $cdb)
			[ "$got" = conflict ] && is=c || is=a
			expect "$allowed" "$is" "$name, type $type, host $who ($got)"
			checked=$((checked + 1))
		done
	done <<<"$TABLE"
	clear_all
done
echo "$checked combinations as the tables say"

step "the service actions that are allowed"
for type in 1 3 5 6; do
	expect ok "$(out 1 --register --param-sark=1)" "REGISTER"
	expect ok "$(out 1 --reserve --param-rk=1 --prout-type="$type")" "RESERVE"
	for action in clear preempt preempt-abort release reserve; do
		expect conflict "$(out 3 "--$action" --param-rk=0 --param-sark=1 --prout-type="$type")" \
			"$action by a stranger, type $type"
	done
	expect ok "$(out 2 --register --param-sark=2)" "REGISTER by another"
	expect conflict "$(out 2 --reserve --param-rk=2 --prout-type="$type")" "RESERVE by another"
	expect conflict "$(out 2 --release --param-rk=9 --prout-type="$type")" "a wrong key"
	expect ok "$(out 2 --release --param-rk=2 --prout-type="$type")" "RELEASE by another"
	in_ 1 --read-reservation | finds 'Key=0x1$' || fail "expected host 1 to hold it still"
	clear_all
done

step "who loses something is told, and nobody else"
register_three() {
	for n in 1 2 3; do
		expect ok "$(out "$n" --register-ignore --param-sark="$n")" "REGISTER of host $n"
	done
}
attentions() { echo "$(attention 1), $(attention 2), $(attention 3)"; }
register_three
expect ok "$(out 1 --reserve --param-rk=1 --prout-type=5)" "RESERVE"
expect ok "$(out 1 --release --param-rk=1 --prout-type=5)" "RELEASE"
expect "ok, Reservations released, Reservations released" "$(attentions)" "after RELEASE"
expect ok "$(out 1 --reserve --param-rk=1 --prout-type=3)" "RESERVE"
expect ok "$(out 2 --preempt --param-rk=2 --param-sark=1 --prout-type=1)" "PREEMPT"
expect "Registrations preempted, ok, Reservations released" "$(attentions)" "after PREEMPT"
in_ 3 --read-keys | tr -d ' \n' | finds '0x20x3$' || fail "expected the keys 2 and 3"
in_ 3 --read-reservation | finds 'Key=0x2$' || fail "expected host 2 to hold it"
register_three
expect ok "$(out 3 --clear --param-rk=3)" "CLEAR"
expect "Reservations preempted, Reservations preempted, ok" "$(attentions)" "after CLEAR"

step "PREEMPT AND ABORT while the other is at work"
register_three
expect ok "$(out 1 --reserve --param-rk=1 --prout-type=5)" "RESERVE"
# Reads that hold nothing up: what counts is that they end, and the test with them.
sg_dd if="${D[1]}" of=/dev/null bs=512 bpt=8 count=4096 >/dev/null 2>&1 &
reader=$!
sleep 0.3
expect ok "$(out 2 --preempt-abort --param-rk=2 --param-sark=1 --prout-type=5)" "PREEMPT AND ABORT"
wait "$reader" || true
# The reader may have been told, or have been too quick for that.
no_attentions
expect conflict "$(try 1 -s512 2a 00 00 00 00 00 00 00 01 00)" "a write of the one preempted"
clear_all

step "SPEC_I_PT, REGISTER AND MOVE"
# The initiator port of a host, as READ FULL STATUS names it.
transport_id() {
	in_ "$1" --read-full-status | grep -o "iqn.2024-01.test:host$1,i,0x[0-9a-f]*" | head -n 1
}
expect ok "$(out 2 --register --param-sark=2)" "REGISTER of host 2"
port_2=$(transport_id 2)
[ -n "$port_2" ] || fail "expected READ FULL STATUS to name host 2's port: $(in_ 1 --read-full-status)"
expect ok "$(out 2 --register --param-rk=2 --param-sark=0)" "unregistering host 2"
expect ok "$(out 1 --register --param-sark=1)" "REGISTER"
relative_port=$(in_ 1 --read-full-status | sed -n 's/.*Relative port address: 0x//p' | head -n 1)
[ -n "$relative_port" ] || fail "expected READ FULL STATUS to tell the relative port"
expect ok "$(out 1 --reserve --param-rk=1 --prout-type=3)" "RESERVE"
expect ok "$(out 1 --register-move --param-rk=1 --param-sark=7 --relative-target-port="$relative_port" \
	--transport-id="$port_2")" "REGISTER AND MOVE"
expect ok "$(try 2 -s512 2a 00 00 00 00 00 00 00 01 00)" "a write of the new holder"
expect conflict "$(try 1 -s512 2a 00 00 00 00 00 00 00 01 00)" "a write of the old holder"
clear_all
expect ok "$(out 1 --register --param-sark=4 --transport-id="$port_2")" "REGISTER with SPEC_I_PT"
expect ok "$(out 1 --reserve --param-rk=4 --prout-type=6)" "RESERVE"
expect ok "$(try 2 -r512 28 00 00 00 00 00 00 00 01 00)" "a read of the one registered by another"
expect conflict "$(try 3 -r512 28 00 00 00 00 00 00 00 01 00)" "a read of a stranger"
clear_all

step "RESERVE of SPC-2 ends with the session"
expect ok "$(try 1 - 16 00 00 00 00 00)" "RESERVE(6)"
expect conflict "$(try 2 - 00 00 00 00 00 00)" "TEST UNIT READY by another"
expect conflict "$(out 2 --register --param-sark=2)" "PERSISTENT RESERVE OUT"
expect ok "$(try 2 -r36 12 00 00 00 24 00)" "INQUIRY by another"
expect ok "$(try 2 - 17 00 00 00 00 00)" "RELEASE(6) by another"
expect conflict "$(try 2 - 00 00 00 00 00 00)" "TEST UNIT READY by another after its RELEASE"
iscsiadm -m node -T "$target" -I host1 --logout >/dev/null
expect ok "$(try 2 - 00 00 00 00 00 00)" "TEST UNIT READY by another after the logout"

step "what is out of order is refused by name"
expect "Invalid field in parameter list" "$(out 2 --register --param-sark=2 --param-aptpl)" "APTPL"
expect ok "$(out 2 --register --param-sark=2)" "REGISTER"
expect "Invalid field in cdb" "$(out 2 --reserve --param-rk=2 --prout-type=2)" "an obsolete type"
expect ok "$(out 2 --reserve --param-rk=2 --prout-type=1)" "RESERVE"
expect "Invalid release of persistent reservation" \
	"$(out 2 --release --param-rk=2 --prout-type=3)" "RELEASE of another type"
expect ok "$(out 2 --clear --param-rk=2)" "CLEAR"
in_ 2 --report-capabilities
