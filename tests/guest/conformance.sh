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
	ALL.Read12 ALL.Read16 ALL.Write10 ALL.Write12 ALL.Write16 ALL.Verify10 ALL.Verify16
	ALL.Mandatory ALL.ReportSupportedOpcodes ALL.StartStopUnit ALL.ModeSense6
	iSCSI.iSCSIcmdsn iSCSI.iSCSIdatasn iSCSI.iSCSIResiduals iSCSI.iSCSITMF)

failed=0
for family in "${FAMILIES[@]}"; do
	out=$WORK/$family
	iscsi-test-cu --dataloss --allow-sanitize --test="$family" \
		"iscsi://127.0.0.1:3260/$target/0" >"$out" 2>&1 || true
	read -r _ ran passed bad < <(awk '$1 == "tests" { print $2, $3, $4, $5 }' "$out")
	skipped=$(grep -c '\[SKIPPED\]' "$out" || true)
	echo "    $family: ${passed:-0} of ${ran:-0} passed, ${bad:-?} failed, $skipped skip messages"
	if [ "${bad:-1}" != 0 ] || [ "${ran:-0}" = 0 ]; then
		failed=$((failed + 1))
		grep -B2 -A8 -i 'fail' "$out" | head -n 60
	fi
done
expect 0 "$failed" "families with failures, or without a test"
