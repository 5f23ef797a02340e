#!/usr/bin/env bash
# Every list is written as JSON that fits its schema in Documentation/json/, full and empty.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

# fits LEAST TOOL COMMAND [OPERAND...]
fits() {
	local least=$1 tool=$2 command=$3
	shift 3
	"$tool" "$command" --json "$@" >"$WORK/out" || fail "expected $tool $command --json to succeed"
	python3 "$COMSTAR_TOP/tests/json_schema.py" "$COMSTAR_TOP/Documentation/json/$tool.json" \
		"$command" "$least" <"$WORK/out" || {
		cat "$WORK/out"
		fail "$tool $command --json: expected what the schema says"
	}
	echo "    $tool $command"
}

# Each list that a tool has, by its own usage, but for those that need an operand.
lists() { "$1" --help | sed -n 's/^  \(list-[a-z]*\) .*/\1/p' | grep -v '^list-view$'; }

serve

step "every list has a schema, and nothing in it is a list too"
for tool in stmfadm itadm; do
	[ "$(lists "$tool" | wc -l)" -ge 5 ] || fail "expected at least five lists of $tool"
	for command in $(lists "$tool"); do fits 0 "$tool" "$command"; done
done

step "with something of each kind"
target=$(target_name json)
stmfadm create-hg hosts
stmfadm create-tg ports
itadm create-tpg 2 127.0.0.1:3262
itadm create-initiator "$INITIATOR"
at_exit "stmfadm delete-hg hosts; stmfadm delete-tg ports; itadm delete-tpg 2; \
	itadm delete-initiator $INITIATOR"
stmfadm add-hg-member -g hosts "$INITIATOR"
make_target "$target"
file_lu disk 16M 3 -p alias=plain -p serial=1
stmfadm add-view -n 4 -h hosts "$GUID" 2>/dev/null || true
login "$target"
disk_of "$target" 3 >/dev/null
for list in list-lu list-hg list-tg list-target; do fits 1 stmfadm "$list"; done
fits 1 stmfadm list-lu "$GUID"
fits 1 stmfadm list-view -l "$GUID"
fits 0 stmfadm list-state
fits 0 stmfadm list-task
for list in list-target list-tpg list-initiator list-session; do fits 1 itadm "$list"; done
fits 0 itadm list-defaults

step "what is in them is what there is"
value() { jq -r "$1" <"$WORK/out"; }
fits 1 stmfadm list-lu
expect "$GUID plain 16777216 online" \
	"$(value '.[] | "\(.guid) \(.alias) \(.disk.size) \(.state)"')" "the disk"
fits 1 stmfadm list-target
expect "$INITIATOR" "$(value '.[0].sessions[0].initiator')" "initiator of the session"
fits 1 stmfadm list-view -l "$GUID"
expect "3 $INITIATOR" "$(value '.[0] | "\(.lun) \(.initiators[0])"')" "the view entry"
fits 1 stmfadm list-hg
expect "$INITIATOR" "$(value '.[0].members[0]')" "member of the group"

step "an operand that isn't there fails, and the rest is still JSON"
if stmfadm list-lu --json "$GUID" 600144F0000000000000000000000000 >"$WORK/out" 2>/dev/null; then
	fail "expected a status for the logical unit that isn't there"
fi
expect "$GUID" "$(value '.[].guid')" "the logical unit that is there"

step "a view that stays without its disk is listed as unregistered"
logout "$target"
stmfadm delete-lu -k "$GUID"
at_exit "stmfadm remove-view -l $GUID -a"
fits 1 stmfadm list-lu
expect "unregistered null" "$(value '.[0] | "\(.state) \(.disk)"')" "what is left of the disk"
