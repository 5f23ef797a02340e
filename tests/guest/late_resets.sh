#!/usr/bin/env bash
# A reset by a file that was opened before its local host went fails, and reaches nobody.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

load_stmf stmf_sbd stmf_loopback
at_exit unload_stmf
file_lu disk 16M 0
loop_target
disk=$(loop_disk "$LOOP_HOST" 0)
udevadm settle
python3 "$COMSTAR_TOP/tests/late_resets.py" "$LOOP_TARGET" "$disk"
