#!/usr/bin/env bash
# A backing device that vanishes under I/O gives errors, not hangs; the LU can be deleted, or comes back with the device.
# SPDX-License-Identifier: GPL-2.0
# own-boot
# time-limit: 240
# expect-log: (I/O error|Buffer I/O|Synchronizing SCSI cache|critical|lost async page|backing device is gone|not taken back|Sense Key|Add. Sense|FAILED Result|CDB)
. "$COMSTAR_TOP/tests/target.sh"

serve
modprobe scsi_debug dev_size_mb=64 delay=0
at_exit "rmmod scsi_debug"
wait_for bash -c 'ls /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*'
backing=$(basename /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*)
wait_for test -b "/dev/$backing"
target=$(target_name disk)
make_target "$target"
device_lu "/dev/$backing" 0
guid=$GUID
login "$target"
disk=$(disk_of "$target" 0)

fio --name=load --filename="$disk" --direct=1 --ioengine=libaio --rw=randrw --bs=4k \
	--iodepth=16 --runtime=20 --time_based --output="$WORK/fio" 2>/dev/null &
load=$!
sleep 2
step "remove /dev/$backing"
echo 1 >"/sys/block/$backing/device/delete"
begin=$SECONDS
if wait "$load"; then fail "expected the I/O to fail when its device is gone"; fi
[ $((SECONDS - begin)) -le 30 ] || fail "expected the errors within 30 s, took $((SECONDS - begin)) s"

step "the session is still there, the LU says that it isn't ready or fails"
expect 1 "$(sessions_of "$target")" "sessions"
refused dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none

step "the LU can be deleted"
logout "$target"
stmfadm delete-lu "$guid"
refused stmfadm list-lu "$guid"

