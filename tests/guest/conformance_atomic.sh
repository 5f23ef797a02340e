#!/usr/bin/env bash
# libiscsi's conformance tests of the commands that read and write as one step pass.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 600
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name disk)
make_target "$target"
file_lu disk 256M 0

run_families "$target" ALL.CompareAndWrite ALL.OrWrite
