#!/usr/bin/env bash
# What no initiator should send gets the answer it deserves, and others don't notice.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 240
. "$COMSTAR_TOP/tests/target.sh"

HOSTILE=iqn.2026-11.test:hostile
# `make hostile` has 200,000 on the debug kernel.
options=(--cases "${CASES:-4000}" --first "${FIRST:-$RANDOM}" --seed "${SEED:-$RANDOM}")

serve
target=$(target_name open)
closed=$(target_name closed)
make_target "$target"
make_target "$closed"
itadm modify-target -a chap "$closed" >/dev/null

step "two disks for the hostile one, and one for the other"
group() {
	stmfadm create-hg "$1"
	at_exit "stmfadm delete-hg $1"
	stmfadm add-hg-member -g "$1" "$2"
	at_exit "stmfadm remove-hg-member -g $1 $2"
}
group hostile "$HOSTILE"
group others "$INITIATOR"
# disk NAME LUN GROUP
disk() {
	local guid
	truncate -s 16M "$WORK/$1"
	guid=$(make_lu "$WORK/$1")
	at_exit "stmfadm delete-lu $guid"
	stmfadm add-view -n "$2" -h "$3" "$guid"
}
disk any 0 hostile
disk own 200 hostile
disk beside 0 others
login "$target"
beside=$(disk_of "$target" 0)
lines() { dmesg | grep -c 'stmf_iscsi:' || true; }
lines_before=$(lines)
begin=$SECONDS

step "${options[*]}"
load() {
	while [ ! -e "$WORK/enough" ]; do
		fio_verify beside "$beside" --rw=randwrite --bs=4k --iodepth=4 --rate_iops=50 --size=1M || return
	done
}
load &
load=$!
hostile 127.0.0.1:3260 "$target" play "$closed" --initiator "$HOSTILE" "${options[@]}"
touch "$WORK/enough"
wait "$load" || fail "expected the well-behaved session to go on"

step "nothing is left but the session beside"
wait_for has_sessions "$target" 1
expect 0 "$(sessions_of "$closed")" "sessions with the target that asks for a secret"
# Ten lines of a kind in five seconds.
most=$((30 * ((SECONDS - begin) / 5 + 1)))
[ $(($(lines) - lines_before)) -le "$most" ] ||
	fail "expected at most $most lines in the log, got $(($(lines) - lines_before))"
tried "${CASES:-4000}" "something that no initiator should send, beside a session that works"
