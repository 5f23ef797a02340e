#!/usr/bin/env bash
# A disk tells in what condition it is: logs that initiators reset, power conditions, clock, VPD pages.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
modprobe scsi_debug dev_size_mb=16 delay=0
at_exit "rmmod scsi_debug"
backing() { echo /dev/"$(basename /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*)"; }
there() { [ -b "$(backing)" ]; }
wait_for there
device=$(backing)
# Of a device, blocks 20000 to 20007 can't be read or written.
loop=$(loop_device bad 16M)
at_exit "losetup -d $loop"
dmsetup create bad <<EOF
0 20000 linear $loop 0
20000 8 error
20008 12760 linear $loop 20008
EOF
udevadm settle
at_exit "remove_dm bad"
target=$(target_name condition)
make_target "$target"
file_lu disk 64M 0 -p rpm=1
device_lu "$device" 1
device_lu /dev/mapper/bad 2 -p rpm=7200
hosts_log_in "$target" 2
disk=${D[1]}
# generic LUN: the generic device of another disk.
generic() {
	local device
	device=$(disk_of "$target" "$1")
	echo /dev/"$(ls "/sys/block/${device##*/}/device/scsi_generic")"
}
pulled=$(generic 1)
bad=$(generic 2)
wait_for sg_turs "$pulled"
wait_for sg_turs "$bad"

# told COMMAND...: what it is refused with.
told() { "$@" 2>&1 | sed -n 's/.*Additional sense: //p' | head -n 1; }
# page DEVICE CODE [TEXT]: a log page, or what comes after the text.
page() { sg_logs --page="$2" "$1" | sed -n "s/^ *${3:-}\\(.*\\)/\\1/p"; }
total() { page "$1" "$2" 'Total bytes processed = '; }
uncorrected() { page "$1" "$2" 'Total uncorrected errors = '; }

step "the log pages, and what they count"
expect "0x00 0x02 0x03 0x05 0x06 0x0c 0x0d 0x0e 0x10 0x11 0x19 0x2f" \
	"$(sg_logs --list "$disk" | grep -o '^ *0x[0-9a-f]*' | xargs)" "log pages"
expect "00ff 0d01 0dff" "$(sg_raw -r 64 -b "$disk" 4d 00 40 ff 00 00 00 00 40 00 2>/dev/null |
	od -An -v -tx1 -w2 -j4 | tr -d ' ' | grep -v '00$' | xargs)" "log subpages"
sg_logs --list "$bad" | finds '0x11' && fail "expected no endurance of a device that may turn"
sg_logs --all "$disk" >"$WORK/all"
for line in 'Current temperature = <not available>' 'Percentage used endurance indicator: 0 %' \
	'IE asc = 0x0, ascq = 0x0'; do
	grep -q "$line" "$WORK/all" || fail "expected \"$line\", got $(cat "$WORK/all")"
done
sg_logs --page=0xd,1 "$disk" | finds 'Temperature: not available' || fail "expected no temperature"
statistics() { page "$disk" 0x19 "$1 = "; }
read=$(total "$disk" 3) written=$(total "$disk" 2) verified=$(total "$disk" 5)
reads=$(statistics 'number of read commands')
writes=$(statistics 'number of write commands')
received=$(statistics 'number of logical blocks received')
transmitted=$(statistics 'number of logical blocks transmitted')
sg_dd if=/dev/zero of="$disk" bs=512 bpt=128 count=6144 2>/dev/null
sg_dd if="$disk" of=/dev/null bs=512 bpt=128 count=4096 2>/dev/null
sg_verify --count=64 "$disk"
expect $((written + 6144 * 512)) "$(total "$disk" 2)" "bytes written"
expect $((read + 4096 * 512)) "$(total "$disk" 3)" "bytes read"
expect $((verified + 64 * 512)) "$(total "$disk" 5)" "bytes verified"
expect $((reads + 32)) "$(statistics 'number of read commands')" "commands that read"
expect $((writes + 48)) "$(statistics 'number of write commands')" "commands that wrote"
expect $((received + 6144)) "$(statistics 'number of logical blocks received')" "blocks received"
expect $((transmitted + 4096)) "$(statistics 'number of logical blocks transmitted')" "blocks transmitted"
busy=$(statistics 'read command processing intervals')
# In nanoseconds: 32 reads take 32 us at the least, and half a minute at most.
[[ $busy -gt 32000 && $busy -lt 30000000000 ]] || fail "expected the time of 32 reads in ns, got $busy"
expect 9 "$(statistics 'time interval negative exponent')" "exponent of the time interval"

