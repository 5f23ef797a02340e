#!/usr/bin/env bash
# libiscsi's conformance tests of removable and read-only disks, and of two paths, pass.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 200
. "$COMSTAR_TOP/tests/target.sh"

# none_skipped FAMILY: each of its tests did something.
none_skipped() {
	! grep -q '\[SKIPPED\]' "$WORK/$1" || {
		grep '\[SKIPPED\]' "$WORK/$1"
		fail "$1: expected no test to be skipped"
	}
}

serve
first=$(target_name first)
second=$(target_name second)
make_target "$first"
make_target "$second"
file_lu plain 64M 0
file_lu removable 64M 1 -p removable=true
file_lu protected 64M 2 -p wp=true

step "two paths"
SECOND=$second run_families "$first" ALL.MultipathIO
none_skipped ALL.MultipathIO

step "a removable disk"
# Not here: StartStopUnit.PwrCnd, which wants GOOD with every power condition, even those that SBC-4
# reserves; PreventAllow.ITNexusLoss, which ejects before the target may have seen that the other
# connection is gone (removable.sh waits for that).
REMOVABLE=(PreventAllow.{Simple,Eject,Logout,WarmReset,ColdReset,LUNReset,2ITNexuses}
	NoMedia.NoMediaSBC StartStopUnit.{Simple,NoLoej} Inquiry)
LUN=1 run_families "$first" "${REMOVABLE[@]/#/ALL.}"
for test in "${REMOVABLE[@]:0:10}"; do none_skipped "ALL.$test"; done

step "a disk that initiators may not write to"
LUN=2 run_families "$first" ALL.ReadOnly
none_skipped ALL.ReadOnly
