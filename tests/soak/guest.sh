#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Everything at once, for HOURS: what life_cycle does, and beside it devices that fail, stall and dawdle,
# connections that are cut, resets, an initiator's daemon that is killed, hostile initiators, bent netlink messages.
. "$COMSTAR_TOP/tests/eight_sessions.sh"

seed=${SEED:-$RANDOM}
echo "SEED=$seed HOURS=$HOURS"
modprobe dm-delay
# Two of the disks are on devices that can fail.
backings=()
for n in 3 4; do
	backings+=("$(loop_device "backing$n" 96M)")
	at_exit "losetup -d ${backings[-1]}"
	echo "0 $(blockdev --getsz "${backings[-1]}") linear ${backings[-1]} 0" | dmsetup create "soak$n"
	udevadm settle
	at_exit "remove_dm soak$n"
	ln -s "/dev/mapper/soak$n" "$WORK/disk$n"
done
first_views=(-t both)
make_eight_sessions
# For the hostile one: a target with two disks, and one that lets nobody in without a secret.
open=$(target_name open) closed=$(target_name closed)
make_target "$open"
make_target "$closed"
itadm modify-target -a chap "$closed" >/dev/null
stmfadm create-tg open
stmfadm add-tg-member -g open "$open"
for lun in 0 200; do
	truncate -s 16M "$WORK/hostile$lun"
	guid=$(make_lu "$WORK/hostile$lun")
	at_exit "stmfadm delete-lu $guid"
	stmfadm add-view -t open -n "$lun" "$guid"
done
PYTHONPATH=$COMSTAR_TOP/tests python3 "$COMSTAR_TOP/tests/soak/disturb.py" "$seed" "$HOURS" "$WORK" "${targets[*]}" \
	"${guids[*]}" "$open" "$closed" "${backings[*]}"
