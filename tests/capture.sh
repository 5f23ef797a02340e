# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What goes over an interface, kept in a file. Sourced after tests/target.sh.

# capture FILE INTERFACE [FILTER]: begins to keep packets; they are seen from here on.
capture() {
	local file=$1
	CAPTURE=$file
	dumpcap -q -P -B 16 -i "$2" -f "${3:-}" -w "$file" 2>"$file.log" &
	CAPTURING=$!
	at_exit "kill $CAPTURING 2>/dev/null"
	wait_for -t 60 grep -q '^File:' "$file.log"
}

# is_still FILE: it doesn't grow any more.
is_still() {
	local size
	size=$(stat -c %s "$1")
	sleep 1
	[ "$(stat -c %s "$1")" = "$size" ]
}

# captured: the file is whole.
captured() {
	# What was sent last may be on its way into the file.
	wait_for is_still "$CAPTURE"
	kill -INT "$CAPTURING"
	wait "$CAPTURING" || fail "dumpcap: $(<"$CAPTURE.log")"
	grep -q 'received/dropped.*: [1-9][0-9]*/0 ' "$CAPTURE.log" ||
		fail "expected packets, and none dropped: $(<"$CAPTURE.log")"
}

# packets FILE: the kinds of packets, but for those that look for a neighbour.
packets() { python3 "$COMSTAR_TOP/tests/packets.py" "$1"; }
