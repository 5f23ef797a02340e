#!/usr/bin/env bash
# Target groups have access states, which initiators read, set and feel in what they may do.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/initiator.sh"

RTPG=a30a00000000000000ff0000
VPD83=12018300ff00
READ=28000000000000000100

serve
east=$(target_name east)
west=$(target_name west)
make_target "$east"
make_target "$west"
file_lu disk 16M 0
disk=$GUID
file_lu other 16M 1
at_exit "stmfadm delete-tg east; stmfadm delete-tg west"
stmfadm create-tg east
stmfadm create-tg west
stmfadm add-tg-member -g east "$east"
stmfadm add-tg-member -g west "$west"
connect e host "$east"
# Pipelines have no file descriptors of a coprocess, but these.
exec {from}<&"${INITIATORS[0]}" {to}>&"${INITIATORS[1]}"
INITIATORS=("$from" "$to")
connect w host "$west"
calm e 0 1
calm w 0 1

set_access() { stmfadm set-access "$@"; }
# The field TPGS of the INQUIRY data, where it is in its byte.
tpgs() { printf '%02x\n' $((0x$(ask "$1" cdb 0 36 120000002400 | cut -c 16-17) & 0x30)); }
# drain SESSION LUN...: takes unit attentions, in whichever state.
drain() {
	local session=$1 lun
	shift
	for lun in "$@"; do
		while [[ $(ask "$session" tur "$lun") == "check 6/"* ]]; do :; done
	done
}
# Takes the same unit attention in both sessions.
both_told() {
	answers "check $1" e tur "${2:-0}"
	answers "check $1" w tur "${2:-0}"
}
alua_status() { stmfadm list-state | sed -n 's/^ALUA Status *: //p'; }

step "none without access states"
expect disabled "$(alua_status)" "ALUA status"
expect 00 "$(tpgs e)" TPGS
answers "check 5/20/00" e cdb 0 255 "$RTPG"
no "no access state for all" set_access -g east -l "$disk" standby
no "group not found" set_access -g north standby

step "a group with a state"
stmfadm monitor --json >"$WORK/events" &
at_exit "kill $!"
sleep 0.5
set_access -g east -e true active-optimized
expect enabled "$(alua_status)" "ALUA status"
both_told 6/2a/06
both_told 6/3f/03
expect 30 "$(tpgs e)" TPGS
drain e 1
drain w 1
set_access -g west -e true -p true standby
both_told 6/2a/06
# Who is told that its own group is another one is told that, too.
drain w 0 1
drain e 0 1

# Two groups of one port each: state, what is supported, number, by the target, port.
report() { ask "$1" cdb 0 255 "$RTPG" | sed 's/^good //'; }
expect 0000001800cf0001000200010000000182cf00020002000100000002 "$(report e)" "the report"
expect 0000001c1000000000cf0001000200010000000182cf00020002000100000002 \
	"$(ask w cdb 0 255 "a32a00000000000000ff0000" | sed 's/^good //')" "with an extended header"
answers "check 5/24/00" e cdb 0 255 a34a00000000000000ff0000
expect 51940004000000020115000400000002 "$(ask w cdb 0 255 "$VPD83" | tail -c 33)" \
	"relative port and group in the Device Identification page"

step "what each state admits"
in_state() {
	local state=$1 code=$2 capacity=$3 stpg=$4
	set_access -g west "$state"
	both_told 6/2a/06
	drain e 1
	answers good e tur 0
	answers "check $code" w tur 0
	answers "check 6/2a/06" w tur 1
	answers "check $code" w cdb 0 512 "$READ"
	[[ $(ask w cdb 0 36 120000002400) == good* ]] || fail "$state: expected INQUIRY to pass"
	[[ $(ask w cdb 0 255 "$RTPG") == good* ]] || fail "$state: expected RTPG to pass"
	expect "good 0 1" "$(ask w luns)" "$state: REPORT LUNS"
	# REQUEST SENSE tells what TEST UNIT READY would.
	expect "70 02 ${code#2/}" "$(ask w cdb 0 18 030000001200 |
		sed 's/^good \(..\)..\(..\).\{18\}\(..\)\(..\).*/\1 \2 \3\/\4/')" "$state: sense"
	expect "$capacity" "$(ask w cdb 0 8 25000000000000000000 | cut -d' ' -f1)" "$state: capacity"
	expect "$stpg" "$(ask w cdb 0 0 a40a00000000000000000000 | cut -d' ' -f1)" "$state: STPG"
}
in_state standby 2/04/0b good good
in_state unavailable 2/04/0c check good
in_state offline 2/04/12 check good
in_state transitioning 2/04/0a check check
for state in active-non-optimized active-optimized; do
	set_access -g west "$state"
	both_told 6/2a/06
	answers good w tur 0
	[[ $(ask w cdb 0 512 "$READ") == good* ]] || fail "$state: expected READ to pass"
	drain e 1
	drain w 1
