#!/usr/bin/env bash
# Commands of 32 bytes do what the shorter ones do, over iSCSI and over the local bus.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 240
. "$COMSTAR_TOP/tests/target.sh"

serve
load_stmf stmf_loopback
target=$(target_name long)
make_target "$target"
file_lu disk 16M 0
loop_target
login "$target"
over_iscsi=$(disk_of "$target" 0)
over_bus=$(loop_disk "$LOOP_HOST" 0)
keep_udev_still

# outcome COMMAND...: ok, or the additional sense.
outcome() {
	local out
	if out=$("$@" 2>&1); then echo ok; else sed -n 's/.*Additional sense: //p' <<<"$out" | head -n 1; fi
}
# long SERVICE-ACTION FLAGS LBA BLOCKS: the CDB, as sg_raw takes it.
long() {
	printf '7f 00 00 00 00 00 00 18 00 %02x %02x 00 00 00 00 00 00 00 %02x %02x' \
		"$1" "$2" $(($3 >> 8)) $(($3 & 255))
	printf ' ff ff ff ff ff ff ff ff 00 00 %02x %02x' $(($4 >> 8)) $(($4 & 255))
}
READ=0x09 VERIFY=0x0a WRITE=0x0b WRITE_AND_VERIFY=0x0c
# raw CDB OPTION...: sends a CDB, of SCSI however odd it looks; further options are sg_raw's.
raw() {
	local cdb=$1
	shift
	# shellcheck disable=SC2086 # Words.
	sg_raw --cmdset=1 "$@" "$generic" $cdb
}
# there LBA BLOCKS FILE: these blocks of the disk's file have the file's bytes.
there() {
	cmp -n $(($2 * 512)) -i $(($1 * 512)):0 "$WORK/disk" "$3" ||
		fail "$generic: expected the blocks from $1 on as they were written"
}

for disk in "$over_iscsi" "$over_bus"; do
	generic=/dev/$(ls "/sys/block/${disk##*/}/device/scsi_generic")
	wait_for sg_turs "$generic"

	step "$disk: WRITE (32) and READ (32), with tags that mean nothing"
	dd if=/dev/urandom of="$WORK/random" bs=1M count=4 status=none
	: >"$WORK/back"
	for lba in {0..8191..512}; do
		sg_write_x --32 --normal --fua --in="$WORK/random" --offset=$((lba * 512)) \
			--lba="$lba" --num=512 "$generic"
		raw "$(long $READ 0 "$lba" 512)" -r 262144 -b 2>/dev/null >>"$WORK/back"
	done
	there 0 8192 "$WORK/random"
	cmp "$WORK/random" "$WORK/back" || fail "expected what was written"
	head -c 1024 /dev/urandom >"$WORK/two"
	raw "$(long $WRITE 0x18 9 2)" -s 1024 -i "$WORK/two"
	there 9 2 "$WORK/two"
	raw "$(long $READ 0x18 9 2)" -r 1024 -b -o "$WORK/back"
	cmp "$WORK/two" "$WORK/back" || fail "expected what was written"

	step "$disk: VERIFY (32) and WRITE AND VERIFY (32) compare"
	expect ok "$(outcome raw "$(long $VERIFY 0 0 200)")" "the medium"
	expect ok "$(outcome raw "$(long $VERIFY 2 9 2)" -s 1024 -i "$WORK/two")" "the same blocks"
	expect "Miscompare during verify operation" \
		"$(outcome raw "$(long $VERIFY 2 10 2)" -s 1024 -i "$WORK/two")" "other blocks"
	head -c 1024 /dev/urandom >"$WORK/others"
	expect ok "$(outcome raw "$(long $WRITE_AND_VERIFY 2 33 2)" -s 1024 -i "$WORK/others")" "written"
	there 33 2 "$WORK/others"

	step "$disk: WRITE SAME (32) fills, and gives space back"
	head -c 512 /dev/urandom >"$WORK/block"
	for _ in {1..8}; do cat "$WORK/block"; done >"$WORK/blocks"
	sg_write_same --32 --lba=64 --num=8 --in="$WORK/block" "$generic"
	there 64 8 "$WORK/blocks"
	before=$(stat -c %b "$WORK/disk")
	sg_write_same --32 --unmap --lba=2048 --num=4096 "$generic"
	[ "$(stat -c %b "$WORK/disk")" -le $((before - 4000)) ] ||
		fail "expected 2 MiB less than $before sectors, got $(stat -c %b "$WORK/disk")"
	there 2048 4096 /dev/zero
	sg_write_same --32 --ndob --lba=64 --num=8 "$generic"
	there 64 8 /dev/zero

	step "$disk: what can't be is refused"
	for protect in 20 e0; do
		expect "Invalid field in cdb" "$(outcome raw "$(long $READ 0x$protect 0 1)" -r 512)" "RDPROTECT"
	done
	expect "Logical block address out of range" \
		"$(outcome raw "$(long $READ 0 0 1 | sed 's/^\(.\{36\}\)../\101/')" -r 512)" "LBA"
	expect "Invalid field in cdb" "$(outcome raw "$(long $READ 0 0 1 | sed 's/ 18 / 14 /')" -r 512)" \
		"ADDITIONAL CDB LENGTH"
	expect "Invalid field in cdb" "$(outcome raw "$(long 0x03 0 0 1)" -r 512)" "XDREAD (32)"
	# Nothing atomic below a file on this file system; but the field is found to be wrong first.
	expect "Invalid field in cdb" "$(outcome raw "$(long 0x0f 0x20 0 1)" -s 512 -i "$WORK/block")" "WRPROTECT"
	sense=$(raw "$(long $READ 0x20 0 1)" -r 512 2>&1 || true)
	[[ $sense == *"byte 10 bit 7"* ]] || fail "expected byte 10 bit 7, got $sense"

	step "$disk: they are among the supported operation codes, service actions in 16 bits"
	sg_opcodes "$generic" >"$WORK/opcodes"
	for name in 'Read(32)' 'Verify(32)' 'Write(32)' 'Write and verify(32)' 'Write same(32)'; do
		grep -qF "$name" "$WORK/opcodes" || fail "expected \"$name\" among $(cat "$WORK/opcodes")"
	done
	usage="7f 00 00 00 00 00 3f ff 00 09 18 00 ff ff ff ff ff ff ff ff 00 00 00 00 00 00 00 00 ff ff ff ff"
	sg_opcodes --opcode=0x7f,9 "$generic" | tr -s '[:space:]' ' ' | grep -qiF "$usage" ||
		fail "expected \"$usage\" in $(sg_opcodes --opcode=0x7f,9 "$generic")"
done
