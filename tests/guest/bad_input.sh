#!/usr/bin/env bash
# Bad input to the administrator's tools gets one clear sentence, a status, and leaves nothing behind.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
truncate -s 16M "$WORK/good"

# no PATTERN COMMAND...: fails with a line on stderr that has the pattern, and leaves no LU.
no() {
	local pattern=$1 out
	shift
	if out=$("$@" 2>&1); then fail "expected to be refused: $*"; fi
	[[ $out =~ $pattern ]] || fail "$*: expected an error with \"$pattern\", got: $out"
	# After wrong usage there may be a hint below the sentence.
	[ "$(grep -c . <<<"$out")" -le 2 ] || fail "$*: expected one sentence, got: $out"
	echo "    $out"
}
nothing() { expect 0 "$(stmfadm list-lu | grep -c . || true)" "logical units after the refusals"; }

step "what can't be a disk"
no "$WORK/missing" stmfadm create-lu "$WORK/missing"
no "$WORK" stmfadm create-lu "$WORK"
no "/dev/null" stmfadm create-lu /dev/null
: >"$WORK/empty"
no "$WORK/empty" stmfadm create-lu "$WORK/empty"
truncate -s 1000100 "$WORK/odd"
no "block" stmfadm create-lu "$WORK/odd"
no "block" stmfadm create-lu -p blk=1000 "$WORK/good"
no "guid|GUID" stmfadm create-lu -p guid=600144f0zzzz00000000000000000001 "$WORK/good"
no "guid|GUID" stmfadm create-lu -p guid=50000000000000000000000000000001 "$WORK/good"
nothing

step "devices that aren't free to use"
loop=$(loop_device backing 16M)
at_exit "losetup -d $loop"
blockdev --setro "$loop"
no "read-only" stmfadm create-lu "$loop"
blockdev --setrw "$loop"
mkfs.ext4 -q "$loop"
mkdir "$WORK/mnt"
mount "$loop" "$WORK/mnt"
no "use|busy" stmfadm create-lu "$loop"
umount "$WORK/mnt"
nothing

step "a zoned device"
mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
zoned=/sys/kernel/config/nullb/zones
mkdir "$zoned"
at_exit "rmdir $zoned"
for setting in zoned=1 zone_size=4 size=64 memory_backed=1 power=1; do
	echo "${setting#*=}" >"$zoned/${setting%=*}"
done
wait_for test -b /dev/zones
expect host-managed "$(cat /sys/block/zones/queue/zoned)" "zones"
no "a zoned device" stmfadm create-lu /dev/zones
nothing

step "what is there already"
guid=$(make_lu "$WORK/good")
at_exit "stmfadm delete-lu $guid"
no "use|already" stmfadm create-lu "$WORK/good"
truncate -s 16M "$WORK/other"
no "guid|GUID" stmfadm create-lu -p "guid=$guid" "$WORK/other"
stmfadm add-view -n 3 "$guid"
no "view" stmfadm add-view -n 4 "$guid"
other=$(make_lu "$WORK/other")
at_exit "stmfadm delete-lu $other"
no "LUN|in use" stmfadm add-view -n 3 "$other"
no "16383|LUN" stmfadm add-view -n 20000 "$other"
make_target "$(target_name disk)"
no "exists|already|there is" itadm create-target -n "$(target_name disk)"

step "what isn't there"
ghost=600144F0000000000000000000000000
no "no such logical unit" stmfadm delete-lu "$ghost"
no "no such logical unit" stmfadm online-lu "$ghost"
no "no such target|no target" stmfadm offline-target iqn.2026-11.test:ghost
no "no such target|no target" itadm delete-target iqn.2026-11.test:ghost
no "name|iqn" itadm create-target -n "not a name"

step "who may not"
no "ermi" as_nobody stmfadm delete-lu "$guid"
