#!/usr/bin/env bash
# TST, QERR and TAS of the Control mode page do to commands what SPC says of them.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name control)
make_target "$target"
patient_targets
held_lu 0
python3 "$COMSTAR_TOP/tests/control_page.py" "$target" "$GUID" "$HELD"
