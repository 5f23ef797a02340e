#!/usr/bin/env bash
# The sample port replays scripts of CDBs on its own I_T nexus; it comes and goes under load.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/script.sh"

load_stmf stmf_sbd stmf_script
at_exit unload_stmf
name=$SCRIPT_TARGET

step "the port is there while the device is open"
expect "" "$(stmfadm list-target)" "targets"
script_login
at_exit script_logout
if (exec 4<>/dev/stmf_script) 2>/dev/null; then fail "expected one port only"; fi
stmfadm list-target -v "$name" | finds 'Sessions *: 1' || fail "expected the initiator to be logged in"
refused rmmod stmf_script

step "before there is a disk, and when it comes"
ends '0 00 00 00 00 00 00' 'status 02 sense 70 00 05 * 25 00 *'
file_lu disk 8M 0
ends '0 00 00 00 00 00 00 # power on
0 a0 00 00 00 00 00 00 00 00 18 00 00 < 24
0 00 00 00 00 00 00' \
	'status 02 sense 70 00 06 * 29 00 *' \
	'status 00 data 00 00 00 08 00 00 00 00 00 00 00 00 00 00 00 00' \
	'status 00'

step "data both ways, residuals, refusals"
ends '0 2a 00 00 00 00 03 00 00 02 00 > 1024 5a
0 28 00 00 00 00 03 00 00 01 00 < 512
0 28 00 00 00 3f ff 00 00 02 00 < 1024
0 2a 00 00 00 00 08 00 00 02 00 > 512 77
0 28 00 00 00 00 08 00 00 02 00 < 1024' \
	'status 00' \
	"status 00 data$(printf ' 5a%.0s' {1..512})" \
	'status 02 sense 70 00 05 * 21 00 *' \
	'status 00' \
	"status 00 data$(printf ' 77%.0s' {1..512})$(printf ' 00%.0s' {1..512})"
for bad in '99999 00' '0' '0 zz' '0 0' '0 12 < ' '0 12 < 5 > 5 00' '0 2a > 5' '0 12 < 9999999'; do
	rejects "$bad"
done

step "its initiator is one like others: a host group shows it a disk, or doesn't"
stmfadm remove-view -l "$GUID" -a
ends '0 00 00 00 00 00 00' 'status 02 sense 70 00 05 * 25 00 *'
stmfadm create-hg script
at_exit "stmfadm delete-hg script"
stmfadm add-hg-member -g script "$SCRIPT_INITIATOR"
stmfadm add-view -n 9 -h script "$GUID"
at_exit "stmfadm remove-view -l $GUID -a"
ends '9 00 00 00 00 00 00 # power on
9 00 00 00 00 00 00 # reported LUNs data has changed
9 00 00 00 00 00 00' \
	'status 02 sense 70 00 06 * 29 00 *' \
	'status 02 sense 70 00 06 * 3f 0e *' \
	'status 00'

step "it goes while a script runs"
(for _ in {1..200}; do echo '9 28 00 00 00 00 00 00 00 08 00 < 4096' >&3 || break; done) 2>/dev/null &
load=$!
sleep 0.5
stmfadm offline-target "$name"
rejects '9 00 00 00 00 00 00'
stmfadm online-target "$name"
wait "$load" || true
script_logout
expect "" "$(stmfadm list-target)" "targets"
no_task_lost
