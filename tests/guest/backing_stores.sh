#!/usr/bin/env bash
# Whatever a disk is on: mixed sizes with unmapping between them verify, ext4 and xfs live on it.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 900
. "$COMSTAR_TOP/tests/target.sh"

SIZE=320M # xfs wants 300 MiB at least.

serve
target=$(target_name stores)
make_target "$target"

# made NAME: makes the disk of this name, LUN 0, on backing store $WORK/store if that is a file.
made() {
	: >"$WORK/store"
	case $1 in
	"a sparse file") device_lu "$WORK/store" 0 -s "$SIZE" ;;
	"a file that has its space") device_lu "$WORK/store" 0 -s "$SIZE" -p thin=false ;;
	"a file with its metadata") device_lu "$WORK/store" 0 -s "$SIZE" -p meta=head ;;
	memory) device_lu ram:stores 0 -s "$SIZE" ;;
	"a loop device")
		truncate -s "$SIZE" "$WORK/store"
		loop=$(losetup --find --show "$WORK/store")
		at_exit "losetup -d $loop 2>/dev/null || true"
		device_lu "$loop" 0
		;;
	"a device without a cache")
		debug_disk dev_size_mb=320 physblk_exp=3 lbpu=1 lbpws=1 lbprz=1 unmap_granularity=8
		device_lu "$BACKING" 0 -p wcd=true
		;;
	esac
}

# fs_made ext4|xfs DISK
fs_made() {
	case $1 in
	ext4) mkfs.ext4 -q -F "$2" ;;
	xfs) mkfs.xfs -q -f "$2" ;;
	esac
}
# fs_checked ext4|xfs DISK
fs_checked() {
	case $1 in
	ext4) e2fsck -fn "$2" ;;
	xfs) xfs_repair -n "$2" ;;
	esac
}
# take DIRECTORY: leaves 96 MiB of its file system, without a write of what it takes.
take() {
	local free
	free=$(df --output=avail -k "$1" | tail -n 1)
	fallocate -l $((free - 96 * 1024))k "$1/taken"
}
# fill FILE DIRECTORY: copies it until there is no space, then takes away what isn't whole.
fill() {
	local n=0
	while cp "$1" "$2/copy$n" 2>/dev/null; do n=$((n + 1)); done
	[ "$n" -ge 3 ] || fail "expected room for three copies, got $n"
	rm "$2/copy$n"
}

mkdir "$WORK/mnt"
at_exit "umount '$WORK/mnt' 2>/dev/null || true"
dd if=/dev/urandom of="$WORK/data" bs=1M count=24 status=none
cd "$WORK" # fio leaves files.
for name in "a sparse file" "a file that has its space" "a file with its metadata" memory "a loop device" \
	"a device without a cache"; do
	step "$name: mixed sizes, unmapped between"
	made "$name"
	login "$target"
	disk=$(disk_of "$target" 0)
	trims=(--trim_percentage=20 --trim_backlog=64 --trim_verify_zero=1)
	if [ "$name" = "a file that has its space" ]; then
		trims=()
		expect 0 "$(cat "/sys/block/${disk##*/}/queue/discard_max_bytes")" "what can be unmapped at once"
	fi
	fio_verify "${name##* }" "$disk" --rw=randwrite --bssplit=512/20:4k/30:20k/30:64k/15:256k/5 --size=24M \
		--iodepth=8 --verify_backlog=64 "${trims[@]}"
	for fs in ext4 xfs; do
		need_file_system "$fs"
		step "$name: $fs is made, filled, trimmed, checked"
		fs_made "$fs" "$disk"
		mount -t "$fs" "$disk" "$WORK/mnt"
		take "$WORK/mnt"
		fill "$WORK/data" "$WORK/mnt"
		rm "$WORK/mnt/copy1"
		[ ${#trims[@]} = 0 ] || fstrim "$WORK/mnt"
		umount "$WORK/mnt"
		fs_checked "$fs" "$disk"
		mount -t "$fs" "$disk" "$WORK/mnt"
		for copy in "$WORK"/mnt/copy*; do
			cmp "$copy" "$WORK/data" || fail "$name: expected the file as it was written"
		done
		umount "$WORK/mnt"
	done
	logout "$target"
	stmfadm delete-lu "$GUID"
	[ "$name" != "a loop device" ] || losetup -d "$loop"
	rm "$WORK/store"
done

step "a file system without holes: what can't be unmapped keeps its data"
mkdir "$WORK/flat"
mount -t ramfs flat "$WORK/flat"
at_exit "umount '$WORK/flat'"
dd if="$WORK/data" of="$WORK/flat/disk" bs=1M count=4 status=none
device_lu "$WORK/flat/disk" 0
login "$target"
disk=$(disk_of "$target" 0)
sg_unmap --lba=8 --num=64 --force "$disk"
cmp -n $((4 << 20)) "$WORK/flat/disk" "$WORK/data" || fail "expected the data as they were"
sg_write_same --lba=8 --num=64 --unmap --xferlen=512 "$disk"
cmp -n $((64 * 512)) <(dd if="$disk" bs=512 skip=8 count=64 iflag=direct status=none) /dev/zero ||
	fail "expected zeros after WRITE SAME with UNMAP"
logout "$target"
stmfadm delete-lu "$GUID"
