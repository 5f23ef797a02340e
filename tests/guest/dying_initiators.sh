#!/usr/bin/env bash
# Fifty initiators at once log in, write, and die in the middle of it: nothing acknowledged is lost, nothing is left.
# SPDX-License-Identifier: GPL-2.0
# alone
# time-limit: 300
. "$COMSTAR_TOP/tests/target.sh"

seed=${SEED:-$RANDOM} storms=${STORMS:-8}
echo "SEED=$seed STORMS=$storms"
serve
target=$(target_name dying)
make_target "$target"
# They are silent while others are slow.
itadm modify-target --limit NopInInterval=120 "$target" >/dev/null
file_lu disk 16M 0
truncate -s 64M "$WORK/other"
other=$(make_lu "$WORK/other")
at_exit "stmfadm delete-lu $other"
stmfadm add-view -n 1 "$other"

# One that goes on beside them.
login "$target"
disk=$(disk_of "$target" 1)
while [ ! -e "$WORK/over" ]; do
	fio_verify beside "$disk" --rw=randwrite --bs=16k --iodepth=4 --size=4M --rate_iops=100 --verify_state_save=0
done &
load=$!
python3 "$COMSTAR_TOP/tests/dying.py" "$target" "$storms" "$seed"
touch "$WORK/over"
wait "$load" || fail "expected a session beside them to go on without an error"
