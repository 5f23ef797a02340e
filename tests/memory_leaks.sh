#!/usr/bin/env bash
# Nothing is lost of what the kernel allocated during the other tests of this boot (debug kernel).
# SPDX-License-Identifier: GPL-2.0
# time-limit: 300
# expect-log: new suspected memory leaks
. "$COMSTAR_TOP/tests/lib.sh"

KMEMLEAK=/sys/kernel/debug/kmemleak
[ -w "$KMEMLEAK" ] || fail "expected the debug kernel, with $KMEMLEAK"
# What is younger than five seconds, or was seen for the first time, isn't reported.
for _ in 1 2; do
	sleep 6
	echo scan >"$KMEMLEAK"
done
lost=$(cat "$KMEMLEAK")
[ -z "$lost" ] || {
	echo "$lost"
	fail "expected nothing to be lost, got $(grep -c '^unreferenced object' <<<"$lost") objects"
}
