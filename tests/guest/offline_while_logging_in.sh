#!/usr/bin/env bash
# A disk goes offline while initiators log in: in time, and none of them sees it any more.
# SPDX-License-Identifier: GPL-2.0
# alone
# time-limit: 120
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name logins)
make_target "$target"
patient_targets
file_lu disk 16M 0
python3 "$COMSTAR_TOP/tests/offline_while_logging_in.py" "$target" "$GUID"
