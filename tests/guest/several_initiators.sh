#!/usr/bin/env bash
# Several initiators write and verify at once, each byte comes back to its own.
# SPDX-License-Identifier: GPL-2.0
# alone
# time-limit: 300
. "$COMSTAR_TOP/tests/target.sh"

serve
INITIATORS=3
target=$(target_name disk)
make_target "$target"
for lun in $(seq 0 $((INITIATORS - 1))); do
	file_lu "disk$lun" 64M "$lun"
done

for n in $(seq 0 $((INITIATORS - 1))); do
	iscsiadm -m iface -I "host$n" -o new >/dev/null
	iscsiadm -m iface -I "host$n" -o update -n iface.initiatorname \
		-v "iqn.2024-01.test:host$n" >/dev/null
	at_exit "iscsiadm -m iface -I host$n -o delete"
done
iscsiadm -m discovery -t sendtargets -p 127.0.0.1 -I host0 -I host1 -I host2 >/dev/null
at_exit "iscsiadm -m node -o delete"
iscsiadm -m node -T "$target" --login
at_exit "iscsiadm -m node -T $target --logout >/dev/null"
expect "$INITIATORS" "$(sessions_of "$target")" "sessions"

# The disk at LUN $2 of the initiator $1.
disk_of_host() {
	local session device
	for session in /sys/class/iscsi_session/session*; do
		[ "$(cat "$session/initiatorname")" = "iqn.2024-01.test:host$1" ] || continue
		for device in "$session"/device/target*/*:*:*:"$2"/block/*; do
			echo "/dev/${device##*/}"
		done
	done
}

has_disk() { test -b "$(disk_of_host "$1" "$1")"; }

pids=()
for n in $(seq 0 $((INITIATORS - 1))); do
	wait_for has_disk "$n"
	fio_verify "host$n" "$(disk_of_host "$n" "$n")" --rw=randwrite --bsrange=4k-128k \
		--iodepth=16 --size=64M &
	pids+=($!)
done
for pid in "${pids[@]}"; do
	wait "$pid" || fail "expected every initiator's data to verify"
done

step "what one initiator wrote the others read"
for n in $(seq 0 $((INITIATORS - 1))); do
	for lun in $(seq 0 $((INITIATORS - 1))); do
		dd if="$(disk_of_host "$n" "$lun")" bs=1M iflag=direct status=none |
			sha256sum >"$WORK/sum.$n.$lun"
		cmp "$WORK/sum.$n.$lun" "$WORK/sum.0.$lun" ||
			fail "initiators 0 and $n read different data at LUN $lun"
	done
done
