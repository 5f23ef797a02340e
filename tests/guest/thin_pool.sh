#!/usr/bin/env bash
# A thin device whose pool is full: the initiator is told what is the matter, and has its data and its disk.
# SPDX-License-Identifier: GPL-2.0
# expect-log: (I/O error|critical|Buffer I/O|device-mapper: thin)
. "$COMSTAR_TOP/tests/target.sh"

modprobe dm-thin-pool
serve
target=$(target_name thin)
make_target "$target"
meta=$(loop_device meta 4M)
at_exit "losetup -d $meta"
data=$(loop_device data 16M)
at_exit "losetup -d $data"
echo "0 32768 thin-pool $meta $data 128 0 1 error_if_no_space" | dmsetup create pool
at_exit "remove_dm pool"
dmsetup message pool 0 create_thin 0
echo "0 131072 thin /dev/mapper/pool 0" | dmsetup create thin
udevadm settle
at_exit "remove_dm thin"
device_lu /dev/mapper/thin 0
python3 "$COMSTAR_TOP/tests/thin_pool.py" "$target" $((16 << 4))
