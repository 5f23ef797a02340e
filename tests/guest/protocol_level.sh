#!/usr/bin/env bash
# iSCSIProtocolLevel 2: functions that ask, and the reset of an I_T nexus (RFC 7144).
# SPDX-License-Identifier: GPL-2.0
# time-limit: 300
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name level)
make_target "$target"
patient_targets
itadm modify-target --limit MaxConnections=4 "$target" >/dev/null
held_lu 0

for what in level task data event reported gap connections nexus write; do
	step "$what"
	python3 "$COMSTAR_TOP/tests/protocol_level.py" $what "$target" "$HELD" "$GUID"
done
wait_for has_sessions "$target" 0
