#!/usr/bin/env bash
# The kernel's own YNL tool drives the netlink families from their YAML, unchanged.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 400
. "$COMSTAR_TOP/tests/target.sh"

serve
source=$COMSTAR_KERNEL_SOURCE
ynl() {
	local family=$1
	shift
	python3 "$source/tools/net/ynl/pyynl/cli.py" --output-json \
		--no-schema --spec "$COMSTAR_TOP/Documentation/netlink/specs/$family.yaml" "$@"
}

step "make a disk, a view and a target"
truncate -s 16M "$WORK/disk"
guid=$(ynl stmf_sbd --do lu-create --json "{\"file\": \"$WORK/disk\", \"alias\": \"by ynl\"}" |
	jq -r .guid | tr -d ' ')
[[ $guid =~ ^6[0-9a-f]{31}$ ]] || fail "expected a GUID from lu-create, got: $guid"
view=$(ynl stmf --do view-add --json "{\"guid\": \"$guid\", \"lun\": 5}")
expect 5 "$(jq .lun <<<"$view")" "LUN of the view entry"
ynl stmf_iscsi --do target-create --json '{"name": "iqn.2026-11.test:ynl"}' >/dev/null

step "look at them"
expect "by ynl" "$(ynl stmf --dump lu-get | jq -r '.[0].alias')" "alias of the LU"
expect $((16 * 1024 * 1024)) "$(ynl stmf_sbd --dump lu-get | jq '.[0].size')" "size of the LU"
expect online "$(ynl stmf --dump target-get | jq -r '.[0].state')" "state of the target"
expect 1 "$(ynl stmf --do state-get | jq '."lu-count"')" "number of LUs"
expect "0 32" "$(ynl stmf --dump statistics-get --json '{"scope": "lu"}' |
	jq -r '.[0] | "\(.reads) \(."device-histogram" | length)"')" "statistics of the LU"
out=$(ynl stmf --dump statistics-get 2>&1) && fail "expected to be told that the scope is missing"
[[ $out == *scope* ]] || fail "expected the refusal to name the scope, got: $out"

step "a refusal names the attribute"
out=$(ynl stmf --do view-add --json "{\"guid\": \"$guid\"}" 2>&1) && fail "expected a conflict"
[[ $out == *guid* ]] || fail "expected the refusal to name the attribute guid, got: $out"

step "numbers from 1 on: 0 is refused"
# zero FAMILY COMMAND NUMBER [ATTRIBUTE...]: a request whose NUMBER is zero, with others as JSON.
zero() {
	local out number=$3
	out=$(ynl "$1" --do "$2" --json "{\"$number\": 0, $4}" 2>&1) && fail "expected 0 as $number to be refused"
	[[ $out == *"integer out of range"*"$number"* ]] || fail "expected a range of $number, got: $out"
}
zero stmf access-set number '"group": "none", "state": "standby"'
zero stmf_iscsi target-create relative-id '"name": "iqn.2026-11.test:zero"'
zero stmf_iscsi portal-add port '"address": "::ffff:127.0.0.1"'
zero stmf_iscsi portal-add tpgt '"address": "::ffff:127.0.0.1"'
load_stmf stmf_loopback
zero stmf_loopback target-create relative-id '"name": "naa.3000000000000001"'

step "what is to begin offline does, and stays so with the service"
ynl stmf_iscsi --do target-create --json '{"name": "iqn.2026-11.test:quiet", "offline": true}' >/dev/null
ynl stmf_loopback --do target-create --json '{"name": "naa.3000000000000003", "offline": true}' >/dev/null
truncate -s 1M "$WORK/quiet"
quiet=$(ynl stmf_sbd --do lu-create --json "{\"file\": \"$WORK/quiet\", \"offline\": true}" |
	jq -r .guid | tr -d ' ')
states() {
	ynl stmf --dump target-get | jq -r '.[] | select(.name | test("quiet|0003$")) | .state'
	ynl stmf --do lu-get --json "{\"guid\": \"$quiet\"}" | jq -r .state
}
expect "offline offline offline" "$(states | xargs)" "states"
stmfadm offline-service
stmfadm online-service
expect "offline offline offline" "$(states | xargs)" "states after the service was offline"
stmfadm online-lu "$quiet"
stmfadm online-target iqn.2026-11.test:quiet
stmfadm online-target naa.3000000000000003
expect "online online online" "$(states | xargs)" "states that were asked for"
ynl stmf_iscsi --do target-delete --json '{"name": "iqn.2026-11.test:quiet", "force": true}' >/dev/null
ynl stmf_loopback --do target-delete --json '{"name": "naa.3000000000000003", "force": true}' >/dev/null
ynl stmf_sbd --do lu-delete --json "{\"guid\": \"$quiet\"}" >/dev/null

step "an unprivileged caller may look but not change"
as_nobody stmfadm list-lu >/dev/null || fail "expected list-lu to be open to everybody"
out=$(as_nobody stmfadm remove-view -l "$guid" -a 2>&1) &&
	fail "expected remove-view to be refused to an unprivileged caller"
[[ $out == *"ermi"* ]] || fail "expected a word about permission, got: $out"

step "take them away"
ynl stmf_iscsi --do target-delete --json '{"name": "iqn.2026-11.test:ynl", "force": true}' >/dev/null
ynl stmf --do view-remove --json "{\"guid\": \"$guid\", \"id\": 0}" >/dev/null
ynl stmf_sbd --do lu-delete --json "{\"guid\": \"$guid\"}" >/dev/null
expect "[]" "$(ynl stmf --dump lu-get | jq -c .)" "LUs in the end"
