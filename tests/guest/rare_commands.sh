#!/usr/bin/env bash
# Commands and forms that Linux and the conformance tests don't use do what the standards say.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name near)
other=$(target_name far)
make_target "$target"
make_target "$other"
file_lu disk 16M 0
python3 "$COMSTAR_TOP/tests/rare_commands.py" "$target" "$other"
