#!/usr/bin/env bash
# Whatever is taken away under load, and comes back, in any order: in time, and without a wrong block.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/initiator.sh"

seed=${SEED:-$RANDOM} rounds=${ROUNDS:-2}
# There everything takes longer.
[ ! -e /sys/kernel/debug/kmemleak ] || rounds=${ROUNDS:-1}
echo "SEED=$seed ROUNDS=$rounds"

# What an earlier test has saved isn't in the way.
export STMF_STORE=$WORK/store
serve
targets=("$(target_name one)" "$(target_name two)")
for target in "${targets[@]}"; do make_target "$target"; done
guids=()
for n in 1 2 3 4; do
	truncate -s 64M "$WORK/disk$n"
	guids+=("$(make_lu "$WORK/disk$n")")
	at_exit "stmfadm delete-lu ${guids[-1]}"
done
at_exit remove_masking
stmfadm create-tg both
for target in "${targets[@]}"; do stmfadm add-tg-member -g both "$target"; done
for group in three four; do stmfadm create-hg "$group"; done
stmfadm add-hg-member -g three iqn.2024-01.test:host3
stmfadm add-hg-member -g four iqn.2024-01.test:host4
stmfadm add-view -n 0 "${guids[0]}"
stmfadm add-view -n 1 "${guids[1]}"
stmfadm add-view -h three -n 2 "${guids[2]}"
stmfadm add-view -h four -t both -n 3 "${guids[3]}"

hosts_log_in "${targets[0]}" 4
iscsiadm -m node -T "${targets[1]}" --login >/dev/null
at_exit "iscsiadm -m node -T ${targets[1]} --logout >/dev/null"
PYTHONPATH=$COMSTAR_TOP/tests python3 "$COMSTAR_TOP/tests/by_hand/life_cycle.py" "$seed" "$rounds" "$WORK" "${targets[*]}" "${guids[*]}"
