# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Guest tests that need several hosts, and to see every status as it comes:
# sessions of tests/initiator.py, which have names.

# shellcheck source=tests/target.sh
. "$COMSTAR_TOP/tests/target.sh"

# host NAME: its initiator's name.
host() { echo "iqn.2024-01.test:host-$1"; }

# The initiators, which are one process.
start_initiators() {
	coproc INITIATORS { exec python3 "$COMSTAR_TOP/tests/initiator.py" 127.0.0.1 3260; }
}

# ask SESSION WORD...: sends a command, prints what came. Other lines of initiator.py, too.
ask() {
	local line
	echo "$*" >&"${INITIATORS[1]}"
	read -r -t 60 -u "${INITIATORS[0]}" line || fail "expected an answer to: $*"
	echo "$line"
}

# connect SESSION HOST TARGET: a session of the host.
connect() {
	[ -n "${INITIATORS_PID:-}" ] || start_initiators
	answers good login "$1" "$(host "$2")" "$3"
}

disconnect() { answers good logout "$1"; }

# answers EXPECTED SESSION WORD...
answers() {
	local expected=$1
	shift
	expect "$expected" "$(ask "$@")" "$*"
}

# calm SESSION LUN...: takes the unit attentions that a new session has.
calm() {
	local session=$1 lun
	shift
	for lun in "$@"; do
		for _ in 1 2 3 4 5; do [ "$(ask "$session" tur "$lun")" != good ] || continue 2; done
		fail "expected LUN $lun to be ready in session $session"
	done
}

# Views and groups of the test, whichever are left.
remove_masking() {
	local lu group kind
	for lu in $(stmfadm list-lu | sed -n 's/^LU Name: //p'); do
		stmfadm remove-view -l "$lu" -a 2>/dev/null
	done
	for kind in hg tg; do
		stmfadm "list-$kind" | sed -n 's/^[A-Za-z]* Group: //p' | while read -r group; do
			stmfadm "delete-$kind" "$group"
		done
	done
}
