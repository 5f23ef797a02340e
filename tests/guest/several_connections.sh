#!/usr/bin/env bash
# Sessions with several connections: work in order, connections that come and go, strangers.
# SPDX-License-Identifier: GPL-2.0
# alone
# time-limit: 300
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name several)
make_target "$target"
patient_targets
itadm create-tpg other 127.0.0.1:3261 >/dev/null
at_exit "itadm delete-tpg -f other"
file_lu disk 64M 0
truncate -s 16M "$WORK/second"
second=$(make_lu "$WORK/second")
at_exit "stmfadm delete-lu $second"

several() {
	step "$1"
	python3 "$COMSTAR_TOP/tests/several_connections.py" "$1" "$target" "${@:2}"
}

several alone
refused itadm modify-target --limit MaxConnections=9 "$target"
itadm modify-target --limit MaxConnections=8 "$target" >/dev/null
for what in stripes order gaps stranded own_gap left_alone large long flood cut connection_reinstatement load session_reinstatement logouts \
	functions many_functions mute unread strangers chap unfilled; do
	several "$what"
done
several notices "$second"
wait_for has_sessions "$target" 0

step "a real initiator, which has one connection"
login "$target"
fio_verify single "$(disk_of "$target" 0)" --rw=randwrite --bs=16k --iodepth=8 --size=16M
expect "0" "$(itadm list-session --json "$target" | jq -c '.[].cid')" "its connections"
