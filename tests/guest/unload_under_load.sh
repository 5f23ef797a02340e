#!/usr/bin/env bash
# Unloading is refused while sessions do I/O; after a forced delete it succeeds, and all works again.
# SPDX-License-Identifier: GPL-2.0
# alone
# time-limit: 240
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name disk)
make_target "$target"
file_lu disk 64M 0
disk_file=$WORK/disk
guid=$GUID
login "$target"
quick_recovery "$target" 127.0.0.1:3260
disk=$(disk_of "$target" 0)

fio --name=load --filename="$disk" --direct=1 --ioengine=libaio --rw=randrw --bs=16k \
	--iodepth=16 --runtime=60 --time_based --output="$WORK/fio.load" 2>/dev/null &
load=$!
sleep 2

step "with I/O running every unload is refused, and the I/O goes on"
for module in stmf_iscsi stmf_sbd stmf; do
	refused rmmod "$module"
done
refused itadm delete-target "$target"
kill -0 "$load" || fail "expected fio to go on"

step "a forced delete ends the session in time, under I/O"
begin=$SECONDS
itadm delete-target -f "$target"
stmfadm delete-lu "$guid"
[ $((SECONDS - begin)) -le 10 ] || fail "expected 10 s at most, took $((SECONDS - begin)) s"

step "the modules go, and come again"
unload_stmf
if loaded stmf; then fail "expected stmf to be unloaded"; fi
load_stmf stmf_sbd stmf_iscsi
# The disk before the target: an initiator that finds a target without it takes it for gone.
guid=$(make_lu "$disk_file" -p "guid=$guid")
at_exit "stmfadm delete-lu $guid"
stmfadm add-view -n 0 "$guid"
make_target "$target"

step "the initiator reconnects and its I/O goes on"
wait_for -t 60 has_sessions "$target" 1
kill -INT "$load" 2>/dev/null || true
wait "$load" || true
fio_verify after "$disk" --rw=randwrite --bs=4k --iodepth=16 --size=8M
tried 4 "a module or target removed while it is in use: refused"
tried 1 "a target deleted by force under load, and its modules unloaded"
