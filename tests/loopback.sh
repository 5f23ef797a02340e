# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The local bus in the place of iSCSI, for tests with "also-over: loopback" in their header: their
# steps are about disks, and the same however commands get there.  tests/target.sh and tests/lib.sh
# say what each of these does.

# Each target that a test makes is one of the local bus; who is logged in has it online.
declare -A BUS_TARGETS=() BUS_HOSTS=()

serve() {
	load_stmf stmf_sbd stmf_loopback
	at_exit unload_stmf
}

make_target() {
	loop_target
	stmfadm offline-target "$LOOP_TARGET"
	BUS_TARGETS[$1]=$LOOP_TARGET
}

port_of() { echo "${BUS_TARGETS[$1]}"; }

login() {
	stmfadm online-target "${BUS_TARGETS[$1]}"
	BUS_HOSTS[$1]=$(newest_host)
}

logout() {
	stmfadm offline-target "${BUS_TARGETS[$1]}"
	unset "BUS_HOSTS[$1]"
}

units_at() { compgen -G "${BUS_HOSTS[$1]}/device/target*/*:*:*:$2"; }
