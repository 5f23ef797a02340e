#!/usr/bin/env bash
# With the backing device stopped dead, every abort, reset, logout and removal ends within 5 s.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name stuck)
make_target "$target"
held_lu

stmfadm monitor --json >"$WORK/events" &
monitor=$!
at_exit "kill $monitor"
python3 "$COMSTAR_TOP/tests/stuck_device.py" "$target" "$GUID" "$HELD"
expect "" "$(stmfadm list-state | grep -i 'lost.*[1-9]' || true)" "lost tasks in list-state"
# With grep: jq -e looks at the last line alone.
told() { jq -c --arg lu "$GUID" 'select(.event == "tasks-stuck" and .lu == $lu)' "$WORK/events" | grep -q .; }
wait_for told
tried 1 "a device that stands still, while commands are aborted and all around them is removed"
