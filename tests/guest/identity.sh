#!/usr/bin/env bash
# What initiators tell a disk: identifying information that is kept, the time, aliases; and its ports.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 240
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name identity)
make_target "$target"
file_lu plain 16M 1
file_lu disk 16M 0 -p meta="$WORK/meta"
guid=$GUID
hosts_log_in "$target" 2

# told DEVICE: the unit attention that it reports.
told() {
	local out
	if out=$(sg_turs -v "$1" 2>&1); then
		echo nothing
	else
		sed -n 's/.*Additional sense: //p' <<<"$out" | head -n 1
	fi
}
# set_information TYPE DEVICE: from the standard input.
set_information() { sg_ident -v --set --itype="$1" "$2"; }
# information TYPE DEVICE: in hexadecimal digits.
information() { sg_ident --raw --itype="$1" "$2" | od -An -v -tx1 | tr -d ' \n'; }
hex() { od -An -v -tx1 | tr -d ' \n'; }
# other_lun N LUN: the generic device of another LUN of the same session.
other_lun() {
	local generic
	for generic in /sys/class/scsi_generic/"${D[$1]##*/}"/device/../*:"$2"/scsi_generic/*; do
		echo "/dev/${generic##*/}"
	done
}

step "identifying information: set by one, told to the other"
expect "" "$(information 0 "${D[1]}")" "information at first"
head -c 512 /dev/urandom >"$WORK/information"
set_information 0 "${D[1]}" <"$WORK/information"
expect "Device identifier changed" "$(told "${D[2]}")" "host2"
expect nothing "$(told "${D[1]}")" "host1"
expect "$(hex <"$WORK/information")" "$(information 0 "${D[2]}")" "information"
printf 'Plätze\0' | set_information 2 "${D[2]}"
expect "Device identifier changed" "$(told "${D[1]}")" "host1"
expect "$(printf 'Plätze\0' | hex)" "$(information 2 "${D[1]}")" "text"
set_information 0 "${D[1]}" <"$WORK/information"
expect nothing "$(told "${D[2]}")" "of what stays as it is"
expect "000000080000020004000100" \
	"$(sg_raw -r 64 -b "${D[1]}" a3 05 00 00 00 00 00 00 00 40 fe 00 2>/dev/null | hex)" "types"

step "what can't be is refused, and changes nothing"
expect "Invalid field in parameter list" "$(ended set_information 2 "${D[1]}" < <(printf 'no end'))" "no null"
expect "Invalid field in parameter list" "$(ended set_information 2 "${D[1]}" < <(printf '\xff\0'))" "no UTF-8"
head -c 513 /dev/zero >"$WORK/long"
expect "Invalid field in cdb" \
	"$(ended sg_raw -s 513 -i "$WORK/long" "${D[1]}" a4 06 00 00 00 00 00 00 02 01 00 00)" "513 bytes"
expect "Invalid field in cdb" "$(ended set_information 2 "${D[1]}" < <(head -c 257 /dev/zero))" "257 bytes of text"
expect "Invalid field in cdb" "$(ended sg_ident -vv --itype=1 "${D[1]}")" "a type that there isn't"
expect "$(printf 'Plätze\0' | hex)" "$(information 2 "${D[1]}")" "text"
plain=$(other_lun 1 1)
wait_for sg_turs "$plain"
expect "Invalid field in cdb" "$(ended set_information 0 "$plain" <"$WORK/information")" "without metadata"
expect "" "$(information 0 "$plain")" "information of the other disk"

step "it comes back with the disk, also when that is made anew"
bring_back() {
	wait_for generic_of_host 1
	D[1]=$(generic_of_host 1)
	wait_for test -c "${D[1]}"
	calm_host 1
	expect "$(hex <"$WORK/information")" "$(information 0 "${D[1]}")" "information"
	expect "$(printf 'Plätze\0' | hex)" "$(information 2 "${D[1]}")" "text"
}
stmfadm delete-lu -k "$guid"
stmfadm import-lu "$WORK/meta"
bring_back
stmfadm delete-lu -k "$guid"
make_lu "$WORK/disk" -p guid="$guid" -p meta="$WORK/meta" >/dev/null
bring_back
stmfadm modify-lu -p alias=other "$guid"
bring_back
sg_ident --clear "${D[1]}"
expect "" "$(information 0 "${D[1]}")" "information after it was cleared"
expect "$(printf 'Plätze\0' | hex)" "$(information 2 "${D[1]}")" "text"
D[2]=$(generic_of_host 2)
calm_host 2
wait_for sg_turs "$plain"

step "a clock that is set goes on from there, for this disk alone"
origin() { sg_raw -r 12 -b "$1" a3 0f 00 00 00 00 00 00 00 0c 00 00 2>/dev/null | hex | cut -c 5-6; }
expect 03 "$(origin "${D[1]}")" "origin: the machine's clock"
sg_timestamp --milliseconds=1000000000000 "${D[1]}"
expect "Timestamp changed" "$(told "${D[2]}")" "host2"
expect nothing "$(told "${D[1]}")" "host1"
expect 02 "$(origin "${D[2]}")" "origin: SET TIMESTAMP"
first=$(sg_timestamp "${D[2]}")
sleep 1
second=$(sg_timestamp "${D[2]}")
((first >= 1000000000000 && first < 1000000100000)) || fail "expected about 10^12, got $first"
[ "$second" -ge $((first + 900)) ] || fail "expected a second more than $first, got $second"
expect 03 "$(origin "$plain")" "origin of the other disk"
printf '\0\0\0\0\xf1\0\0\0\0\0\0\0' >"$WORK/time"
set_time="a4 0f 00 00 00 00 00 00 00"
# shellcheck disable=SC2086 # Words.
expect "Invalid field in parameter list" "$(ended sg_raw -s 12 -i "$WORK/time" "${D[1]}" $set_time 0c 00 00)" "F1h"
# shellcheck disable=SC2086
expect "Parameter list length error" "$(ended sg_raw -s 11 -i "$WORK/time" "${D[1]}" $set_time 0b 00 00)" "short"
# shellcheck disable=SC2086
expect ok "$(ended sg_raw "${D[1]}" $set_time 00 00 00)" "no list"
page=$(sg_raw -r 64 -b "${D[1]}" 5a 08 0a 01 00 00 00 00 40 00 2>/dev/null | hex)
(((0x${page:24:2} & 6) == 6)) || fail "expected TCMOS and SCSIP in $page"

