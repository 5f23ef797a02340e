#!/usr/bin/env bash
# A disk is changed while it is in use: its size both ways, its write cache, what it is called.
# SPDX-License-Identifier: GPL-2.0
# also-over: loopback
# expect-log: (capacity change|has changed|Sense Key|Add. Sense|I/O error|critical|Write cache|CDB|FAILED Result)
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name disk)
make_target "$target"
file_lu disk 64M 0 -p mgmt-url=http://one.test/ -p rev=7.1 -p pblk=4096 -p rpm=7200
guid=$GUID
login "$target"
disk=$(disk_of "$target" 0)
device=/sys/block/${disk##*/}/device

# property NAME: what list-lu -v says of it.
property() { stmfadm list-lu -v "$guid" | sed -n "s/^    $1 *: //p"; }
# Has the initiator look at the disk again.
rescan() { echo 1 >"$device/rescan"; }
# sees_size BYTES
sees_size() {
	rescan
	[ "$(blockdev --getsize64 "$disk")" = "$1" ]
}
# sees_cache TEXT
sees_cache() {
	rescan
	[ "$(cat "$device"/scsi_disk/*/cache_type)" = "$1" ]
}
# is_writable: the initiator has seen that the disk isn't write protected.
is_writable() {
	rescan
	[ "$(blockdev --getro "$disk")" = 0 ]
}
# failing ARGUMENT...: a command by sg_raw that must fail; prints why.
failing() {
	local out
	if out=$(sg_raw "$@" 2>&1); then fail "expected to fail: $*"; fi
	echo "$out"
}

step "what it was created with is what initiators see"
expect 7.1 "$(tr -d ' ' <"$device/rev")" "revision"
expect 4096 "$(blockdev --getpbsz "$disk")" "physical block size"
sg_vpd --page=bdc "$disk" | grep 7200 || fail "expected 7200 rpm: $(sg_vpd --page=bdc "$disk")"
sg_vpd --page=mna "$disk" | grep http://one.test/ || fail "expected the management address"

step "longer, under load"
fio --name=load --filename="$disk" --direct=1 --ioengine=libaio --rw=randrw --bs=4k --size=32M \
	--iodepth=8 --runtime=4 --time_based --output="$WORK/fio" &
load=$!
sleep 1
changes=$(dmesg | grep -c 'Capacity data has changed' || true)
stmfadm modify-lu -s 96m "$guid"
expect "$((96 << 20))" "$(property Size)" "size in list-lu"
expect "$((96 << 20))" "$(stat -c %s "$WORK/disk")" "size of the file"
wait "$load" || fail "expected the load to go on: $(cat "$WORK/fio")"
# On a busy machine the load may have ended before.
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none
expect "$((changes + 1))" "$(dmesg | grep -c 'Capacity data has changed')" "times the initiator was told"
wait_for sees_size "$((96 << 20))"
dd if=/dev/urandom of="$disk" bs=1M seek=90 count=6 oflag=direct status=none

step "shorter: what is cut off can't be reached"
stmfadm modify-lu -s 32m "$guid"
expect "$((32 << 20))" "$(stat -c %s "$WORK/disk")" "size of the file"
sg_turs "$disk" || true # Takes the unit attention.
failing -r 4096 "$disk" 28 00 00 01 40 00 00 00 08 00 | grep -i 'out of range' ||
	fail "expected LOGICAL BLOCK ADDRESS OUT OF RANGE"
wait_for sees_size "$((32 << 20))"
refused stmfadm modify-lu -s 1000 "$guid"
refused stmfadm modify-lu -s 0 "$guid"
expect "$((32 << 20))" "$(property Size)" "size after refusals"

step "a file that is longer than its disk isn't cut off when the disk grows"
head -c 48M /dev/urandom >"$WORK/long"
sum=$(sha256sum <"$WORK/long")
long=$(make_lu "$WORK/long" -s 16m)
at_exit "stmfadm delete-lu $long 2>/dev/null || true"
for size in 32 48; do
	stmfadm modify-lu -s "${size}m" "$long"
	expect "$sum" "$(sha256sum <"$WORK/long")" "the file, with a disk of $size MiB on it"
done
stmfadm delete-lu "$long"

step "the write cache"
expect Enabled "$(property 'Writeback Cache')" "write cache"
wait_for sees_cache "write back"
stmfadm modify-lu -p wcd=true "$guid"
expect Disabled "$(property 'Writeback Cache')" "write cache"
wait_for sees_cache "write through"
dd if=/dev/zero of="$disk" bs=64k count=16 oflag=direct status=none

step "write protection"
stmfadm modify-lu -p wp=true "$guid"
sg_turs "$disk" || true
failing -s 4096 -i /dev/zero "$disk" 2a 00 00 00 00 00 00 00 08 00 | grep -i 'protect' || fail "expected WRITE PROTECTED"
stmfadm modify-lu -p wp=false "$guid"
sg_turs "$disk" || true
wait_for is_writable
dd if=/dev/zero of="$disk" bs=64k count=16 oflag=direct status=none

step "names"
stmfadm modify-lu -f -p alias=new -p serial=ABC -p mgmt-url= "$WORK/disk"
expect new "$(property Alias)" "alias"
expect ABC "$(property 'Serial Num')" "serial number"
expect "not set" "$(property 'Management URL')" "management address"
sg_turs "$disk" || true
sg_vpd --page=sn "$disk" | grep ABC || fail "expected the new serial number"