step "the space of a thin disk in a file is logged in MiB, and that of its file system"
# resource NAME: a count of page 0Ch.
resource() { page "$disk" 0xc "$1 LBA mapping threshold resource count: "; }
# is_used MIB: the disk is said to take so much.
is_used() { [ "$(resource Used)" = "$1" ]; }
taken=$(($(stat -c %b "$WORK/disk") * 512))
[ $taken -ge $((3 << 20)) ] || fail "expected what was written in the file, got $taken bytes"
sg_dd if=/dev/zero of="$disk" bs=512 bpt=128 seek=65536 count=16384 2>/dev/null
taken=$(($(stat -c %b "$WORK/disk") * 512))
wait_for is_used $((taken >> 20))
available=$(($(df --output=avail -m "$WORK" | tail -n 1)))
difference=$(($(resource Available) - available))
[[ ${difference#-} -le 16 ]] || fail "expected about $available MiB, got $(resource Available)"
expect "Invalid field in cdb" "$(told sg_raw -r 64 "$bad" 4d 00 4c 00 00 00 00 00 40 00)" "that of a device"

step "pages, thresholds and parameters that are not there are refused"
for cdb in '4d 00 44 00 00 00 00 00 40 00' '4d 00 03 00 00 00 00 00 40 00' \
	'4d 00 43 00 00 00 07 00 40 00' '4d 00 42 01 00 00 00 00 40 00' '4d 01 42 00 00 00 00 00 40 00'; do
	# shellcheck disable=SC2086
	expect "Invalid field in cdb" "$(told sg_raw -r 64 "$disk" $cdb)" "$cdb"
done

step "errors of the medium are counted by what failed"
dd if=/dev/zero of="$WORK/block" bs=512 count=1 status=none
expect "Unrecovered read error" "$(told sg_raw -r 512 "$bad" 28 00 00 00 4e 23 00 00 01 00)" "a read"
expect "Write error" "$(told sg_raw -s 512 -i "$WORK/block" "$bad" 2a 00 00 00 4e 23 00 00 01 00)" "a write"
for _ in 1 2; do
	expect "Unrecovered read error" "$(told sg_raw "$bad" 2f 00 00 00 4e 20 00 00 08 00)" "VERIFY"
done
sg_raw -r 512 -o /dev/null "$bad" 28 00 00 00 4e 28 00 00 01 00 2>/dev/null
expect "1 1 2" "$(uncorrected "$bad" 3) $(uncorrected "$bad" 2) $(uncorrected "$bad" 5)" \
	"uncorrected errors of reads, writes, verifications"
expect 0 "$(page "$bad" 6 'Non-medium error count = ')" "other errors"
expect 0 "$(uncorrected "$disk" 3)" "errors of another disk"

step "LOG SELECT resets counters of a page, or all, and the others are told"
calm_host 2
sg_raw "$disk" 4c 02 43 00 00 00 00 00 00 00 2>/dev/null
expect 0 "$(total "$disk" 3)" "bytes read, reset"
expect $((written + (6144 + 16384) * 512)) "$(total "$disk" 2)" "bytes written, which were not reset"
expect "Log parameters changed" "$(told sg_turs -v "${D[2]}")" "the other initiator"
expect ok "$(ended sg_turs "${D[2]}")" "the other initiator, afterwards"
sg_raw -r 512 -o /dev/null "$disk" 28 00 00 00 00 00 00 00 01 00 2>/dev/null
expect 512 "$(total "$disk" 3)" "bytes read since then"
sg_logs --reset "$disk"
expect "0 0 0" "$(total "$disk" 2) $(total "$disk" 3) $(total "$disk" 5)" "bytes after a reset of all pages"
expect "0 0" "$(statistics 'number of read commands') $(statistics 'number of write commands')" \
	"commands after a reset of all pages"
sg_raw "$bad" 4c 02 43 00 00 00 00 00 00 00 2>/dev/null
expect "0 1 2" "$(uncorrected "$bad" 3) $(uncorrected "$bad" 2) $(uncorrected "$bad" 5)" \
	"uncorrected errors after a reset of those of reads"
expect ok "$(ended sg_raw "$disk" 4c 00 43 00 00 00 00 00 00 00)" "LOG SELECT of nothing"
expect "Log parameters changed" "$(told sg_turs -v "${D[2]}")" "the other initiator, of the reset before"
expect ok "$(ended sg_turs "${D[2]}")" "the other initiator, of nothing"

step "LOG SELECT sets the accounting date, and nothing else"
# log_select LIST: sends it.
log_select() {
	printf '%b' "$1" >"$WORK/list"
	sg_raw -s "$(stat -c %s "$WORK/list")" -i "$WORK/list" "$disk" \
		4c 00 40 00 00 00 00 00 "$(printf %02x "$(stat -c %s "$WORK/list")")" 00 2>&1
}
log_select '\x0e\0\0\x0a\0\x02\x01\x06202648' >/dev/null
sg_logs --page=0xe "$disk" | finds 'Accounting date, year: 2026, week: 48' ||
	fail "expected the accounting date, got $(sg_logs --page=0xe "$disk")"
expect "Log parameters changed" "$(told sg_turs -v "${D[2]}")" "the other initiator"
# Its byte, and what is there.
for case in '10 \x0e\0\0\x0a\0\x02\x01\x062x2648' '4 \x02\0\0\x0c\0\x05\0\x08\0\0\0\0\0\0\0\0'; do
	log_select "${case#* }" >"$WORK/sense" || true
	grep -q 'Invalid field in parameter list' "$WORK/sense" || fail "expected a refusal: $(cat "$WORK/sense")"
	case $case in
	10*) offset=9 ;;
	*) offset=4 ;;
	esac
	grep -q "byte $offset" "$WORK/sense" || fail "expected a pointer to byte $offset: $(cat "$WORK/sense")"
done
expect "Parameter list length error" "$(log_select '\x0e\0\0\x0b\0\x02\x01\x06202648' |
	sed -n 's/.*Additional sense: //p')" "a list that is cut"
