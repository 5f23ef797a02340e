#!/usr/bin/env bash
# multipathd follows the access states of two portals' groups, and fio loses nothing by it.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 180
. "$COMSTAR_TOP/tests/target.sh"

modprobe dm-multipath
modprobe dm-service-time
modprobe scsi_dh_alua

serve
file_lu disk 64M 0
map=3${GUID,,}
at_exit "stmfadm delete-tg one; stmfadm delete-tg two"
at_exit "itadm delete-tpg -f one two"
port=3261
for name in one two; do
	target=$(target_name "$name")
	itadm create-tpg "$name" "127.0.0.1:$port" >/dev/null
	make_target "$target"
	itadm modify-target -t "$name" "$target" >/dev/null
	stmfadm create-tg "$name"
	stmfadm add-tg-member -g "$name" "$target"
	port=$((port + 1))
done
stmfadm set-access -g one active-optimized
stmfadm set-access -g two standby

step "two portals, one disk"
mkdir -p /etc/multipath
cat >/etc/multipath.conf <<'EOF'
defaults {
	find_multipaths no
	user_friendly_names no
	polling_interval 1
	max_polling_interval 1
	uid_attribute ""
}
overrides {
	path_grouping_policy group_by_prio
	prio alua
	path_checker tur
	failback immediate
	no_path_retry queue
}
blacklist {
	devnode ".*"
}
blacklist_exceptions {
	devnode "^sd"
}
EOF
# paths_come, paths_go: the initiator's side, from the login to the map and back.
paths_come() {
	login "$(target_name one)" 127.0.0.1:3261
	login "$(target_name two)" 127.0.0.1:3262
	one=$(disk_of "$(target_name one)" 0)
	two=$(disk_of "$(target_name two)" 0)
	multipathd -d -s >"$WORK/multipathd.log" 2>&1 &
	daemon=$!
	wait_for test -b "/dev/mapper/$map"
}
paths_go() {
	multipathd disablequeueing maps >/dev/null
	kill "$daemon"
	wait "$daemon" || true
	remove_dm "$map" 2>/dev/null
	logout "$(target_name one)" 127.0.0.1:3261
	logout "$(target_name two)" 127.0.0.1:3262
}
paths_come
at_exit "paths_go 2>/dev/null"

# path_is DISK STATE [PRIORITY]: what multipathd thinks of a path.
path_is() {
	[ "$(multipathd show paths raw format "%d %T %p" |
		awk -v disk="${1##*/}" -v priority="${3:-}" \
			'$1 == disk { print $2, priority == "" ? "" : $3 }')" = "$2 ${3:-}" ]
}
# Reads and writes that a disk has had.
io_of() { awk '{ print $1 + $5 }' "/sys/block/${1##*/}/stat"; }
# used DISK: reads of the map reach it.
used() {
	local before
	before=$(io_of "$1")
	dd if="/dev/mapper/$map" of=/dev/null bs=4k count=8 iflag=direct status=none
	[ $(($(io_of "$1") - before)) -ge 8 ]
}

wait_for path_is "$one" ready 50
wait_for path_is "$two" ghost 1
used "$one" || fail "expected the path that is active and optimized to be used"

step "path states are followed"
while read -r state path priority; do
	stmfadm set-access -g two "$state"
	wait_for path_is "$two" "$path" "$priority"
done <<'EOF'
active-non-optimized ready 10
unavailable faulty
offline faulty
active-optimized ready 50
EOF
stmfadm set-access -g one standby
wait_for path_is "$one" ghost 1
wait_for used "$two"

step "failover under load: every block is as written"
# It lasts as long as the moves; other data each time.
load() {
	local round=0
	until [ -e "$WORK/enough" ]; do
		round=$((round + 1))
		fio_verify failover "/dev/mapper/$map" --rw=randwrite --bs=16k --size=16M --iodepth=8 \
			--verify_state_save=0 --rate_iops=,120 --randseed=$round
	done
}
load &
load=$!
at_exit "touch '$WORK/enough'; kill $load 2>/dev/null"
# has_moved DISK BEFORE: it has had I/O since.
has_moved() { [ "$(io_of "$1")" -gt "$2" ]; }
moves=0
while kill -0 "$load" 2>/dev/null && [ "$moves" -lt 4 ]; do
	read -r up down disk <<<"$([ $((moves % 2)) = 0 ] && echo one two "$one" || echo two one "$two")"
	stmfadm set-access -g "$down" transitioning
	stmfadm set-access -g "$up" active-optimized
	stmfadm set-access -g "$down" standby
	wait_for path_is "$disk" ready 50
	before=$(io_of "$disk")
	wait_for -t 20 has_moved "$disk" "$before"
	moves=$((moves + 1))
done
touch "$WORK/enough"
expect 4 "$moves" "failovers under load"
wait "$load" || fail "fio: see above"

step "an initiator that may set states: both ways are on standby, and it makes one active"
paths_go
stmfadm set-access -g one -e true standby
stmfadm set-access -g two -e true standby
paths_come
# Either will do, or both in turn.
active() {
	local before
	before=$(($(io_of "$one") + $(io_of "$two")))
	dd if="/dev/mapper/$map" of=/dev/null bs=4k count=8 iflag=direct status=none
	[ $(($(io_of "$one") + $(io_of "$two") - before)) -ge 8 ]
}
wait_for active
stmfadm list-access --json |
	jq -e 'any(.[]; .lu != null and .state == "active-optimized")' >/dev/null ||
	fail "expected a state that the initiator has set: $(stmfadm list-access)"
tried "$moves" "a path taken away under load"
