#!/usr/bin/env bash
# libiscsi's conformance tests of WRITE AND VERIFY pass.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 600
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name disk)
make_target "$target"
file_lu disk 256M 0

run_families "$target" ALL.WriteVerify10 ALL.WriteVerify12 ALL.WriteVerify16
