#!/usr/bin/env bash
# Every task management function keeps SAM's promise, or says in time that it doesn't.
# SPDX-License-Identifier: GPL-2.0
# alone
. "$COMSTAR_TOP/tests/script.sh"

load_stmf stmf_faulty stmf_script
guid=600144F06661756C7479206469736B31
at_exit unload_stmf
at_exit "stmfadm offline-lu $guid"
stmfadm add-view -n 0 "$guid"
at_exit "stmfadm remove-view -l $guid -a"
script_login
at_exit script_logout

# Reads and writes of block 1 are kept by the logical unit; those of block 2 have them answered.
KEPT_READ='0 28 00 00 00 00 01 00 00 01 00 < 512 &'
KEPT_WRITE='0 2a 00 00 00 00 01 00 00 01 00 > 512 11 &'
RELEASE='0 28 00 00 00 00 02 00 00 01 00 < 512'
TUR='0 00 00 00 00 00 00'

# keep LINE: sends a command that is kept; sets TAG.
keep() {
	cat <<<"$1" >&3
	read -r _ TAG <&3
	[[ $TAG =~ ^[0-9]+$ ]] || fail "expected the command to be sent, got \"$TAG\""
}
# says RESPONSE FUNCTION...: a function has that response, within 8 s.
says() { within 8 ends "tmf ${*:2}" "response $1"; }

ends "$TUR" 'status 02 * 29 00 *'

step "what can't be done is named"
says NotSupported clear-aca 0
for function in abort-task-set clear-task-set lun-reset query-task-set query-async-event; do
	says IncorrectLun "$function" 7
done
says TaskNotFound abort-task 0 999

step "questions"
says Complete query-task 0 999
says Complete query-task-set 0
says Complete query-async-event 0
keep "$KEPT_READ"
says Succeeded query-task 0 "$TAG"
says Succeeded query-task-set 0

step "a read is aborted at once: it can do no harm"
says Complete abort-task 0 "$TAG"
says Complete query-task 0 "$TAG"
says TaskNotFound abort-task 0 $((TAG + 100))
ends "$RELEASE" 'status 00 *'

step "a write that its device doesn't let go of: the function fails, nobody overtakes the write"
keep "$KEPT_WRITE"
says TargetFailure abort-task 0 "$TAG"
ends '0 28 00 00 00 00 01 00 00 01 00 < 512' 'status 08'
ends '0 28 00 00 00 00 09 00 00 01 00 < 512' 'status 00 *'
ends "$RELEASE" 'status 00 *'
stmfadm list-task
expect 0 "$(tasks_like detached)" "commands that the device has still"

step "sets of commands"
for function in abort-task-set clear-task-set; do
	keep "$KEPT_READ"
	keep "$KEPT_READ"
	says Complete "$function" 0
	says Complete query-task-set 0
done
ends "$TUR" 'status 00'
ends "$RELEASE" 'status 00 *'

step "resets, and what is told of them"
for row in lun-reset:03 target-warm-reset:03 target-cold-reset:03 i-t-nexus-reset:07; do
	keep "$KEPT_READ"
	says Complete "${row%:*}" 0
	says 'Event(AsyncEvent*' query-async-event 0
	ends "$TUR
$TUR" "status 02 sense 70 00 06 * 29 ${row#*:} *" 'status 00'
	says Complete query-async-event 0
	ends "$RELEASE" 'status 00 *'
done

step "a reset that can't keep its promise in time"
keep "$KEPT_WRITE"
says TargetFailure lun-reset 0
ends "$TUR
$RELEASE" 'status 02 * 29 03 *' 'status 00 *'
expect 0 "$(tasks_like .)" "commands at the end"
no_task_lost
