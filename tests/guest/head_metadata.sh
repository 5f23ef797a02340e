#!/usr/bin/env bash
# A disk whose metadata are in its head comes back from the device alone; nothing that isn't its own is overwritten.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 300
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name head)
make_target "$target"
device=$(loop_device backing 64M)
at_exit "losetup -d $device 2>/dev/null"
MIB=$((1 << 20))

# refused_with TEXT COMMAND...
refused_with() {
	local out
	if out=$("${@:2}" 2>&1); then fail "expected to be refused: ${*:2}"; fi
	[[ $out == *"$1"* ]] || fail "${*:2}: expected \"$1\", got: $out"
}
# property NAME: what list-lu -v says of it.
property() { stmfadm list-lu -v "$guid" | sed -n "s/^    $1 *: //p"; }

step "the data begin behind the head"
guid=$(make_lu "$device" -p meta=head -p alias=kept -p serial=S1 -p wcd=true)
at_exit "stmfadm delete-lu $guid 2>/dev/null || true"
expect "in the head of the data file" "$(property 'Meta File')" "metadata"
expect $((63 * MIB)) "$(property Size)" "size"
stmfadm add-view -n 0 "$guid"
login "$target"
disk=$(disk_of "$target" 0)
dd if=/dev/urandom of="$WORK/data" bs=1M count=63 status=none
dd if="$WORK/data" of="$disk" bs=1M oflag=direct conv=fsync status=none
cmp "$WORK/data" "$disk" || fail "expected what was written"
dd if="$device" of="$WORK/raw" bs=1M iflag=direct status=none
expect STMFDISK "$(head -c 8 "$WORK/raw")" "beginning of the device"
cmp -i 0:$MIB "$WORK/data" "$WORK/raw" || fail "expected the data at 1 MiB"
fio_verify head "$disk" --rw=randwrite --bsrange=512-64k --size=16M --iodepth=8
cmp -n $MIB "$WORK/raw" <(dd if="$device" bs=1M count=1 iflag=direct status=none) ||
	fail "expected the head untouched by initiators"
expect 0 "$(blockdev --getalignoff "$disk")" "alignment offset"

step "what initiators save survives"
# PERSISTENT RESERVE OUT, REGISTER with APTPL.
sg_persist --out --register --param-sark=123abc --param-aptpl "$disk"
sg_persist --out --reserve --param-rk=123abc --prout-type=5 "$disk"
logout "$target"
stmfadm list-lu -v "$guid" >"$WORK/before"
stmfadm delete-lu -k "$guid"
refused_with "it has the metadata of LU $guid in its head" stmfadm create-lu "$device"
refused_with "it has the metadata of LU $guid" stmfadm create-lu -p meta=head "$device"
refused_with "the data are behind the metadata" stmfadm import-lu -f /dev/null "$device"
expect "Logical unit imported: $guid" "$(stmfadm import-lu "$device")" "import-lu"
diff "$WORK/before" <(stmfadm list-lu -v "$guid") || fail "expected the disk as it was"
login "$target"
disk=$(disk_of "$target" 0)
sg_persist --in --read-keys "$disk" | tee "$WORK/keys"
grep -q 0x123abc "$WORK/keys" || fail "expected the registration"
sg_persist --in --read-reservation "$disk" | finds 'Write Exclusive, registrants only' ||
	fail "expected the reservation"
# Another session is another initiator port.
sg_persist --out --register-ignore --param-sark=5 "$disk"
sg_persist --out --clear --param-rk=5 "$disk"

step "a change is kept, and a resize counts the head"
refused_with "the device has only $((63 * MIB)) bytes" stmfadm modify-lu -s 64m "$guid"
stmfadm modify-lu -s 32m -p alias=other "$guid"
logout "$target"
stmfadm list-lu -v "$guid" >"$WORK/before"
stmfadm delete-lu -k "$guid"
stmfadm import-lu "$device"
diff "$WORK/before" <(stmfadm list-lu -v "$guid") || fail "expected the disk as it was changed"

step "a copy with the same GUID is refused by name, whatever is done to it"
dd if="$device" of="$WORK/copy" bs=1M iflag=direct status=none
copy=$(losetup --find --show "$WORK/copy")
at_exit "losetup -d $copy"
refused_with "there is an LU $guid already" stmfadm import-lu "$copy"
refused_with "there is an LU $guid already" stmfadm import-lu "$WORK/copy"
refused_with "LU $guid uses it already" stmfadm import-lu "$device"
refused_with "metadata of LU $guid in its head" stmfadm create-lu "$copy"

