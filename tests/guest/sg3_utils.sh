#!/usr/bin/env bash
# What sg3_utils and Linux's disk driver make of a disk is what its device is.
# SPDX-License-Identifier: GPL-2.0
# also-over: loopback
. "$COMSTAR_TOP/tests/target.sh"

# Many details have tests of their own: logs and the clock (condition.sh), mode pages
# (mode_select.sh), reservations (reservations.sh), COMPARE AND WRITE (atomic_commands.sh),
# SANITIZE and FORMAT UNIT (erase.sh), holes of files (thin_disk.sh), ejecting (removable.sh).

# has TEXT COMMAND...: it succeeds, and prints the text (an extended regular expression).
has() {
	local text=$1 out
	shift
	out=$("$@" 2>&1) || fail "$*: expected to succeed, got: $out"
	grep -qE -- "$text" <<<"$out" || fail "$*: expected \"$text\", got: $out"
}
queue() { cat "/sys/block/${1##*/}/queue/$2"; }

serve
target=$(target_name tools)
make_target "$target"
debug_disk dev_size_mb=64 physblk_exp=3 opt_blks=128 opt_xferlen_exp=3 \
	lbpu=1 lbpws=1 lbprz=1 unmap_granularity=8 atomic_wr=1 atomic_wr_max_length=64 \
	atomic_wr_align=8 atomic_wr_gran=8
device_lu "$BACKING" 0 -p serial=TOOLS1
lu=$GUID
login "$target"
disk=$(disk_of "$target" 0)

step "who it is"
has 'PQual=0 +PDT=0 +RMB=0' sg_inq "$disk"
has 'version=0x06 +\[SPC-4\]' sg_inq "$disk"
has 'HiSUP=1 +Resp_data_format=2' sg_inq "$disk"
has 'CmdQue=1' sg_inq "$disk"
has 'Vendor identification: COMSTAR' sg_inq "$disk"
has 'Unit serial number: TOOLS1' sg_inq "$disk"
for version in SAM-5 SPC-4 SBC-3; do has "$version" sg_inq --descriptors "$disk"; done

step "every VPD page that it has can be decoded, and says what the device is"
sg_vpd --all "$disk" >"$WORK/vpd"
if grep -iE 'unable to decode|too short|unexpected' "$WORK/vpd"; then
	fail "expected every page to be decoded"
fi
has "^ *0x${lu,,}\$" sg_vpd --page=di "$disk"
has 'Non-rotating medium|Medium rotation rate is not reported' sg_vpd --page=bdc "$disk"
has 'Unmap command supported \(LBPU\): 1' sg_vpd --page=lbpv "$disk"
has 'Write same \(16\) with unmap bit supported \(LBPWS\): 1' sg_vpd --page=lbpv "$disk"
limit() { sg_vpd --page=bl "$disk" | sed -n "s/^ *$1: *\([0-9]*\).*/\1/p"; }
expect 8 "$(limit 'Optimal unmap granularity')" "optimal unmap granularity"
expect 64 "$(limit 'Maximum atomic transfer length')" "maximum atomic transfer length"
expect 8 "$(limit 'Atomic alignment')" "atomic alignment"
expect 8 "$(limit 'Atomic transfer length granularity')" "atomic granularity"
expect "$(($(queue "$BACKING" optimal_io_size) / 512))" "$(limit 'Optimal transfer length')" "optimal transfer length"

step "how large it is"
has "Number of logical blocks=$((64 << 11))" sg_readcap --long "$disk"
has 'Logical block length=512 bytes' sg_readcap --long "$disk"
has 'Logical blocks per physical block exponent=3' sg_readcap --long "$disk"
has 'lbpme=1' sg_readcap --long "$disk"

step "Linux's disk driver finds the device's limits"
for name in logical_block_size physical_block_size minimum_io_size optimal_io_size discard_granularity \
	rotational atomic_write_unit_min_bytes atomic_write_unit_max_bytes atomic_write_max_bytes; do
	expect "$(queue "$BACKING" $name)" "$(queue "$disk" $name)" "$name"
done
for name in discard_max_bytes write_zeroes_max_bytes fua; do
	[ "$(queue "$disk" $name)" -gt 0 ] || fail "$name: expected more than 0"
done
expect "write back" "$(queue "$disk" write_cache)" "write cache"

step "mode pages, log pages and commands are listed and decoded"
sg_modes --all "$disk" >"$WORK/modes"
has '>> Caching.*, page_control: current' cat "$WORK/modes"
has '>> Control, page_control: current' cat "$WORK/modes"
sg_logs --all "$disk" >"$WORK/logs"
sg_opcodes "$disk" >"$WORK/opcodes"
for name in 'Write same\(16\)' 'Unmap' 'Compare and write' 'Write atomic\(16\)' 'Get LBA status\(16\)' \
	'Sanitize' 'Format Unit' 'Verify\(16\)' 'Persistent reserve out'; do
	has "$name" cat "$WORK/opcodes"
done
has 'Command is supported .conforming' sg_opcodes --opcode=0x9c "$disk"
has 'PR generation=0x0, there are NO registered' sg_persist --in --read-keys "$disk"

step "blocks are written in many ways, and verified"
head -c 65536 < <(yes 'one way') >"$WORK/blocks"
part() { dd if="$disk" bs=512 skip="$1" count="$2" iflag=direct status=none; }
sg_write_x --atomic=0 --num=64 --lba=64 --in="$WORK/blocks" --strict "$disk"
part 64 64 | cmp -n 32768 - "$WORK/blocks" || fail "expected the blocks of WRITE ATOMIC"
expect "Invalid field in cdb" \
	"$(ended sg_write_x -v --atomic=0 --num=64 --lba=65 --in="$WORK/blocks" --strict "$disk")" "alignment"
sg_write_same --16 --in="$WORK/blocks" --lba=256 --num=64 --xferlen=512 "$disk"
for n in 256 300 319; do part $n 1 | cmp -n 512 - "$WORK/blocks" || fail "expected WRITE SAME's block at $n"; done
sg_verify --16 --lba=64 --count=64 "$disk"
sg_verify --16 --ebytchk=1 --in="$WORK/blocks" --ndo=32768 --lba=64 --count=64 "$disk"
expect "Miscompare during verify operation" \
	"$(ended sg_verify -v --16 --ebytchk=1 --in=/dev/zero --ndo=32768 --lba=64 --count=64 "$disk")" "other data"
sg_write_verify --16 --in="$WORK/blocks" --lba=512 --num=8 --ilen=4096 "$disk"
part 512 8 | cmp -n 4096 - "$WORK/blocks" || fail "expected the blocks of WRITE AND VERIFY"
sg_unmap --lba=64 --num=64 --force "$disk"
part 64 64 | cmp -n 32768 - /dev/zero || fail "expected zeros after UNMAP"
sg_write_same --16 --ndob --lba=256 --num=64 "$disk"
part 256 64 | cmp -n 32768 - /dev/zero || fail "expected zeros after WRITE SAME without data"
has '^0x0+ +0x20000 +0' sg_get_lba_status --brief --lba=0 "$disk"
sg_sync "$disk"

step "the driver has found nothing wrong"
name=${disk##*/}
# Other tests' disks had this name before.
if dmesg | sed "1,/comstar-test: start ${COMSTAR_TEST:-sg3_utils}$/d" | grep -F "[$name]" |
	grep -iE 'fail|error|invalid|bad|asking for cache|assuming|unaligned|disabl|sense key'; then
	fail "expected no complaint about $disk"
fi
