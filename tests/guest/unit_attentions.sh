#!/usr/bin/env bash
# Each source of unit attentions: which nexus is told what, in which order, and how it is taken.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name told)
make_target "$target"
patient_targets
stmfadm create-tg ports
at_exit "stmfadm clear-access -g ports 2>/dev/null; stmfadm delete-tg ports"
stmfadm add-tg-member -g ports "$target"
held_lu 0
truncate -s 16M "$WORK/other"
other=$(make_lu "$WORK/other")
at_exit "stmfadm delete-lu $other"
python3 "$COMSTAR_TOP/tests/unit_attentions.py" "$target" "$GUID" "$HELD" "$other"
