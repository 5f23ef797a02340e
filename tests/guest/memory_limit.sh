#!/usr/bin/env bash
# Sessions that want memory for writes whose data they never send, or for commands that their disk doesn't carry out, get a part of the machine's together, and nobody is killed for it.
# SPDX-License-Identifier: GPL-2.0
# guest: --memory 2G
# time-limit: 180
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name greedy)
make_target "$target"
patient_targets
file_lu disk 256M 0
held_lu 1
python3 "$COMSTAR_TOP/tests/memory_limit.py" "$target" "$HELD"
# A connection that wants too much is closed for that; nobody is killed.
expect "" "$(dmesg | grep -v stmf_iscsi: | grep -i 'out of memory\|oom-kill' || true)" "what the kernel says of memory"
tried 60 "a session that takes all memory it can get, and sends nothing"