expect "Invalid field in cdb" "$(told sg_raw "$disk" 4c 01 40 00 00 00 00 00 00 00)" "SP"
expect "Invalid field in cdb" "$(told sg_raw "$disk" 4c 02 44 00 00 00 00 00 00 00)" "PCR of no page"
expect ok "$(ended sg_turs "${D[2]}")" "the other initiator, of what was refused"

step "power conditions are taken, shown, and left for a command that needs the medium"
condition() { sg_requests "$disk" 2>&1 | sed -n 's/.*Additional sense: //p'; }
expect "No additional sense information" "$(condition)" "REQUEST SENSE of an active disk"
for case in '2,0 Idle condition activated by command' '2,1 Idle_b condition activated by command' \
	'2,2 Idle_c condition activated by command' '3,0 Standby condition activated by command' \
	'3,1 Standby_y condition activated by command' '10,0 Idle condition activated by command' \
	'11,0 Standby condition activated by command'; do
	IFS=, read -r pc modifier <<<"${case%% *}"
	sg_start --pc="$pc" --mod="$modifier" "$disk"
	expect "${case#* }" "$(condition)" "power condition $pc, $modifier"
	sg_turs "$disk"
	expect "${case#* }" "$(condition)" "power condition $pc, $modifier, after TEST UNIT READY"
	sg_start --pc=7 "$disk"
	expect "${case#* }" "$(condition)" "power condition $pc, $modifier, after LU_CONTROL"
done
sg_raw -r 512 -o /dev/null "$disk" 28 00 00 00 00 00 00 00 01 00 2>/dev/null
expect "No additional sense information" "$(condition)" "REQUEST SENSE after a read"
sg_start --pc=3 "$disk"
sg_start --pc=1 "$disk"
expect "No additional sense information" "$(condition)" "REQUEST SENSE of a disk made active"
# Into standby from active or idle: by 3,0, 11,0 and the last one. 3,1 came from 3,0.
expect 3 "$(page "$disk" 0xe 'Accumulated start-stop cycles = ')" "stops"
sg_start --stop "$disk"
expect 4 "$(page "$disk" 0xe 'Accumulated start-stop cycles = ')" "stops, after START of zero"
sg_turs "$disk" || fail "expected a disk that was stopped to be ready: others may be using it"
for cdb in '1b 00 00 00 40 00' '1b 00 00 00 f0 00' '1b 00 00 03 20 00' '1b 00 00 01 10 00'; do
	# shellcheck disable=SC2086
	expect "Invalid field in cdb" "$(told sg_raw "$disk" $cdb)" "$cdb"
done
sg_vpd --page=0x8a "$disk" | tee "$WORK/power"
grep -q 'Standby_y=1 Standby_z=1 Idle_c=1 Idle_b=1 Idle_a=1' "$WORK/power" || fail "expected all conditions"

step "the clock is that of the target"
now=$(date +%s)
sg_timestamp --origin "$disk" | tee "$WORK/time"
told=$(sed -n 's/^\([0-9]\{10,\}\).*/\1/p' "$WORK/time")
skew=$((told / 1000 - now))
[[ $skew == [0-9] ]] || fail "expected about $now s, got $told ms"

step "without its device a disk fails, and that is no error of the medium"
sg_senddiag --list "$disk" | finds 'Supported diagnostic pages' || fail "expected a diagnostic page"
sg_senddiag --test "$pulled"
echo 1 >"/sys/block/${device##*/}/device/delete"
expect "Logical unit failed self-test" \
	"$(told sg_raw "$pulled" 1d 04 00 00 00 00)" "self-test without a device"
expect 1 "$(page "$pulled" 6 'Non-medium error count = ')" "other errors"
expect 0 "$(uncorrected "$pulled" 3)" "errors of the medium"

step "VPD pages"
expect "[sv] [sn] [di] [mna] [ei] [mpp] [sp] [pc] [tpc] [bl] [bdc] [lbpv] [ble]" \
	"$(sg_vpd --page=sv "$disk" | grep -o '\[[a-z]*\]' | xargs)" pages
sg_vpd --page=ei "$disk" | finds 'HEADSUP=1 ORDSUP=1 SIMPSUP=1' || fail "expected the task attributes"
sg_vpd --page=mpp "$disk" | finds 'shared' || fail "expected shared mode pages"

step "they are among the supported operation codes"
sg_opcodes "$disk" >"$WORK/opcodes"
for name in 'Log sense' 'Log select' 'Send diagnostic' 'Receive diagnostic' 'Report timestamp'; do
	grep -q "$name" "$WORK/opcodes" || fail "expected \"$name\" among $(cat "$WORK/opcodes")"
done
