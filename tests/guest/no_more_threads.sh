#!/usr/bin/env bash
# When the kernel can start no more threads, a disk works whose commands wait for a worker: there may be no memory until it has written.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

debug_only /sys/kernel/debug/failslab
# All workers that are bound to no processor in one pool.
scope=/sys/module/workqueue/parameters/default_affinity_scope
was=$(cat "$scope")
at_exit "echo '$was' >$scope"
echo system >"$scope"
serve
target=$(target_name threads)
make_target "$target"
patient_targets
file_lu steady 16M 1

mkdir "$WORK/mnt"
loop=$(loop_device backing 64M)
at_exit "losetup -d $loop"
mkfs.ext4 -q "$loop"
mount "$loop" "$WORK/mnt"
at_exit "umount '$WORK/mnt'"
file_lu mnt/one 16M 0
file_lu mnt/other 16M 2
at_exit "fsfreeze -u '$WORK/mnt' 2>/dev/null || true"
python3 "$COMSTAR_TOP/tests/no_more_threads.py" "$target" "$WORK/mnt"
