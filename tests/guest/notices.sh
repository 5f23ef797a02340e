#!/usr/bin/env bash
# Initiators are told what they would not ask: of other LUNs, to log out, to log in elsewhere.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 240
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name notices)
make_target "$target"
file_lu disk 64M 0
truncate -s 32M "$WORK/second"
second=$(make_lu "$WORK/second")
at_exit "stmfadm delete-lu $second"

step "what a session is told, by the byte"
python3 "$COMSTAR_TOP/tests/notices.py" "$target" "$second"

step "a new view makes the disk appear at a real initiator"
stmfadm remove-view -l "$second" -a
login "$target"
disk=$(disk_of "$target" 0)
no_second() { ! compgen -G "/sys/class/iscsi_session/session*/device/target*/*:*:*:9" >/dev/null; }
no_second || fail "expected no LUN 9 before its view"
stmfadm add-view -n 9 "$second"
appears() { compgen -G "/sys/class/iscsi_session/session*/device/target*/*:*:*:9/block/*"; }
wait_for -t 10 appears

step "a target goes offline under load, and its initiator comes back"
quick_recovery "$target" 127.0.0.1:3260
fio_verify away "$disk" --rw=randwrite --bs=16k --iodepth=8 --size=32M --rate=4m &
load=$!
sleep 2
stmfadm offline-target "$target"
expect 0 "$(sessions_of "$target")" "sessions of the target that is offline"
stmfadm online-target "$target"
wait "$load" || fail "expected the initiator to go on: $(cat "$WORK/fio.away")"
logout "$target"

step "logins are sent to another address"
itadm create-tpg elsewhere 127.0.0.1:3261 >/dev/null
at_exit "itadm delete-tpg -f elsewhere"
itadm modify-target -t default,elsewhere "$target" >/dev/null
tag=$(itadm list-tpg --json elsewhere | jq '.[0].tag')
refused itadm modify-target -r "nowhere at all" "$target"
refused itadm modify-target -r 127.0.0.1:0 "$target"
refused itadm modify-target --permanent "$target"
for redirection in temporary permanent; do
	flag=
	[ "$redirection" = temporary ] || flag=--permanent
	itadm modify-target -r "127.0.0.1:3261,$tag" $flag "$target" >/dev/null
	expect "127.0.0.1:3261,$tag $redirection" "$(itadm list-target --json "$target" |
		jq -r '.[0].redirect | "\(.address) \(.redirection)"')" "redirect as listed"
	login "$target" 127.0.0.1:3260
	expect 127.0.0.1:3261 "$(itadm list-session --json "$target" | jq -r '.[0].local')" \
		"where the initiator came in, $redirection"
	logout "$target" 127.0.0.1:3260
done
itadm modify-target -r none "$target" >/dev/null
expect null "$(itadm list-target --json "$target" | jq '.[0].redirect')" "redirect after none"
login "$target" 127.0.0.1:3260
expect 127.0.0.1:3260 "$(itadm list-session --json "$target" | jq -r '.[0].local')" \
	"where the initiator came in, without a redirect"
