#!/usr/bin/env bash
# A disk tells in what condition it is: logs, self-test, clock, VPD pages.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
modprobe scsi_debug dev_size_mb=16 delay=0
at_exit "rmmod scsi_debug"
backing() { echo /dev/"$(basename /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*)"; }
there() { [ -b "$(backing)" ]; }
wait_for there
device=$(backing)
target=$(target_name condition)
make_target "$target"
file_lu disk 64M 0
device_lu "$device" 1
login "$target"
disk=$(disk_of "$target" 0)
passing=$(disk_of "$target" 1)
keep_udev_still

# refused COMMAND...: what is told of it.
refused() { "$@" 2>&1 | sed -n 's/.*Additional sense: //p' | head -n 1; }

step "the log pages, and what they count"
expect "0x00 0x02 0x03 0x2f" "$(sg_logs --list "$disk" | grep -o '^ *0x[0-9a-f]*' | xargs)" "log pages"
sg_logs --list --list "$disk" | grep -q '0x00,0xff' || fail "expected subpages to be listed"
generic=/dev/$(ls "/sys/block/${disk##*/}/device/scsi_generic")
total() { sg_logs --page="$1" "$generic" | sed -n 's/.*Total bytes processed = //p'; }
# Through the generic device: the block layer looks for partitions now and then.
read=$(total 3) written=$(total 2)
sg_dd if=/dev/zero of="$generic" bs=512 bpt=128 count=6144 2>/dev/null
sg_dd if="$generic" of=/dev/null bs=512 bpt=128 count=4096 2>/dev/null
expect $((written + 6144 * 512)) "$(total 2)" "bytes written"
expect $((read + 4096 * 512)) "$(total 3)" "bytes read"
sg_logs --page=0x2f "$disk" | grep -q 'IE asc = 0x0, ascq = 0x0' ||
	fail "expected no informational exception, got $(sg_logs --page=0x2f "$disk")"
expect "Invalid field in cdb" "$(refused sg_raw -r 64 "$disk" 4d 00 4d 00 00 00 00 00 40 00)" "temperature"
expect "Invalid field in cdb" "$(refused sg_raw -r 64 "$disk" 4d 00 03 00 00 00 00 00 40 00)" "thresholds"
expect "Invalid field in cdb" "$(refused sg_raw -r 64 "$disk" 4d 00 43 00 00 00 06 00 40 00)" "a later parameter"

step "the clock is that of the target"
now=$(date +%s)
sg_timestamp --origin "$disk" | tee "$WORK/time"
told=$(sed -n 's/^\([0-9]\{10,\}\).*/\1/p' "$WORK/time")
skew=$((told / 1000 - now))
[[ $skew == [0-9] ]] || fail "expected about $now s, got $told ms"

step "a self-test passes as long as there is a device"
sg_senddiag --test "$disk" | tee "$WORK/test"
sg_senddiag --list "$disk" | grep -q 'Supported diagnostic pages' || fail "expected a diagnostic page"
expect "Invalid field in cdb" "$(refused sg_raw "$disk" 1d 20 00 00 00 00)" "a self-test in the background"
echo 1 >"/sys/block/${device##*/}/device/delete"
expect "Logical unit failed self-test" \
	"$(refused sg_raw "$passing" 1d 04 00 00 00 00)" "self-test without a device"

step "VPD pages"
expect "[sv] [sn] [di] [mna] [ei] [mpp] [sp] [tpc] [bl] [bdc] [lbpv] [ble]" \
	"$(sg_vpd --page=sv "$disk" | grep -o '\[[a-z]*\]' | xargs)" pages
sg_vpd --page=ei "$disk" | grep -q 'HEADSUP=1 ORDSUP=1 SIMPSUP=1' || fail "expected the task attributes"
sg_vpd --page=mpp "$disk" | grep -q 'shared' || fail "expected shared mode pages"

step "they are among the supported operation codes"
sg_opcodes "$disk" >"$WORK/opcodes"
for name in 'Log sense' 'Send diagnostic' 'Receive diagnostic' 'Report timestamp'; do
	grep -q "$name" "$WORK/opcodes" || fail "expected \"$name\" among $(cat "$WORK/opcodes")"
done