done

step "a logical unit with a state of its own"
set_access -g west -l "$disk" standby
both_told 6/2a/06
answers "check 2/04/0b" w tur 0
answers good w tur 1
no "own" stmfadm clear-access -g west
no "cannot be used" set_access -g west -l "$disk" -e true
no "another target group" set_access -g west -n 1
stmfadm clear-access -g west -l "$disk"
both_told 6/2a/06
answers good w tur 0

step "initiators set states"
stpg() { ask "$1" out 0 "a40a0000000000000$(printf '%03x' $((${#2} / 2)))0000" "$2"; }
expect good "$(stpg e 000000000100000202000001)" "STPG"
# Not told: the one who did it.
answers "check 2/04/0b" e tur 0
answers "check 6/2a/06" w tur 0
answers good w tur 0
answers good e tur 1
expect 02cf00010001000100000001 "$(report e | cut -c 9-32)" "by an initiator"
expect "check 5/26/00" "$(stpg w 0000000000000009)" "a group that isn't there"
expect "check 5/26/00" "$(stpg w 000000000e000001)" "a state that can't be asked for"
expect "check 5/1a/00" "$(stpg w 00000000000000)" "half a descriptor"
expect good "$(stpg w 0000000000000001)" "STPG"
answers "check 6/2a/06" e tur 0

step "a reservation keeps others from setting states, but not from reading them"
# reserve_out ACTION TYPE KEY NEW-KEY: PERSISTENT RESERVE OUT by w.
reserve_out() { ask w out 0 "5f$1${2}00000000001800" "$(printf '%016x%016x%016x' "$3" "$4" 0)"; }
expect good "$(reserve_out 00 00 0 1)" REGISTER
expect good "$(reserve_out 01 01 1 0)" "RESERVE, write exclusive"
expect "status 18" "$(stpg e 0000000002000001)" "STPG by another"
expect good "$(ask e cdb 0 255 "$RTPG" | cut -d' ' -f1)" "RTPG by another"
expect good "$(stpg w 0000000002000001)" "STPG by the holder"
answers "check 6/2a/06" e tur 0
expect good "$(stpg w 0000000000000001)" "STPG by the holder"
answers "check 6/2a/06" e tur 0
expect good "$(reserve_out 03 00 1 0)" CLEAR
set_access -g east -e false
set_access -g west -e false
drain e 0 1
drain w 0 1
expect 10 "$(tpgs e)" TPGS
expect "check 5/20/00" "$(stpg e 0000000002000001)" "STPG where none may"

step "sg_utils"
set_access -g east -e true
hosts_log_in "$west" 1
out=$(sg_rtpg -d "${D[1]}")
grep -q "target port group id : 0x1 , Pref=0" <<<"$out" || fail "expected group 1, got: $out"
grep -q "asymmetric access state : 0x00" <<<"$out" || fail "expected a state: $out"
sg_stpg --tp=1 --state=s "${D[1]}"
sg_rtpg -d "${D[1]}" | finds "state : 0x02" || fail "expected group 1 on standby"
sg_inq "${D[1]}" | finds "TPGS=3" || fail "expected TPGS 3"
drain e 0 1
drain w 0 1

step "membership, listing, events"
stmfadm remove-tg-member -g east "$east"
answers "check 6/2a/06" e tur 0
answers "check 6/3f/03" e tur 0
answers good e tur 0
answers good w tur 0
expect 00cf0000 "$(report e | cut -c 9-16)" "group 0 has the port"
stmfadm add-tg-member -g east "$east"
answers "check 6/2a/06" e tur 0
answers "check 6/3f/03" e tur 0
expect '[["east",null,"active-optimized",1],["east","'"$disk"'","standby",null],["west",null,"active-optimized",2],["west","'"$disk"'","active-non-optimized",null]]' \
	"$(stmfadm list-access --json | jq -c '[.[] | [.group, .lu, .state, .number]]')" list-access
jq -r 'select(.event == "access-state") | "\(.group) \(.access) \(.lu)"' "$WORK/events" >"$WORK/told"
for event in "west standby null" "west standby $disk" "east standby $disk"; do
	grep -qx "$event" "$WORK/told" || fail "expected the event $event"
done

step "what is saved comes back"
stmfadm backup "$WORK/backup"
stmfadm clear-access -g west -l "$disk"
stmfadm clear-access -g west
stmfadm clear-access -g east -l "$disk"
stmfadm clear-access -g east
expect disabled "$(alua_status)" "ALUA status"
stmfadm restore "$WORK/backup" >/dev/null
expect "4 true" "$(stmfadm list-access --json | jq -r '"\(length) \(.[2].preferred)"')" restored
stmfadm delete-tg west
expect 2 "$(stmfadm list-access --json | jq length)" "states of the group that is left"
