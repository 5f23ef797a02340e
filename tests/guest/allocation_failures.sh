#!/usr/bin/env bash
# An allocation that fails, whichever it is, costs one request, login or command, and leaves nothing behind.
# SPDX-License-Identifier: GPL-2.0
# own-boot
# time-limit: 900
# expect-log: WARNING: kernel/(trace/trace_events|jump_label)\.c:[0-9]+ at (event_define_fields|jump_label_(module_notify|del_module))
. "$COMSTAR_TOP/tests/target.sh"

debug_only /sys/kernel/debug/failslab
# Every so-many-th allocation; the first one by chance. STRIDE=1 makes every one fail, in hours; SWEEPS says where.
stride=${STRIDE:-7} seed=${SEED:-$RANDOM}
echo "STRIDE=$stride SEED=$seed"
# steps WHICH [ARGUMENT...]
steps() {
	local which=$1
	shift
	python3 "$COMSTAR_TOP/tests/allocation_failures.py" "$which" "$stride" "$seed" "$@"
}

ip link set lo up
step "loading the modules"
# When a module's trace events or static keys get no memory, the kernel loads it without them, and warns.
steps modules
at_exit unload_stmf

step "requests, logins, commands"
truncate -s 1M "$WORK/third"
file_lu disk 16M 0
make_target iqn.2026-11.test:allocations
loop_target
disk=$(loop_disk "$LOOP_HOST" 0)
udevadm settle
device=$(loop_device fourth 16M)
at_exit "losetup -d $device"
steps rest "$WORK" "/dev/$(ls "/sys/block/${disk##*/}/device/scsi_generic")" "$device"

step "all is well when nothing fails any more"
stmfadm delete-target -f "$LOOP_TARGET"
start_iscsid
login iqn.2026-11.test:allocations
disk=$(disk_of iqn.2026-11.test:allocations 0)
fio_verify after "$disk" --rw=randwrite --bs=4k --size=4M
logout iqn.2026-11.test:allocations
itadm delete-target -f iqn.2026-11.test:allocations
stmfadm delete-lu "$GUID"
unload_stmf
