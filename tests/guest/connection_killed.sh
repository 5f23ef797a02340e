#!/usr/bin/env bash
# Connections cut in mid-transfer, once with the initiator's daemon dead, are taken up again, and no acknowledged write is lost.
# SPDX-License-Identifier: GPL-2.0
# alone
# time-limit: 300
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name disk)
make_target "$target"
file_lu disk 128M 0

# A relay between initiator and target, which can be killed at any byte.
relay() {
	python3 "$COMSTAR_TOP/tests/relay.py" 13260 3260 &
	relay=$!
	wait_for bash -c 'exec 3<>/dev/tcp/127.0.0.1/13260'
}
relay
at_exit "kill -KILL \$relay"
portal=127.0.0.1:13260
iscsiadm -m node -o new -T "$target" -p "$portal" >/dev/null
at_exit "iscsiadm -m node -o delete"
quick_recovery "$target" "$portal"
iscsiadm -m node -T "$target" -p "$portal" --login >/dev/null
at_exit "iscsiadm -m node -T $target -p $portal --logout >/dev/null"
disk=$(disk_of "$target" 0)

fio_verify cut "$disk" --rw=randwrite --bsrange=4k-1m --iodepth=16 --size=128M --loops=2 &
load=$!
cuts=0
for cut in 1 2 3 4 5; do
	sleep 3
	kill -0 "$load" 2>/dev/null || break
	echo "    cut $cut"
	# Without it the connection is lost, and nobody takes it up.
	[ "$cut" != 2 ] || pkill -KILL -x iscsid
	kill -KILL "$relay"
	wait "$relay" 2>/dev/null || true
	relay
	[ "$cut" != 2 ] || start_iscsid
	cuts=$cut
done
wait "$load" || fail "expected every write to verify across the cuts"
[ "$cuts" -ge 2 ] || fail "expected at least two cuts during the load, got $cuts"
wait_for has_sessions "$target" 1
tried "$cuts" "a connection killed in the middle of transfers"
tried 1 "the initiator's daemon killed in the middle of transfers, and its connection then"
