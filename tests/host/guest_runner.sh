#!/usr/bin/env bash
# tools/guest hands back what became of its command, and finds what the kernel complained of.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 180
set -euo pipefail

# ends STATUS OPTION... : a guest must end with that status.
ends() {
	local expected=$1 status=0
	shift
	"$COMSTAR_TOP/tools/guest" "$@" >&2 || status=$?
	[ "$status" = "$expected" ] || {
		echo "FAIL: tools/guest $*: expected status $expected, got $status"
		exit 1
	}
}

ends 7 -- sh -c 'exit 7'
ends 124 --timeout 15 -- sleep 100
ends 99 -- sh -c 'echo "WARNING: CPU: 0 PID: 1 at nothing" >/dev/kmsg'
ends 0 --expect 'at nothing' -- sh -c 'echo "WARNING: CPU: 0 PID: 1 at nothing" >/dev/kmsg'
ends 2 --no-such-option
# Its scratch directory is shared and writable; what it writes elsewhere doesn't reach this machine.
COMSTAR_SCRATCH=$(mktemp -d)
export COMSTAR_SCRATCH
trap 'rm -rf "$COMSTAR_SCRATCH"' EXIT
# shellcheck disable=SC2016 # Expanded in the guest.
ends 0 -- sh -c 'pwd >"$COMSTAR_SCRATCH/left" && { touch "$COMSTAR_TOP/written" 2>/dev/null || true; } &&
	stmfadm --version && itadm --version'
[ ! -e "$COMSTAR_TOP/written" ] || {
	rm "$COMSTAR_TOP/written"
	echo "FAIL: expected $COMSTAR_TOP not to be written by a guest"
	exit 1
}
[ "$(cat "$COMSTAR_SCRATCH/left")" = "$PWD" ] || {
	echo "FAIL: expected the working directory $PWD, got $(cat "$COMSTAR_SCRATCH/left")"
	exit 1
}
