#!/usr/bin/env bash
# Who doesn't log in takes places from nobody at another address, and has to leave in the end.
# SPDX-License-Identifier: GPL-2.0
# alone
# time-limit: 180
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name disk)
make_target "$target"
ulimit -n 2048
python3 "$COMSTAR_TOP/tests/visitors.py" "$target"
tried 91 "a connection that never logs in"
