#!/usr/bin/env bash
# Garbage on the port's socket ends that connection at most; others don't notice.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 200
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name disk)
make_target "$target"
file_lu disk 32M 0
login "$target"
disk=$(disk_of "$target" 0)
fio_verify beside "$disk" --rw=randwrite --bs=4k --iodepth=8 --size=16M --loops=4 &
load=$!
python3 "$COMSTAR_TOP/tests/hostile.py" 127.0.0.1 3260 "$target"
wait "$load" || fail "expected the well-behaved session to go on"
one_session() { [ "$(sessions_of "$target")" = 1 ]; }
wait_for one_session
