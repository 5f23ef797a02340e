#!/usr/bin/env bash
# The build of a kernel goes on when files come and go while its objects are counted.
# SPDX-License-Identifier: GPL-2.0
set -euo pipefail

work=$(mktemp -d)
touch "$work/one.o" "$work/two.o"
while [ ! -e "$work/end" ]; do mkdir "$work"/.tmp_{1..50} && rmdir "$work"/.tmp_{1..50}; done &
trap 'touch "$work/end"; wait; rm -rf "$work"' EXIT

# A hundred lines of progress, without the pause after each.
# shellcheck disable=SC2016 # The inner shell expands it.
bash -euo pipefail -c '
	. "$COMSTAR_TOP/tools/lib/common.sh"
	. "$COMSTAR_TOP/tools/lib/kernel.sh"
	sleep() { :; }
	for _ in {1..100}; do progress "$1" 2030 61; done
' progress "$work" >"$work/lines" || {
	echo "FAIL: expected 100 lines of progress, it ended after $(wc -l <"$work/lines")"
	exit 1
}
lines=$(uniq -c "$work/lines" | xargs)
[ "$lines" = "100 comstar: 2 of about 2030 objects, 1:01 min" ] || {
	echo "FAIL: expected 2 objects after 1:01 min, 100 times, got: $lines"
	exit 1
}
