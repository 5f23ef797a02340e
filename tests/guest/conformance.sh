#!/usr/bin/env bash
# libiscsi's conformance tests of the commands and of the protocol pass.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 400
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name disk)
make_target "$target"
file_lu disk 256M 0

# Every test that these families have in libiscsi 1.19; skipped are those of commands to come.
FAMILIES=(ALL.Inquiry ALL.TestUnitReady ALL.ReadCapacity10 ALL.ReadCapacity16 ALL.Read6 ALL.Read10
	ALL.Read12 ALL.Read16 ALL.Write10 ALL.Write12 ALL.Write16 ALL.Verify10 ALL.Verify12 ALL.Verify16
	ALL.PrinReadKeys ALL.PrinServiceactionRange ALL.PrinReportCapabilities
	ALL.ProutRegister ALL.ProutReserve ALL.ProutClear ALL.ProutPreempt ALL.Reserve6
	ALL.Mandatory ALL.ReportSupportedOpcodes ALL.StartStopUnit ALL.ModeSense6
	iSCSI.iSCSIcmdsn iSCSI.iSCSIdatasn iSCSI.iSCSIResiduals iSCSI.iSCSITMF)

run_families "$target" "${FAMILIES[@]}"
