#!/usr/bin/env bash
# Local SCSI hosts: disks come and go with their views, and every byte comes back.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 300
. "$COMSTAR_TOP/tests/target.sh"

load_stmf stmf_sbd stmf_loopback
at_exit unload_stmf

step "a target brings a host; a view brings a disk"
file_lu first 64M 0
first=$GUID
loop_target
host=$LOOP_HOST
target=$LOOP_TARGET
disk=$(loop_disk "$host" 0)
expect $((64 << 20)) "$(blockdev --getsize64 "$disk")" "size of $disk"
expect "COMSTAR" "$(tr -d ' ' <"/sys/block/${disk##*/}/device/vendor")" "vendor of $disk"
sg_vpd -p di "$disk" | finds -i "$first" || fail "expected $first in the identification of $disk"
expect 1 "$(sessions_of "$target")" "sessions of $target"
stmfadm list-target -v "$target" | finds "Initiator: naa.3" ||
	fail "expected the initiator in: $(stmfadm list-target -v "$target")"

step "another view brings another disk by itself"
loop=$(loop_device second 64M)
at_exit "losetup -d $loop"
device_lu "$loop" 5
second=$GUID
other=$(loop_disk "$host" 5)

step "data on a file and on a block device"
fio_verify file "$disk" --rw=randwrite --bsrange=4k-256k --iodepth=32 --size=8M
fio_verify block "$other" --rw=randwrite --bsrange=4k-256k --iodepth=32 --size=8M
fio_verify sync "$other" --rw=write --bs=1M --iodepth=4 --size=16M --fsync=4

step "memory that is not whole pages"
python3 - "$other" <<'PY'
import mmap, os, sys
disk = os.open(sys.argv[1], os.O_RDWR | os.O_DIRECT)
data = bytes(range(256)) * 64
room = mmap.mmap(-1, len(data) + 512)
view = memoryview(room)[512:]
view[:] = data
assert os.pwritev(disk, [view], 8 << 20) == len(data)
# Three pieces of memory, none of them on a page's boundary.
view[:] = bytes(len(data))
parts = [view[:512], view[512:4608], view[4608:]]
assert os.preadv(disk, parts, 8 << 20) == len(data)
assert bytes(view) == data, "other bytes came back"
PY

step "memory that is lent for reading is not written to"
for one in "$disk" "$other"; do
	python3 "$COMSTAR_TOP/tests/wrong_direction.py" "$one" "$WORK/mapped"
done

step "a file system"
mkfs.ext4 -q -E nodiscard "$disk"
mkdir "$WORK/mnt"
mount "$disk" "$WORK/mnt"
at_exit "umount -q '$WORK/mnt' || true"
tar -C /usr/share -cf - perl 2>/dev/null | head -c 4M >"$WORK/mnt/data" || true
sum=$(sha256sum <"$WORK/mnt/data")
umount "$WORK/mnt"
fsck.ext4 -fn "$disk" >/dev/null 2>&1 || fail "expected a clean file system on $disk"
mount "$disk" "$WORK/mnt"
expect "$sum" "$(sha256sum <"$WORK/mnt/data")" "checksum of the file"
umount "$WORK/mnt"

step "a removed view takes its disk away, and the other stays"
stmfadm remove-view -l "$second" -a
wait_for no_loop_disk "$host" 5
[ -b "$disk" ] || fail "expected $disk to stay"

step "another unit at the same LUN is another disk"
stmfadm remove-view -l "$first" -a
stmfadm add-view -n 0 "$second"
is_second() { sg_vpd -p di "$(find_loop_disk "$host" 0)" | finds -i "$second"; }
wait_for is_second
stmfadm remove-view -l "$second" -a
stmfadm add-view -n 300 "$second"
stmfadm add-view -n 0 "$first"
# LUN 300 in the flat space addressing method is 0x412c.
loop_disk "$host" 16684 >/dev/null

step "several hosts, each an initiator of its own"
loop_target
loop_disk "$LOOP_HOST" 0 >/dev/null
[ "$LOOP_HOST" != "$host" ] || fail "expected a second host"
stmfadm delete-target -f "$LOOP_TARGET"
[ ! -e "$LOOP_HOST" ] || fail "expected $LOOP_HOST to go"
disk=$(loop_disk "$host" 0)

step "what is refused"
refused stmfadm create-target -P loopback naa.12
refused stmfadm create-target -P loopback "$target"
refused stmfadm delete-target "$target"
refused stmfadm delete-target naa.3000000000000000
refused rmmod stmf_loopback

step "offline and online again"
stmfadm offline-target "$target"
[ ! -e "$host" ] || fail "expected the host to go with its target"
stmfadm online-target "$target"
loop_disk "$(newest_host)" 0 >/dev/null
stmfadm offline-target "$target"
stmfadm delete-target "$target"
