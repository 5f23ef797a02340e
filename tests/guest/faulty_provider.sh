#!/usr/bin/env bash
# A provider that drops commands, keeps them, or answers too much costs those commands and no more.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/script.sh"

load_stmf stmf_faulty stmf_script
guid=600144F06661756C7479206469736B31
at_exit unload_stmf
at_exit "stmfadm offline-lu $guid"
stmfadm add-view -n 0 "$guid"
at_exit "stmfadm remove-view -l $guid -a"
script_login
at_exit script_logout

# read_at LBA: the line that reads a block there.
read_at() { printf '0 28 00 00 00 00 %02x 00 00 01 00 < 512' "$1"; }
lost() { stmfadm list-state | sed -n 's/^Lost Tasks *: //p'; }
zeros="status 00 data$(printf ' 00%.0s' {1..512})"
ends '0 00 00 00 00 00 00' 'status 02 sense 70 00 06 * 29 00 *'

step "a command that is dropped fails, and is counted"
before=$(lost)
ends "$(read_at 0)
$(read_at 9)" 'status 02 sense 70 00 04 * 44 00 *' "$zeros"
expect $((${before:-0} + 1)) "$(lost)" "lost tasks"

step "an answer that is too long is cut to what was planned"
ends "$(read_at 3)" "$zeros"

step "a command that isn't answered holds up nothing else"
ends "$(read_at 1)" 'no answer'
stmfadm list-task
expect 1 "$(stmfadm list-task | grep -ci executing)" "commands that execute"
ends "$(read_at 9)" "$zeros"

step "its session ends, another one begins"
log_in_anew() {
	script_logout
	script_login
}
within 5 log_in_anew
stmfadm list-task
expect 1 "$(stmfadm list-task | grep -ci detached)" "commands that are detached"
refused rmmod stmf_faulty

step "a late answer reaches nobody, and frees the command"
ends "$(read_at 9)
$(read_at 2)" 'status 02 sense 70 00 06 * 29 00 *' "$zeros"
expect 0 "$(tasks_like detached)" "commands that are detached"
expect $((${before:-0} + 1)) "$(lost)" "lost tasks"
tried 3 "a logical unit provider that drops a command, keeps it, or answers too much"
