#!/usr/bin/env bash
# The project's main job, step by step: disks served over iSCSI to a real
# initiator, which keeps a file system with real files on each.
# SPDX-License-Identifier: GPL-2.0

# shellcheck source=tests/lib.sh
. "$COMSTAR_TOP/tests/lib.sh"

TARGET=iqn.2026-11.org.comstar-linux:demo
WORK=/tmp/comstar-demo
MB=100
FILES=5000
STEPS=12

CURRENT="starting"
NUMBER=0
at_exit "umount -q '$WORK/mnt.file' '$WORK/mnt.block'"
at_exit report

# shellcheck disable=SC2329 # Called when the demo ends.
report() { [ "$status" = 0 ] || printf '\nFAILED in step %d: %s\n' "$NUMBER" "$CURRENT" >&2; }

# Announces the next step.
next() {
	NUMBER=$((NUMBER + 1))
	CURRENT=$*
	printf '[%2d/%d %4ds] %s\n' "$NUMBER" "$STEPS" "$SECONDS" "$CURRENT"
}

# Directories below /usr/share that have enough files and bytes together.
choose_tree() {
	local dir kb=0 files=0
	for dir in doc perl man locale i18n vim icons; do
		[ -d "/usr/share/$dir" ] || continue
		echo "$dir"
		kb=$((kb + $(du -sk --apparent-size "/usr/share/$dir" | cut -f1)))
		files=$((files + $(find "/usr/share/$dir" -type f | wc -l)))
		if [ "$kb" -ge $((MB * 1024)) ] && [ "$files" -ge "$FILES" ]; then
			return
		fi
	done
	fail "/usr/share has only $files files in $((kb / 1024)) MB: expected $FILES in $MB MB"
}

# Prints "checksum  path" of every file below the current directory.
checksums() { find . -type f -print0 | sort -z | xargs -0 sha256sum; }

# each FUNCTION: runs it for both disks, with name, portal and LUN.
each() {
	"$1" file "127.0.0.1:3260" 0
	"$1" block "[::1]:3260" 1
}

attach() {
	iscsiadm -m discovery -t sendtargets -p "$2" | grep "$TARGET" | sed 's/^/    /'
	iscsiadm -m node -T "$TARGET" -p "$2" --login | sed 's/^/    /'
	disk_on "$2" "$3" >"$WORK/disk.$1"
	echo "    LUN $3 is $(cat "$WORK/disk.$1")"
}

# disk_on PORTAL LUN: the disk that the session to this portal sees.
disk_on() {
	local address=${1%:*} found=
	address=${address//[\[\]]/}
	wait_for session_disk "$address" "$2"
	found=$(session_disk "$address" "$2")
	wait_for test -b "$found"
	echo "$found"
}

session_disk() {
	local connection device
	for connection in /sys/class/iscsi_connection/connection*; do
		[ "$(cat "$connection/persistent_address" 2>/dev/null)" = "$1" ] || continue
		for device in "$(readlink -f "$connection/device")"/../target*/*:*:*:"$2"/block/*; do
			[ -e "$device" ] || continue
			echo "/dev/${device##*/}"
			return
		done
	done
	return 1
}

detach() {
	iscsiadm -m node -T "$TARGET" -p "$2" --logout | sed 's/^/    /'
}

format() { mkfs.ext4 -q -E nodiscard "$(cat "$WORK/disk.$1")"; }

mounted() {
	mkdir -p "$WORK/mnt.$1"
	mount "$(cat "$WORK/disk.$1")" "$WORK/mnt.$1"
}

fill() {
	mounted "$1"
	cp -a "$WORK/original" "$WORK/mnt.$1/copy"
	umount "$WORK/mnt.$1"
	echo "    $1: done after $SECONDS s"
}

check() {
	fsck.ext4 -fn "$(cat "$WORK/disk.$1")" >"$WORK/fsck.$1" 2>&1 ||
		fail "fsck of the $1 disk: $(cat "$WORK/fsck.$1")"
	mounted "$1"
	(cd "$WORK/mnt.$1/copy" && checksums) >"$WORK/sums.$1"
	umount "$WORK/mnt.$1"
	cmp "$WORK/sums" "$WORK/sums.$1" || fail "files on the $1 disk differ from the originals"
	echo "    $1: clean, $(wc -l <"$WORK/sums.$1") files as they were"
}

mkdir -p "$WORK"

next "load stmf, stmf_sbd, stmf_iscsi"
load_stmf stmf_sbd stmf_iscsi
lsmod | grep ^stmf | sed 's/^/    /'

next "make two logical units: on a sparse file and on a block device"
truncate -s 512M "$WORK/file.img" "$WORK/block.img"
loop=$(losetup -f --show "$WORK/block.img")
lu_file=$(stmfadm create-lu "$WORK/file.img" | awk '{ print $NF }')
lu_block=$(stmfadm create-lu "$loop" | awk '{ print $NF }')
stmfadm list-lu -v | sed 's/^/    /'

next "make a target, and views for both logical units"
itadm create-target -n "$TARGET" | sed 's/^/    /'
stmfadm add-view -n 0 "$lu_file"
stmfadm add-view -n 1 "$lu_block"
stmfadm list-view -l "$lu_block" | sed 's/^/    /'

next "discover and log in with open-iscsi, over IPv4 and over IPv6"
start_iscsid
each attach
stmfadm list-target -v | sed 's/^/    /'

next "make a file system on each"
each format

next "take a copy of files of this machine, and their checksums"
choose_tree >"$WORK/tree"
mkdir "$WORK/original"
tar -C /usr/share --files-from="$WORK/tree" -cf - | tar -C "$WORK/original" -xf -
(cd "$WORK/original" && checksums) >"$WORK/sums"
echo "    $(wc -l <"$WORK/sums") files in $(du -sh --apparent-size "$WORK/original" | cut -f1)"

next "copy them to each"
each fill

next "log out"
each detach

next "log in again"
each attach

next "check each file system and compare every file"
each check

next "log out, remove everything"
each detach
stmfadm offline-target "$TARGET"
itadm delete-target "$TARGET"
stmfadm delete-lu "$lu_file" "$lu_block"
losetup -d "$loop"

next "unload the modules"
unload_stmf
if loaded stmf; then fail "expected stmf to be unloaded, it is still there"; fi
printf '\nThe demo is complete: every byte came back, after %d s.\n' "$SECONDS"
