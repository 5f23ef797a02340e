#!/usr/bin/env bash
# What was acknowledged for good outlives cuts of the power; on a disk that lies about it, losses are found.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 480
set -euo pipefail

cuts=$COMSTAR_TOP/tests/power/cuts.py
"$cuts" --cuts 3 --seed "$RANDOM"
if lied=$("$cuts" --cuts 3 --lie); then
	echo "FAIL: expected losses on a disk that ignores flushes"
	exit 1
fi
grep -q LOST <<<"$lied" || {
	echo "FAIL: expected losses on a disk that ignores flushes, got: $lied"
	exit 1
}