# From here on nobody helps: udev stands still.
keep_udev_still
adapter=$(basename /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*)
# Has the host of the device look for it again.
rescan() { echo "- - -" >"/sys/class/scsi_host/$adapter/scan"; }
device_is_there() {
	[ -b "/dev/$backing" ] &&
		compgen -G "/sys/bus/pseudo/drivers/scsi_debug/adapter0/$adapter/target*/*/block/$backing"
}
# comes_back: the device is there again, under its name, which its disk may keep for a moment longer.
comes_back() {
	local other
	rescan
	sleep 1
	device_is_there && return
	for other in /sys/bus/pseudo/drivers/scsi_debug/adapter0/"$adapter"/target*/*/block/*; do
		[ ! -e "$other" ] || echo 1 >"$other/device/delete"
	done
	return 1
}
# another_comes: another device is there under that name, which the disk before may keep for a moment longer.
another_comes() {
	echo 1 >/sys/bus/pseudo/drivers/scsi_debug/add_host
	sleep 1
	[ ! -b "/dev/$backing" ] || return 0
	echo -1 >/sys/bus/pseudo/drivers/scsi_debug/add_host
	return 1
}
wait_for comes_back
stmfadm monitor --json >"$WORK/events" &
monitor=$!
at_exit "kill $monitor 2>/dev/null"
# events KIND: how many there were.
events() { jq -c --arg kind "$1" --arg lu "$GUID" 'select(.event == $kind and .lu == $lu)' "$WORK/events" | wc -l; }
# told KIND: such an event has come, once; it comes a moment after the state.
told() { [ "$(events "$1")" = 1 ]; }
# status_is TEXT: of the LU.
status_is() { [ "$(stmfadm list-lu -v "$GUID" | sed -n 's/^    Operational Status: //p')" = "$1" ]; }
# reads_as_written: the disk has what was written.
reads_as_written() { cmp -s -n $((8 << 20)) "$WORK/data" <(dd if="$disk" bs=1M count=8 iflag=direct status=none 2>/dev/null); }

# tur: how TEST UNIT READY ends.
tur() { ended sg_raw "$disk" 00 00 00 00 00 00; }

# goes_and_comes WHAT: a disk on the device, mapped, is there again when the device is.
goes_and_comes() {
	login "$target"
	disk=$(disk_of "$target" 0)
	dd if=/dev/urandom of="$WORK/data" bs=1M count=8 status=none
	dd if="$WORK/data" of="$disk" bs=1M oflag=direct conv=fsync status=none
	stmfadm list-view -l "$GUID" >"$WORK/views"

	rm -f "$WORK/acknowledged"
	step "$1: the device goes in the middle of writes: the LU keeps its place, and isn't ready"
	python3 "$COMSTAR_TOP/tests/acknowledged.py" write "$target" "$WORK/acknowledged" &
	writer=$!
	wait_for test -s "$WORK/acknowledged"
	sleep 1
	echo 1 >"/sys/block/$backing/device/delete"
	wait "$writer" || fail "expected a write to fail, and nothing else"
	wait_for -t 10 status_is "Offline (device is away)"
	expect "Logical unit not ready, manual intervention required" "$(tur)" "TEST UNIT READY"
	expect "Logical unit not ready, manual intervention required" \
		"$(ended sg_raw "$disk" 35 02 00 00 00 00 00 00 00 00)" "SYNCHRONIZE CACHE with IMMED"
	refused dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none
	sg_inq "$disk" >/dev/null || fail "expected INQUIRY to work"
	sg_readcap --16 "$disk" >/dev/null || true
	diff "$WORK/views" <(stmfadm list-view -l "$GUID") || fail "expected the views kept"
	wait_for test ! -e "/dev/$backing"
	wait_for told device-gone

	step "$1: another device under its name is not taken"
	wait_for another_comes
	# As long as the longest wait between two looks.
	wait_for -t 20 bash -c "dmesg | grep 'LU $GUID: the device is not taken back'"
	status_is "Offline (device is away)" || fail "expected the LU to wait for its own device"
	echo -1 >/sys/bus/pseudo/drivers/scsi_debug/add_host
	wait_for test ! -e "/dev/$backing"

	step "$1: the device comes back, and so does the LU, by itself"
	wait_for comes_back
	wait_for -t 20 status_is Online
	wait_for told device-back
	expect "Not ready to ready change, medium may have changed" "$(tur)" "the first command"
	expect "Write error" "$(ended sg_raw "$disk" 35 00 00 00 00 00 00 00 00 00)" \
		"SYNCHRONIZE CACHE, when the device may have lost what its cache had"
	expect ok "$(ended sg_raw "$disk" 35 00 00 00 00 00 00 00 00 00)" "the next one"
	wait_for -t 10 reads_as_written
	python3 "$COMSTAR_TOP/tests/acknowledged.py" look "$target" "$WORK/acknowledged"
	fio_verify "back-${1// /-}" "$disk" --rw=randwrite --bs=4k --size=8M --iodepth=8
	diff "$WORK/views" <(stmfadm list-view -l "$GUID") || fail "expected the views kept"
	logout "$target"
}

cd "$WORK" # fio leaves files.
device_lu "/dev/$backing" 0
goes_and_comes "a device with a name of its own"
stmfadm delete-lu "$GUID"
device_lu "/dev/$backing" 0 -F -p meta=head
goes_and_comes "metadata in the head"

step "a device whose metadata somebody else has written meanwhile, older ones here, is not taken back"
# the_head FROM TO: copies the metadata of the disk.
the_head() { dd if="$1" of="$2" bs=1M count=1 iflag=fullblock conv=fsync,notrunc status=none; }
the_head "/dev/$backing" "$WORK/old"
stmfadm modify-lu -p alias=newer "$GUID"
the_head "/dev/$backing" "$WORK/new"
cmp -s "$WORK/old" "$WORK/new" && fail "expected other metadata in the head after a change"
the_head "$WORK/old" "/dev/$backing"
echo 1 >"/sys/block/$backing/device/delete"
wait_for -t 10 status_is "Offline (device is away)"
wait_for test ! -e "/dev/$backing"
wait_for comes_back
wait_for -t 20 bash -c "dmesg | grep 'LU $GUID: the device is not taken back: the metadata in its head'"
status_is "Offline (device is away)" || fail "expected the LU to wait for its own metadata"
the_head "$WORK/new" "/dev/$backing"
wait_for -t 20 status_is Online
stmfadm modify-lu -p alias=again "$GUID"

step "an LU whose device is away can be deleted, and imported when it is back"
echo 1 >"/sys/block/$backing/device/delete"
wait_for -t 10 status_is "Offline (device is away)"
refused stmfadm modify-lu -s 1m "$GUID"
stmfadm delete-lu "$GUID"
wait_for test ! -e "/dev/$backing"
wait_for comes_back
expect "Logical unit imported: $GUID" "$(stmfadm import-lu "/dev/$backing")" "import-lu"
expect again "$(stmfadm list-lu -v "$GUID" | sed -n 's/^    Alias *: //p')" "alias"
stmfadm delete-lu "$GUID"
tried 5 "a backing device removed by sysfs, three times in the middle of writes"
tried 2 "another device in the place of one that was removed"
