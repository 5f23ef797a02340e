#!/usr/bin/env bash
# No write comes down after its initiator was told that it won't, with a device that takes its time.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 240
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name late)
make_target "$target"
patient_targets
slow_lu late 0
python3 "$COMSTAR_TOP/tests/late_writes.py" "$target" "$GUID" "$BACKING"
no_task_lost
tried 7 "a write that is aborted, and comes down seconds later"
