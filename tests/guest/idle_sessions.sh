#!/usr/bin/env bash
# As many sessions as a target may have, 1,024, cost less than 64 KiB of memory each when they do nothing, and go again.
# SPDX-License-Identifier: GPL-2.0
# guest: --memory 3G
# time-limit: 300
. "$COMSTAR_TOP/tests/target.sh"

serve
COUNT=1024
LIMIT_KB=64
# On the debug kernel each object has red zones, and notes of who allocated it.
[ ! -e /sys/kernel/debug/kmemleak ] || LIMIT_KB=192
target=$(target_name disk)
make_target "$target"
# The debug kernel takes minutes to log them all in.
patient_targets
limit=200
! is_slow || limit=900
file_lu disk 16M 0
ulimit -n 4096
available() { awk '/^MemAvailable:/ { print $2 }' /proc/meminfo; }

echo 3 >/proc/sys/vm/drop_caches
mkfifo "$WORK/go"
python3 "$COMSTAR_TOP/tests/idle.py" 127.0.0.1 3260 "$target" "$COUNT" \
	<"$WORK/go" >"$WORK/idle.log" &
idle=$!
exec 9>"$WORK/go"
wait_for -t 60 grep -q ready "$WORK/idle.log"
before=$(available)
echo >&9
wait_for -t "$limit" grep -q "logged in" "$WORK/idle.log"
# Memory that an idle session can do without is given back after a second.
sleep 4
expect "$COUNT" "$(sessions_of "$target")" sessions
now=$(available)
each=$(((before - now) / COUNT))
echo "    $COUNT sessions: $each KiB each, the initiator's sockets included"
[ "$each" -lt "$LIMIT_KB" ] || fail "expected less than $LIMIT_KB KiB a session, got $each"
exec 9>&-
wait "$idle"
wait_for -t 60 has_sessions "$target" 0
