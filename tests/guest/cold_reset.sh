#!/usr/bin/env bash
# TARGET COLD RESET ends the sessions of its target that see a unit which was reset, and no other; real initiators come back.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name cold)
other=$(target_name other)
make_target "$target"
patient_targets
make_target "$other"
file_lu disk 64M 0
login "$target"
disk=$(disk_of "$target" 0)
fio_verify cold "$disk" --rw=randwrite --bs=16k --iodepth=8 --size=32M --rate=4m &
load=$!
sleep 2
python3 "$COMSTAR_TOP/tests/cold_reset.py" shared "$target" "$other"
wait "$load" || fail "expected the initiator to log in again and go on: $(cat "$WORK/fio.cold")"
wait_for has_sessions "$target" 1
logout "$target"

step "who shares no unit with the sender isn't concerned"
truncate -s 16M "$WORK/second"
second=$(make_lu "$WORK/second")
at_exit "stmfadm delete-lu $second"
stmfadm remove-view -l "$GUID" -a
at_exit "stmfadm remove-view -l $GUID -a; stmfadm remove-view -l $second -a; stmfadm delete-hg a; stmfadm delete-hg b"
for host in a b; do
	stmfadm create-hg "$host"
	stmfadm add-hg-member -g "$host" "iqn.2024-01.test:$host"
done
stmfadm add-view -h a -n 0 "$GUID"
stmfadm add-view -h b -n 0 "$second"
python3 "$COMSTAR_TOP/tests/cold_reset.py" masked "$target"
tried 1 "a target reset by a TARGET COLD RESET, while it is written to"
