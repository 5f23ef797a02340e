#!/usr/bin/env bash
# What itadm list-session counts of sessions and connections is what was done.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 300
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name counted)
make_target "$target"
patient_targets
file_lu disk 64M 0

# counted NAME: of the real initiator's session.
counted() { itadm list-session --json "$target" | jq ".[0].counted.$1"; }

step "what dd reads and writes"
before=$(date +%s)
login "$target"
disk=$(disk_of "$target" 0)
keep_udev_still
sg_turs "$disk"
since=$(itadm list-session --json "$target" | jq -r '.[0].login_time | fromdate')
if [ "$since" -lt "$before" ] || [ "$since" -gt "$(date +%s)" ]; then
	fail "login time: expected it between $before and now, got $since"
fi
names=(CmdPDUs RspPDUs TxDataOctets RxDataOctets)
declare -A begin
for name in "${names[@]}"; do begin[$name]=$(counted "$name"); done
dd if="$disk" of=/dev/null bs=64k count=32 iflag=direct status=none
expected=(32 32 $((32 * 65536)) 0)
for n in "${!names[@]}"; do
	name=${names[n]}
	expect "${expected[n]}" "$(($(counted "$name") - begin[$name]))" "$name of 32 reads of 64 KiB"
done
dd if=/dev/urandom of="$disk" bs=64k count=48 oflag=direct status=none
# Linux looks at a disk anew after whoever wrote to it, so there are other commands, too.
expect $((48 * 65536)) "$(($(counted RxDataOctets) - begin[RxDataOctets]))" \
	"RxDataOctets of 48 writes of 64 KiB"
itadm list-session -v "$target"
logout "$target"

itadm modify-target --limit MaxConnections=4 "$target" >/dev/null
for what in commands digests connections format silence; do
	step "$what"
	# Long enough for the connections to be listed, which takes a while on a slow machine.
	[ $what != silence ] || itadm modify-target --limit NopInInterval=4 "$target" >/dev/null
	python3 "$COMSTAR_TOP/tests/session_counters.py" $what "$target"
done
