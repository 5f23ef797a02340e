#!/usr/bin/env bash
# What a file system could not write behind its page cache is told with the next flush, once more than Linux forgets it.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 180
# expect-log: (I/O error|critical|Buffer I/O|EXT4-fs|lost async page|Sense Key|Add. Sense|FAILED Result|CDB|Synchronize Cache)
. "$COMSTAR_TOP/tests/target.sh"

modprobe dm-flakey
serve
target=$(target_name cached)
make_target "$target"
# A file can't be written directly in blocks of 512 bytes when those of its device are larger.
truncate -s 96M "$WORK/backing"
loop=$(losetup --find --show -b 4096 "$WORK/backing")
at_exit "losetup -d $loop"
sectors=$(blockdev --getsz "$loop")
echo "0 $sectors linear $loop 0" | dmsetup create cached
udevadm settle
mkdir "$WORK/mnt"
at_exit "umount '$WORK/mnt' 2>/dev/null; remove_dm cached"
mkfs.ext4 -q -b 4096 -O ^has_journal /dev/mapper/cached
mount /dev/mapper/cached "$WORK/mnt"
dd if=/dev/zero of="$WORK/mnt/disk" bs=1M count=32 conv=fsync status=none
device_lu "$WORK/mnt/disk" 0 -p meta=head
expect file-buffered "$(stmfadm list-lu --json "$GUID" | jq -r ".[0].disk.backend")" "backing store"

# table LINE...: the device is that from here on.
table() {
	dmsetup suspend --nolockfs cached
	printf '%s\n' "$@" | dmsetup load cached
	dmsetup resume --noudevsync cached
}
# The place of the block at 1 MiB of the disk on the device, in sectors; the head has as much.
bad=$(filefrag -b4096 -v "$WORK/mnt/disk" | awk '
	$1 ~ /^[0-9]+:$/ { gsub(/[.:]/, " "); if ($2 <= 512 && 512 <= $3) print ($4 + 512 - $2) * 8 }')
break_block() { table "0 $bad linear $loop 0" "$bad 8 error" "$((bad + 8)) $((sectors - bad - 8)) linear $loop $((bad + 8))"; }
heal() { table "0 $sectors linear $loop 0"; }
# put OPTION: writes 4 KiB at 1 MiB.
put() { dd if=/dev/urandom of="$disk" bs=4k seek=256 count=1 conv=fsync,notrunc status=none; }

step "Linux is told when it flushes"
login "$target"
disk=$(disk_of "$target" 0)
udevadm settle
break_block
refused put
heal
put
logout "$target"

step "also when somebody else has met the error first"
break_block
python3 "$COMSTAR_TOP/tests/cached_errors.py" "$target" "$WORK/mnt" "$GUID" "$loop"
heal
tried 5 "a block that the file system can't write behind its page cache"
