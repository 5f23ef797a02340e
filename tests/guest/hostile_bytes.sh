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
lines() { dmesg | grep -c 'stmf_iscsi:' || true; }
before=$(lines)
python3 "$COMSTAR_TOP/tests/hostile.py" 127.0.0.1 3260 "$target"
# Ten lines of a kind in five seconds.
most=$((20 * (SECONDS / 5 + 1)))
[ $(($(lines) - before)) -le "$most" ] || fail "expected at most $most lines in the log, got $(($(lines) - before))"
wait "$load" || fail "expected the well-behaved session to go on"
one_session() { [ "$(sessions_of "$target")" = 1 ]; }
wait_for one_session
