#!/usr/bin/env bash
# Trace events tell a task's life, and debugfs what is stuck; neither keeps a module that is to go.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/script.sh"

load_stmf stmf_faulty stmf_script
guid=600144F06661756C7479206469736B31
at_exit unload_stmf
at_exit "stmfadm offline-lu $guid"
stmfadm add-view -n 0 "$guid"
at_exit "stmfadm remove-view -l $guid -a"
tracing=/sys/kernel/tracing
mountpoint -q $tracing || mount -t tracefs tracefs $tracing
at_exit "echo 0 >$tracing/events/stmf/enable; echo >$tracing/trace"

# traced EVENT...: the events since the last call, in that order and no others.
traced() {
	local got
	got=$(grep -v '^#' $tracing/trace | grep -o 'stmf_[a-z_]*' | tr '\n' ' ')
	echo >$tracing/trace
	expect "$*" "${got% }" "events"
}

step "an I_T nexus, and a command that succeeds"
echo >$tracing/trace
echo 1 >$tracing/events/stmf/enable
script_login
at_exit script_logout
ends '0 00 00 00 00 00 00
0 28 00 00 00 00 09 00 00 01 00 < 512' 'status 02 *' 'status 00 *'
grep "stmf_nexus_begin: session=[0-9]* target=$SCRIPT_TARGET initiator=$SCRIPT_INITIATOR" $tracing/trace ||
	fail "expected the I_T nexus in the trace: $(cat $tracing/trace)"
session=$(sed -n 's/.*stmf_nexus_begin: session=\([0-9]*\) .*/\1/p' $tracing/trace)
grep 'stmf_task_done: .* status=0x02 sense=6/29/00' $tracing/trace ||
	fail "expected the unit attention in the trace: $(cat $tracing/trace)"
grep "stmf_task_admit: .* lu=${guid,,} cdb=28000000000900000100 expected=512" $tracing/trace ||
	fail "expected the CDB in the trace: $(cat $tracing/trace)"
# The first is decided at admission.
traced stmf_nexus_begin stmf_task_admit stmf_task_execute stmf_task_done stmf_task_end \
	stmf_task_admit stmf_task_execute stmf_task_done stmf_task_end

step "one that the logical unit keeps, and whose session ends"
ends '0 28 00 00 00 00 01 00 00 01 00 < 512' 'no answer'
grep "lu $guid opcode 0x28 age [0-9]* ms Executing holds 512 bytes" /sys/kernel/debug/stmf/tasks ||
	fail "expected the command in debugfs: $(cat /sys/kernel/debug/stmf/tasks)"
script_logout
grep 'aborted detached' /sys/kernel/debug/stmf/tasks ||
	fail "expected an orphan in debugfs: $(cat /sys/kernel/debug/stmf/tasks)"
traced stmf_task_admit stmf_task_execute stmf_task_abort stmf_task_detach stmf_nexus_end
script_login
ends '0 00 00 00 00 00 00
0 28 00 00 00 00 02 00 00 01 00 < 512' 'status 02 *' 'status 00 *'
expect "" "$(cat /sys/kernel/debug/stmf/tasks)" "tasks in debugfs"
expect 1 "$(grep -c "stmf_task_end: session=$session " $tracing/trace)" "ends of commands of the first session"

step "only root looks; an open file keeps the module"
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
"${nobody[@]}" cat /sys/module/stmf/refcnt
for file in /sys/kernel/debug/stmf/tasks $tracing/trace $tracing/events/stmf/enable; do
	refused "${nobody[@]}" cat "$file"
done
exec 4</sys/kernel/debug/stmf/tasks
before=$(cat /sys/module/stmf/refcnt)
exec 4<&-
expect 1 $((before - $(cat /sys/module/stmf/refcnt))) "references by an open file"
