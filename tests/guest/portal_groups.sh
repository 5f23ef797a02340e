#!/usr/bin/env bash
# One initiator port in two portal groups of a target is one I_T nexus, which is there until its last session ends.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name groups)
make_target "$target"
patient_targets
itadm create-tpg other 127.0.0.1:3261 >/dev/null
at_exit "itadm delete-tpg -f other"
itadm modify-target -t default,other "$target" >/dev/null
file_lu disk 16M 0
python3 "$COMSTAR_TOP/tests/portal_groups.py" "$target"
