# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# An initiator that sends chosen CDBs: the sample port.

# shellcheck source=tests/target.sh
. "$COMSTAR_TOP/tests/target.sh"

# shellcheck disable=SC2034 # For the tests.
SCRIPT_TARGET=naa.3000000000000100
# shellcheck disable=SC2034
SCRIPT_INITIATOR=naa.3000000000000001

# script_login, script_logout: the port and its initiator come and go.
script_login() {
	[ -c /dev/stmf_script ] || wait_for test -c /dev/stmf_script
	exec 3<>/dev/stmf_script
}
script_logout() { exec 3>&-; }

# ends SCRIPT EXPECTED...: the lines of the script end as the patterns say.
ends() {
	local line expected
	local -a lines
	# In one piece, which echo doesn't do.
	cat <<<"$1" >&3
	shift
	mapfile -t lines <&3
	for line in "${lines[@]}"; do
		expected=${1:?a line more than expected: $line}
		shift
		# shellcheck disable=SC2053 # A pattern.
		[[ $line == $expected ]] || fail "expected \"$expected\", got \"$line\""
	done
	[ $# = 0 ] || fail "expected as many lines more: $*"
}

# rejects SCRIPT
rejects() { if cat <<<"$1" >&3 2>/dev/null; then fail "expected to be refused: $1"; fi; }
