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
guid=$GUID
debug_disk dev_size_mb=16 physblk_exp=3 lowest_aligned=5
device_lu "$BACKING" 1
python3 "$COMSTAR_TOP/tests/rare_commands.py" "$target" "$other" "$guid"