step "force makes a new disk of it, of which nothing old is left"
new=$(make_lu "$copy" -F -p meta=head)
expect $((63 * MIB)) "$(stmfadm list-lu --json "$new" | jq '.[0].disk.size')" "size"
stmfadm delete-lu "$new"
stmfadm delete-lu -k "$guid"
expect "Logical unit imported: $new" "$(stmfadm import-lu "$copy")" "import-lu of the new disk"
stmfadm delete-lu "$new"
# What was in the other slot before doesn't come back when the new record is torn.
printf x | dd of="$copy" bs=1 seek=30 conv=notrunc,fsync status=none
refused_with "meta-file: the metadata are damaged" stmfadm import-lu "$copy"

step "what is somebody else's is not overwritten without force"
mkfs.ext4 -q -F "$WORK/copy"
losetup -c "$copy"
sum=$(sha256sum <"$WORK/copy")
refused_with "it has something else in it" stmfadm create-lu -p meta=head "$copy"
refused_with "it has something else in it" stmfadm create-lu -p meta=head "$WORK/copy"
refused_with "something else" stmfadm import-lu "$copy"
expect "$sum" "$(sha256sum <"$WORK/copy")" "the file system"

step "a loss of power while one copy is written leaves the other; without both the disk is refused"
stmfadm import-lu "$device"
stmfadm modify-lu -p alias=first "$guid"
stmfadm modify-lu -p alias=second "$guid"
stmfadm delete-lu -k "$guid"
dd if="$device" of="$WORK/good" bs=1M count=1 iflag=direct status=none
# Which slot has the newer record, by the generation at byte 16.
newer=$(python3 - "$WORK/good" <<-'PYTHON'
	import struct, sys
	data = open(sys.argv[1], "rb").read()
	a, b = (struct.unpack_from(">Q", data, at + 16)[0] for at in (0, 512 << 10))
	print(0 if a > b else 1)
PYTHON
)
# tear SLOT KEPT: what a write of that slot that was cut after KEPT bytes leaves, over zeros.
tear() {
	cp "$WORK/good" "$WORK/torn"
	dd if=/dev/zero of="$WORK/torn" bs=1 seek=$(($1 * 512 * 1024 + $2)) count=4096 conv=notrunc status=none
	dd if="$WORK/torn" of="$device" bs=1M conv=notrunc,fsync status=none
}
for kept in 0 12 24 200; do
	tear "$newer" "$kept"
	expect "Logical unit imported: $guid" "$(stmfadm import-lu "$device")" "import-lu, torn at $kept"
	expect first "$(property Alias)" "alias, torn at $kept"
	stmfadm delete-lu -k "$guid"
done
tear $((1 - newer)) 30
stmfadm import-lu "$device"
expect second "$(property Alias)" "alias"
stmfadm delete-lu -k "$guid"
tear 0 30
cp "$WORK/torn" "$WORK/good"
tear 1 30
refused_with "the metadata are damaged" stmfadm import-lu "$device"
refused_with "the metadata are damaged" stmfadm create-lu -p meta=head -p guid="$guid" "$device"
cmp "$WORK/torn" <(dd if="$device" bs=1M count=1 iflag=direct status=none) || fail "expected it untouched"

step "in a file, too: it is extended for both, and shrinks with the disk"
: >"$WORK/file"
guid=$(make_lu "$WORK/file" -s 8m -p meta=head)
expect $((9 * MIB)) "$(stat -c %s "$WORK/file")" "size of the file"
stmfadm modify-lu -s 16m "$guid"
expect $((17 * MIB)) "$(stat -c %s "$WORK/file")" "size of the file"
stmfadm delete-lu "$guid"
mv "$WORK/file" "$WORK/elsewhere"
expect "Logical unit imported: $guid" "$(sbdadm import-lu "$WORK/elsewhere" | finds "$(tr A-F a-f <<<"$guid")" &&
	echo "Logical unit imported: $guid")" "sbdadm import-lu"
expect $((16 * MIB)) "$(property Size)" "size"
expect "$WORK/elsewhere" "$(property 'Data File')" "data file"
stmfadm delete-lu "$guid"
refused_with "there is a meta-file already" python3 "$COMSTAR_KERNEL_SOURCE/tools/net/ynl/pyynl/cli.py" \
	--spec "$COMSTAR_TOP/Documentation/netlink/specs/stmf_sbd.yaml" --no-schema --do lu-create \
	--json "{\"file\": \"$WORK/elsewhere\", \"meta-head\": 1, \"meta-file\": \"$WORK/data\"}"
tried 6 "a write of metadata that a loss of power has torn"
