#!/usr/bin/env bash
# Who comes back while a device holds the thread of the old connection is refused, and comes in later.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 240
. "$COMSTAR_TOP/tests/target.sh"

load_stmf stmf_faulty stmf_iscsi
guid=600144F06661756C7479206469736B31
at_exit unload_stmf
at_exit "stmfadm offline-lu $guid"
stmfadm add-view -n 0 "$guid"
at_exit "stmfadm remove-view -l $guid -a"
target=$(target_name held)
make_target "$target"
patient_targets
itadm modify-target --limit MaxConnections=4 "$target" >/dev/null

for what in session connection logouts functions; do
	step "$what"
	python3 "$COMSTAR_TOP/tests/held_threads.py" "$what" "$target"
done
wait_for has_sessions "$target" 0
tried 4 "a device that holds up the thread of a connection whose place another wants"
