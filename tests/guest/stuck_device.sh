#!/usr/bin/env bash
# With the backing device stopped dead, every abort, reset, logout and removal ends all the same.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name stuck)
make_target "$target"
patient_targets
held_lu 0

stmfadm monitor --json >"$WORK/events" &
monitor=$!
at_exit "kill $monitor"
python3 "$COMSTAR_TOP/tests/stuck_device.py" "$target" "$GUID" "$HELD"
no_task_lost
# With grep: jq -e looks at the last line alone.
told() { jq -c --arg lu "$GUID" 'select(.event == "tasks-stuck" and .lu == $lu)' "$WORK/events" | finds .; }
wait_for told
tried 1 "a device that stands still, while commands are aborted and all around them is removed"
