#!/usr/bin/env bash
# What the protocol allows and stock initiators don't do: R2Ts, aborts, reinstatement, texts.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name disk)
make_target "$target"
patient_targets
file_lu disk 16M 0
ulimit -n 2048
python3 "$COMSTAR_TOP/tests/protocol.py" 127.0.0.1 3260 "$target"
