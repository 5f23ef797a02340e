#!/usr/bin/env bash
# Task attributes order commands as SAM says, across nexuses; what waits can be aborted.
# SPDX-License-Identifier: GPL-2.0
# alone
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name order)
make_target "$target"
patient_targets
held_lu 0

python3 "$COMSTAR_TOP/tests/task_order.py" "$target" "$GUID" "$HELD"