step "aliases are the initiator's own, and end with its session"
# change_aliases N HEX: CHANGE ALIASES of host N with these entries.
change_aliases() {
	local entries=${2// /} length
	length=$(printf %08x $((${#entries} / 2 + 4)))
	# shellcheck disable=SC2001,SC2059 # Escapes.
	printf "$(sed 's/../\\x&/g' <<<"${length}00000000$entries")" >"$WORK/aliases"
	length=$(printf %02x "$(stat -c %s "$WORK/aliases")")
	ended sg_raw -s "$((0x$length))" -i "$WORK/aliases" "${D[$1]}" \
		a4 0b 00 00 00 00 00 00 00 "$length" 00 00
}
# aliases N: what REPORT ALIASES returns to host N.
aliases() { sg_raw -r 512 -b "${D[$1]}" a3 0b 00 00 00 00 00 00 02 00 00 00 2>/dev/null | hex; }
one="0000000000000001 05 0000 00 0000 0008 69716e2e61000000"   # iqn.a
other="0000000000000001 05 0000 00 0000 0008 69716e2e62000000" # iqn.b
port="0000000000000002 00 0000 00 0000 0008 2100000000000001"
gone="0000000000000001 80 0000 00 0000 0000"
expect 0000000400000000 "$(aliases 1)" "aliases at first"
expect ok "$(change_aliases 1 "$one $port")" "two aliases"
expect "0000003400000002${one// /}${port// /}" "$(aliases 1)" "aliases"
expect 0000000400000000 "$(aliases 2)" "aliases of the other host"
expect ok "$(change_aliases 1 "$other")" "another name for the first"
expect "0000003400000002${port// /}${other// /}" "$(aliases 1)" "aliases"
expect "Invalid field in parameter list" "$(change_aliases 1 "$gone ${one/05/06}")" "a protocol without names"
expect "Parameter list length error" "$(change_aliases 1 "${one% *} 6971")" "an entry that is cut"
expect "0000003400000002${port// /}${other// /}" "$(aliases 1)" "aliases, as before"
expect ok "$(change_aliases 1 "$gone")" "an alias less"
expect "0000001c00000001${port// /}" "$(aliases 1)" "aliases"
iscsiadm -m node -T "$target" -I host1 --logout >/dev/null
iscsiadm -m node -T "$target" -I host1 --login >/dev/null
wait_for generic_of_host 1
D[1]=$(generic_of_host 1)
wait_for test -c "${D[1]}"
calm_host 1
expect 0000000400000000 "$(aliases 1)" "aliases in a new session"

step "VPD pages: the ports that lead to the disk, and limits"
second=$(target_name identity-second)
hidden=$(target_name identity-hidden)
make_target "$second"
make_target "$hidden"
ports() { sg_vpd --page=sp "${D[1]}" | grep -o 'iqn[^ ]*,t,0x[0-9a-f]*' | xargs; }
expect "$target,t,0x0001 $second,t,0x0001 $hidden,t,0x0001" "$(ports)" "ports"
stmfadm create-tg leading
at_exit "stmfadm delete-tg leading"
stmfadm add-tg-member -g leading "$target" "$second"
stmfadm remove-view -l "$guid" -a
stmfadm add-view -n 0 -t leading "$guid"
at_exit "stmfadm remove-view -l $guid -a"
wait_for generic_of_host 1
D[1]=$(generic_of_host 1)
calm_host 1
expect "$target,t,0x0001 $second,t,0x0001" "$(ports)" "ports that lead to the disk"
sg_vpd --page=sp "${D[1]}"
expect "$(printf '00b7003c%0120d' 0)" "$(sg_vpd --raw --page=0xb7 "${D[1]}" | hex)" "Block Limits Extension"
sg_vpd --page=bdc "${D[1]}" | finds 'VBULS=1' || fail "expected VBULS in $(sg_vpd --page=bdc "${D[1]}")"

step "they are among the supported operation codes, where they are supported"
sg_opcodes "${D[1]}" >"$WORK/opcodes"
for name in 'Report identifying information' 'Set identifying information' 'Report aliases' \
	'Change aliases' 'Set timestamp'; do
	grep -qiF "$name" "$WORK/opcodes" || fail "expected \"$name\" among $(cat "$WORK/opcodes")"
done
plain=$(other_lun 1 1)
wait_for sg_turs "$plain"
sg_opcodes "$plain" >"$WORK/opcodes"
grep -qi 'Report identifying information' "$WORK/opcodes" || fail "expected it without metadata, too"
if grep -qi 'Set identifying information' "$WORK/opcodes"; then fail "expected it to need metadata"; fi
