# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What guest tests share.  A test is an executable tests/guest/NAME.sh that
# starts with
#
#	#!/usr/bin/env bash
#	# One sentence: the behaviour it shows.
#	. "$COMSTAR_TOP/tests/lib.sh"
#
# runs as root in a guest, and exits 0 when the behaviour is there, 77 to be
# skipped.  It leaves the guest as it found it, because others follow in the
# same boot.  Comments in its header may ask for more:
#
#	# guest: --cpus 4 --memory 4G    options of tools/guest
#	# own-boot                       nothing else in this boot
#	# alone                          no other guest beside, and processors that run at once: it
#	                                 measures time, or is about what happens at the same moment
#	# time-limit: 300                seconds, instead of 120
#	# expect-log: REGEX              such lines in the kernel's log are no failure
#	# also-over: loopback            once more as NAME_loopback, over the local bus: see tests/loopback.sh

set -Eeuo pipefail

# Where a command fails that a test can't do without. (What is substituted may fail.)
trap 'tell_failure $? "${BASH_SOURCE[0]##*/}:$LINENO" "$BASH_COMMAND"' ERR
tell_failure() { [[ $- != *e* ]] || printf 'FAIL: %s: exit status %s of %s\n' "$2" "$1" "$3" >&2; }

# fail "expected 3 disks, got 2"
fail() {
	printf 'FAIL: %s\n' "$*" >&2
	exit 1
}

# debug_only FILE: skips the test on a kernel that hasn't the file, which the debug kernel has to have.
debug_only() {
	[ ! -e "$1" ] || return 0
	[[ $(uname -r) != *-debug ]] || fail "expected the debug kernel to have $1"
	skip "only the debug kernel has $1"
}

# skip "why"
skip() {
	printf 'SKIP: %s\n' "$*"
	exit 77
}

# The kernels that look for faults, which are three to five times slower.
is_slow() { [ -e /sys/kernel/debug/kmemleak ] || [ -e /sys/kernel/debug/kcsan ]; }

# within SECONDS COMMAND...: the command is over by then; on a slow kernel it may take thrice as long.
within() {
	local limit=$1 begin=$SECONDS
	shift
	! is_slow || limit=$((limit * 3))
	"$@" || return
	[ $((SECONDS - begin)) -le "$limit" ] || fail "expected within $limit s, took $((SECONDS - begin)) s: $*"
}

# A heading in the test's output.
step() { printf '\n== %s\n' "$*"; }

# expect EXPECTED GOT WHAT
expect() {
	[ "$1" = "$2" ] || fail "$3: expected \"$1\", got \"$2\""
}

# refused COMMAND...: the command must fail; its output is shown.
refused() {
	if "$@"; then fail "expected to be refused: $*"; fi
}

# no PATTERN COMMAND...: fails with a line that has the pattern.
no() {
	local pattern=$1 out
	shift
	if out=$("$@" 2>&1); then fail "expected to be refused: $*"; fi
	[[ $out =~ $pattern ]] || fail "$*: expected an error with \"$pattern\", got: $out"
}

# finds GREP-ARGUMENT...: does grep find it in what comes through a pipe? Reads that to its end, which `grep -q`
# doesn't: a program that has more to say would be ended by SIGPIPE now and then, and the pipe be a failure.
finds() { grep "$@" | cat >/dev/null; }

# tried TIMES FAULT: for the table of `make faults`; the test fails when anything is lost by the fault.
tried() { printf 'TRIED: %s\t%s\n' "$1" "$2"; }

# wait_for [-t SECONDS] COMMAND...: until the command succeeds, at most 30 s.
wait_for() {
	local limit=30 end is_late=
	if [ "$1" = -t ]; then
		limit=$2
		shift 2
	fi
	end=$((SECONDS + limit))
	until "$@" >/dev/null 2>&1; do
		[ -z "$is_late" ] || fail "expected within $limit s: $*"
		# All may have stood still since the last look.
		[ "$SECONDS" -lt "$end" ] || is_late=yes
		sleep 0.1
	done
}

# Runs a command when the test ends, last added first.
CLEANUP=()
at_exit() { CLEANUP=("$1" "${CLEANUP[@]}"); }
run_cleanup() {
	local status=$? command
	set +e
	trap - ERR
	for command in "${CLEANUP[@]}"; do eval "$command"; done
	# A module that stays has something left, or a reference that nobody gives back.
	if [ "$status" = 0 ] && loaded stmf; then wait_for modules_are_gone; fi
	exit "$status"
}
trap run_cleanup EXIT

# --- modules -----------------------------------------------------------------

loaded() { [ -d "/sys/module/$1" ]; }

# load_stmf [MODULE...]: stmf itself and the providers named.
load_stmf() {
	local module
	for module in stmf "$@"; do
		loaded "$module" || insmod "$COMSTAR_MODULES/$module.ko"
	done
}

# Removes all modules of the project, providers first.
unload_stmf() {
	local module
	for module in $(modules_by_user); do rmmod "$module"; done
}

modules_are_gone() {
	unload_stmf
	! loaded stmf
}

# Our modules, users before what they use.
modules_by_user() {
	lsmod | awk '$1 ~ /^stmf/ { print ($1 == "stmf"), $1 }' | sort | cut -d' ' -f2
}

# --- the initiator -----------------------------------------------------------

INITIATOR=iqn.2024-01.test:initiator

start_iscsid() {
	! pgrep -x iscsid >/dev/null || return 0
	ip link set lo up
	mkdir -p /run/lock/iscsi /etc/iscsi
	# The guest's /etc is its own.
	echo "InitiatorName=$INITIATOR" >/etc/iscsi/initiatorname.iscsi
	iscsid -f >"$COMSTAR_SCRATCH/iscsid.log" 2>&1 &
	wait_for grep -q ISCSIADM_ABSTRACT_NAMESPACE /proc/net/unix
}

# login TARGET [PORTAL]
login() {
	local target=$1 portal=${2:-127.0.0.1:3260}
	iscsiadm -m discovery -t sendtargets -p "$portal" >/dev/null
	iscsiadm -m node -T "$target" -p "$portal" --login >/dev/null
	at_exit "logout '$target' '$portal' 2>/dev/null"
}

logout() {
	local target=$1 portal=${2:-127.0.0.1:3260}
	iscsiadm -m node -T "$target" -p "$portal" --logout >/dev/null
	iscsiadm -m node -T "$target" -p "$portal" --op delete >/dev/null
}

# disk_of TARGET LUN: waits for the disk and prints its device, such as /dev/sda.
disk_of() {
	wait_for find_disk "$1" "$2"
	find_disk "$1" "$2"
}

find_disk() { find_node block "$1" "$2"; }
find_generic() { find_node scsi_generic "$1" "$2"; }

# find_node CLASS TARGET LUN: the device of that class that a session with the target has at the LUN.
find_node() {
	local unit node
	for unit in $(units_at "$2" "$3"); do
		for node in "$unit/$1"/*; do
			[ -e "/dev/${node##*/}" ] || continue
			echo "/dev/${node##*/}"
			return
		done
	done
	return 1
}

# units_at TARGET LUN: the SCSI devices there, below /sys.
units_at() {
	local session
	for session in /sys/class/iscsi_session/session*; do
		[ "$(cat "$session/targetname" 2>/dev/null)" = "$1" ] || continue
		compgen -G "$session/device/target*/*:*:*:$2" || true
	done
}
