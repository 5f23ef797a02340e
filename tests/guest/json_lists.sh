#!/usr/bin/env bash
# Every list is written as JSON that fits its schema in Documentation/json/, full and empty.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

# list LEAST TOOL COMMAND [OPERAND...]: writes a list to $OUT, which is validated in the end.
LISTS=0
list() {
	local least=$1 tool=$2 command=$3
	shift 3
	LISTS=$((LISTS + 1)) OUT=$WORK/list.$LISTS
	"$tool" "$command" --json "$@" >"$OUT" || fail "expected $tool $command --json to succeed"
	echo "$tool $command $least $OUT" >>"$WORK/lists"
}

# Each list that a tool has, by its own usage, but for those that need an operand.
lists() { "$1" --help | sed -n 's/^  \(list-[a-z]*\) .*/\1/p' | grep -v '^list-view$'; }

serve

step "every list has a schema, and nothing in it is a list too"
for tool in stmfadm itadm; do
	[ "$(lists "$tool" | wc -l)" -ge 5 ] || fail "expected at least five lists of $tool"
	for command in $(lists "$tool"); do list 0 "$tool" "$command"; done
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
login "$target"
disk_of "$target" 3 >/dev/null
for each in list-lu list-hg list-tg list-target; do list 1 stmfadm "$each"; done
list 1 stmfadm list-lu "$GUID"
list 1 stmfadm list-view -l "$GUID"
list 0 stmfadm list-state
list 0 stmfadm list-task
for each in lu target nexus; do list 1 stmfadm stats --by "$each"; done
for each in list-target list-tpg list-initiator list-session; do list 1 itadm "$each"; done
list 0 itadm list-defaults

step "what is in them is what there is"
value() { jq -r "$1" <"$OUT"; }
list 1 stmfadm list-lu
expect "$GUID plain 16777216 online" \
	"$(value '.[] | "\(.guid) \(.alias) \(.disk.size) \(.state)"')" "the disk"
list 1 stmfadm list-target
expect "$INITIATOR" "$(value '.[0].sessions[0].initiator')" "initiator of the session"
list 1 stmfadm list-view -l "$GUID"
expect "3 $INITIATOR" "$(value '.[0] | "\(.lun) \(.initiators[0])"')" "the view entry"
list 1 stmfadm list-hg
expect "$INITIATOR" "$(value '.[0].members[0]')" "member of the group"

step "an operand that isn't there fails, and the rest is still JSON"
if stmfadm list-lu --json "$GUID" 600144F0000000000000000000000000 >"$WORK/rest" 2>/dev/null; then
	fail "expected a status for the logical unit that isn't there"
fi
expect "$GUID" "$(jq -r '.[].guid' <"$WORK/rest")" "the logical unit that is there"

step "a view that stays without its disk is listed as unregistered"
logout "$target"
stmfadm delete-lu -k "$GUID"
at_exit "stmfadm remove-view -l $GUID -a"
list 1 stmfadm list-lu
expect "unregistered null" "$(value '.[0] | "\(.state) \(.disk)"')" "what is left of the disk"

step "all of them fit their schemas"
python3 "$COMSTAR_TOP/tests/json_schema.py" "$COMSTAR_TOP/Documentation/json" <"$WORK/lists" ||
	fail "expected what the schemas say"
echo "    $LISTS lists"
