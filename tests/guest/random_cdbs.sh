#!/usr/bin/env bash
# Random commands with random data are all answered, and the disk and its host are well afterwards.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 300
. "$COMSTAR_TOP/tests/target.sh"

load_stmf stmf_sbd stmf_loopback
at_exit unload_stmf
# How many, and from which seed on; a failure names its seed.
count=${CDBS:-1500} seed=${SEED:-$RANDOM}

file_lu file 8M 0
loop=$(loop_device device 8M)
at_exit "losetup -d $loop"
device_lu "$loop" 1
loop_target

for lun in 0 1; do
	disk=$(loop_disk "$LOOP_HOST" "$lun")
	udevadm settle
	step "a disk on a $([ "$lun" = 0 ] && echo file || echo device)"
	python3 "$COMSTAR_TOP/tests/random_cdbs.py" \
		"/dev/$(ls "/sys/block/${disk##*/}/device/scsi_generic")" "$count" "$((seed + lun))"
done

step "nothing was forgotten, and a new disk of the same host is as it should be"
no_task_lost
expect 0 "$(tasks_like '[0-9A-F]\{32\}')" "tasks left"
file_lu new 8M 2
fio_verify after "$(loop_disk "$LOOP_HOST" 2)" --rw=randwrite --bs=4k --size=2M
tried $((2 * count)) "a random command with random data"
