#!/usr/bin/env bash
# libiscsi's conformance tests of the commands that manage the space behind blocks pass.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 600
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name disk)
make_target "$target"
# With physical blocks as long as logical ones few of these tests are skipped.
file_lu disk 256M 0 -p pblk=512

# Sanitize.Reset looks for a medium that is being erased; that of a sparse file is erased at once.
SANITIZE=(BlockErase BlockEraseReserved CryptoErase CryptoEraseReserved ExitFailureMode
	InvalidServiceAction Overwrite OverwriteReserved Readonly Reservations)

run_families "$target" ALL.ReadDefectData10 ALL.ReadDefectData12 ALL.WriteAtomic16 ALL.Prefetch10 \
	ALL.Prefetch16 ALL.GetLBAStatus ALL.Unmap ALL.WriteSame16 ALL.WriteSame10 \
	"${SANITIZE[@]/#/ALL.Sanitize.}"
