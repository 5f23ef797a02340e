#!/usr/bin/env bash
# An initiator that never sends the data that it owes keeps no disk from going offline, and nobody else waiting.
# SPDX-License-Identifier: GPL-2.0
# alone
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name owed)
make_target "$target"
patient_targets
itadm modify-target --limit MaxConnections=8 "$target" >/dev/null
file_lu disk 16M 0
python3 "$COMSTAR_TOP/tests/owed_data.py" "$target" "$GUID" "$WORK/disk"
tried 13 "an initiator that never sends the data that it owes"
