#!/usr/bin/env bash
# The network goes away in the middle of writes and comes back: the session recovers, data is intact.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 200
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name disk)
make_target "$target"
file_lu disk 64M 0
portal=127.0.0.1:3260
iscsiadm -m discovery -t sendtargets -p "$portal" >/dev/null
iscsiadm -m node -T "$target" -p "$portal" -o update \
	-n node.session.timeo.replacement_timeout -v 120 \
	-n node.conn[0].timeo.noop_out_interval -v 2 \
	-n node.conn[0].timeo.noop_out_timeout -v 2
iscsiadm -m node -T "$target" -p "$portal" --login >/dev/null
at_exit "logout '$target' '$portal'"
disk=$(disk_of "$target" 0)

# Nothing gets through in either direction, and nobody is told.
cut_off() {
	nft add table inet partition
	nft add chain inet partition input '{ type filter hook input priority 0; }'
	nft add rule inet partition input tcp dport 3260 drop
	nft add rule inet partition input tcp sport 3260 drop
}
at_exit "nft delete table inet partition 2>/dev/null || true"

fio_verify through "$disk" --rw=randwrite --bs=16k --iodepth=8 --size=48M --rate=4m &
load=$!
sleep 3
before=$(dmesg | grep -c 'conn error' || true)
cut_off
sleep 8
nft delete table inet partition
wait "$load" || fail "expected the load to go on after the partition"
after=$(dmesg | grep -c 'conn error' || true)
[ "$after" -gt "$before" ] || fail "expected the initiator to notice the partition"
wait_for has_sessions "$target" 1
tried 1 "the network silent for 8 s, both ways, in the middle of writes"
