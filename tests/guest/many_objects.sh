#!/usr/bin/env bash
# Lists of 10,000 objects are complete, also while everything changes, and two administrators don't mix.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 300
# alone
. "$COMSTAR_TOP/tests/target.sh"

COUNT=10000
export STMF_STORE=$WORK/store
load_stmf stmf_sbd stmf_iscsi
at_exit unload_stmf
at_exit "stmfadm restore '$WORK/nothing' >/dev/null"
stmfadm backup "$WORK/nothing"

# configuration JQ-EXPRESSION: a file for stmfadm apply.
configuration() {
	jq -n "{format: \"stmf-configuration\", version: 1} + $1"
}
host() { printf 'iqn.2026-11.test:%s%05d' "$1" "$2"; }

step "ten thousand hosts in a group, and twenty disks with views"
configuration '{
	"host-group": [{name: "all"}, {name: "others"}],
	"host-group-member":
		[range('$COUNT') | {group: "all", name: "iqn.2026-11.test:\(100000 + .)"}]
}' >"$WORK/hosts"
# Not saved: the file of the group would be written 10,000 times.
STMF_STORE='' stmfadm apply "$WORK/hosts" >/dev/null
for number in $(seq 20); do truncate -s 1M "$WORK/disk$number"; done
configuration '{
	disk: [range(1; 21) | {guid: "600144F00000000000000000000000\(10 + .)", file: "'"$WORK"'/disk\(.)"}],
	view: [range(1; 21) | {guid: "600144F00000000000000000000000\(10 + .)", lun: .}]
}' >"$WORK/disks"
stmfadm apply "$WORK/disks" >/dev/null

# check: all that stays is listed, and once.
check() {
	local hosts disks
	hosts=$(stmfadm list-hg --json all | jq '[.[0].members[] | select(test(":1[0-9]{5}$"))] |
		if length == (unique | length) then length else "some twice" end')
	expect "$COUNT" "$hosts" "hosts"
	disks=$(stmfadm list-lu --json | jq '[.[] | select(.guid | startswith("600144F0000000000000")) | .guid] |
		if length == (unique | length) then length else "some twice" end')
	expect 20 "$disks" "disks"
}
check
expect "$COUNT" "$(as_nobody stmfadm list-hg -v all | grep -c Member)" \
	"hosts that an ordinary user sees"
status=0
STMF_STORE="" as_nobody stmfadm create-hg mine 2>"$WORK/refusal" || status=$?
expect 5 "$status" "exit status of an ordinary user's change"
grep -q "permission denied" "$WORK/refusal" || fail "expected permission denied, got $(cat "$WORK/refusal")"

step "the same while hosts and disks come and go"
truncate -s 1M "$WORK/passing"
changes() {
	local number=0 guid
	export STMF_STORE=
	while [ ! -e "$WORK/enough" ]; do
		number=$((number + 1))
		stmfadm add-hg-member -g all "$(host 0 $number)" "$(host 9 $number)"
		guid=$(stmfadm create-lu "$WORK/passing")
		stmfadm add-view -n $((1000 + number % 1000)) "${guid##* }"
		stmfadm delete-lu "${guid##* }"
		stmfadm remove-hg-member -g all "$(host 0 $number)" "$(host 9 $number)"
	done
	echo "$number" >"$WORK/rounds"
}
changes &
changer=$!
for _ in $(seq 10); do check; done
touch "$WORK/enough"
wait "$changer" || fail "expected every change to be made"
[ "$(cat "$WORK/rounds")" -ge 5 ] || fail "expected changes meanwhile, got $(cat "$WORK/rounds")"

step "two administrators at once: what one of them said, and nothing of the other"
for who in 100 200; do
	configuration '{
		view: [range(1; 21) | {guid: "600144F00000000000000000000000\(10 + .)", lun: (. + '$who')}],
		"host-group-member": [range(30) | {group: "others", name: "iqn.2026-11.test:who'$who'.\(.)"}]
	}' >"$WORK/of.$who"
done
# served WHO: what that one says is so. Where all is slow, one may have to try again when the other has taken long.
served() {
	until stmfadm apply "$WORK/of.$1" >/dev/null 2>"$WORK/told.$1"; do
		grep -q "another program is changing the configuration" "$WORK/told.$1" ||
			fail "expected the administrator of $1 to be served, got $(cat "$WORK/told.$1")"
	done
}
for round in $(seq 3); do
	served 100 &
	first=$!
	served 200
	wait "$first" || fail "expected the first administrator to be served"
	last=100
	stmfadm list-hg -v others | finds who200 && last=200
	expect "" "$(stmfadm apply --dry-run "$WORK/of.$last")" "what $last said is not so, round $round"
	stmfadm list-hg -v others >"$WORK/members"
	expect 30 "$(grep -c "who$last" "$WORK/members")" "members of $last"
	expect 30 "$(grep -c who "$WORK/members")" "members in all"
done
