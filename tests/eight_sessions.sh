# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Four disks, two of them seen through groups, two targets, and eight sessions of four hosts with them: what is taken
# away and disturbed by tests/guest/life_cycle.sh and tests/soak.

# shellcheck source=tests/initiator.sh
. "$COMSTAR_TOP/tests/initiator.sh"

# What an earlier test has saved isn't in the way.
export STMF_STORE=$WORK/store
targets=("$(target_name one)" "$(target_name two)")
guids=()

# Options of the views of the first two disks.
first_views=()

# make_eight_sessions: the disks are on $WORK/disk1 to disk4, which may be there.
make_eight_sessions() {
	local n target group
	serve
	for target in "${targets[@]}"; do make_target "$target"; done
	for n in 1 2 3 4; do
		[ -e "$WORK/disk$n" ] || truncate -s 64M "$WORK/disk$n"
		guids+=("$(make_lu "$WORK/disk$n" -s 64m)")
		at_exit "stmfadm delete-lu ${guids[-1]}"
	done
	at_exit remove_masking
	stmfadm create-tg both
	for target in "${targets[@]}"; do stmfadm add-tg-member -g both "$target"; done
	for group in three four; do stmfadm create-hg "$group"; done
	stmfadm add-hg-member -g three iqn.2024-01.test:host3
	stmfadm add-hg-member -g four iqn.2024-01.test:host4
	stmfadm add-view "${first_views[@]}" -n 0 "${guids[0]}"
	stmfadm add-view "${first_views[@]}" -n 1 "${guids[1]}"
	stmfadm add-view -h three -n 2 "${guids[2]}"
	stmfadm add-view -h four -t both -n 3 "${guids[3]}"

	hosts_log_in "${targets[0]}" 4
	iscsiadm -m node -T "${targets[1]}" --login >/dev/null
	at_exit "iscsiadm -m node -T ${targets[1]} --logout >/dev/null"
}
