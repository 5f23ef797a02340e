#!/usr/bin/env bash
# A disk comes back from its metadata as it was; what can't be read is refused by name, and never overwritten.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 240
. "$COMSTAR_TOP/tests/target.sh"

serve
truncate -s 64M "$WORK/disk"
meta=$WORK/meta
guid=$(make_lu "$WORK/disk" -p meta="$meta" -p alias=kept -p serial=S1 -p vid=ACME -p rpm=7200 -p blk=4096)
at_exit "stmfadm delete-lu $guid 2>/dev/null || true"

# refusal_of COMMAND...: what it is refused with.
refusal_of() {
	local out
	if out=$("$@" 2>&1); then fail "expected to be refused: $*"; fi
	echo "$out"
}
# refused_with TEXT COMMAND...
refused_with() {
	local out
	out=$(refusal_of "${@:2}")
	[[ $out == *"$1"* ]] || fail "${*:2}: expected \"$1\", got: $out"
}
# Deletes the disk and imports it; further arguments are import-lu's.
bring_back() {
	stmfadm delete-lu -k "$guid"
	expect "Logical unit imported: $guid" "$(stmfadm import-lu "$@")" "import-lu"
}

step "what it is comes back, and what was changed of it"
stmfadm list-lu -v "$guid" | tee "$WORK/before"
grep -qF "Meta File         : $meta" "$WORK/before" || fail "expected the metadata's path"
bring_back "$meta"
diff "$WORK/before" <(stmfadm list-lu -v "$guid") || fail "expected the disk as it was"
stmfadm modify-lu -s 96M -p alias=other -p serial= -p wcd=true -p wp=true "$guid"
stmfadm list-lu -v "$guid" >"$WORK/before"
bring_back "$meta"
diff "$WORK/before" <(stmfadm list-lu -v "$guid") || fail "expected the disk as it was changed"

step "so does what only some disks have"
for what in "removable=true pblk=8192 threshold=12" "thin=false" "unmap=false"; do
	options=()
	for one in $what; do options+=(-p "$one"); done
	truncate -s 16M "$WORK/some"
	some=$(make_lu "$WORK/some" -p meta="$WORK/some.meta" "${options[@]}")
	stmfadm list-lu -v "$some" >"$WORK/before"
	stmfadm delete-lu "$some"
	stmfadm import-lu "$WORK/some.meta" >/dev/null
	diff "$WORK/before" <(stmfadm list-lu -v "$some") || fail "expected the disk with $what as it was"
	cat "$WORK/before" >>"$WORK/all"
	stmfadm delete-lu "$some"
	rm "$WORK/some" "$WORK/some.meta"
done
for line in "Removable *: Enabled" "Physical Block *: 8192" "Space Threshold *: 12%" "Thin *: Disabled" "Unmap *: Disabled"; do
	grep -q "$line" "$WORK/all" || fail "expected \"$line\" in: $(<"$WORK/all")"
done

step "the data may have moved"
stmfadm delete-lu "$guid"
mv "$WORK/disk" "$WORK/moved"
refused_with "there is no such file" stmfadm import-lu "$meta"
stmfadm import-lu -f "$WORK/moved" "$meta"
bring_back "$meta"
stmfadm list-lu -v "$guid" | finds -F "Data File         : $WORK/moved" ||
	fail "expected the metadata to have followed the data"

step "the same disk twice, and one file for two, are refused by name"
cp "$meta" "$WORK/copy"
truncate -s 96M "$WORK/second"
refused_with "there is an LU $guid already" stmfadm import-lu -f "$WORK/second" "$WORK/copy"
refused_with "LU $guid uses it already" stmfadm create-lu -p meta="$meta" "$WORK/second"
refused_with "it has the metadata of LU $guid" stmfadm create-lu -p meta="$WORK/copy" "$WORK/second"
refused_with "it is the file with the data" stmfadm create-lu -p meta="$WORK/second" "$WORK/second"
cmp "$meta" "$WORK/copy" || fail "expected the copy untouched"

step "what can't be read is refused by name, and stays as it is"
stmfadm delete-lu "$guid"
# spoil WHAT: a copy of the metadata, spoilt in both of its slots.
spoil() {
	cp "$meta" "$WORK/spoilt"
	python3 - "$WORK/spoilt" "$1" <<-'PYTHON'
		import struct, sys
		def crc32c(data):
		    crc = 0xffffffff
		    for byte in data:
		        crc ^= byte
		        for _ in range(8):
		            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
		    return struct.pack("<I", crc ^ 0xffffffff)
		path, what = sys.argv[1:]
		data = bytearray(open(path, "rb").read())
		for at in (0, 512 << 10):
		    length = struct.unpack_from(">I", data, at + 12)[0]
		    if data[at:at + 8] != b"STMFDISK" or data[at + length - 4:at + length] != crc32c(data[at:at + length - 4]):
		        sys.exit("the format isn't the one described")
		    if what == "damaged":
		        data[at + 40] ^= 1
		    elif what == "newer":
		        data[at + 9] = 3
		        data[at + length - 4:at + length] = crc32c(data[at:at + length - 4])
		    elif what == "foreign":
		        data[at:at + 8] = b"whatever"
		if what == "truncated":
		    del data[60:]
		open(path, "wb").write(data)
	PYTHON
	cp "$WORK/spoilt" "$WORK/as-spoilt"
}
for case in "damaged:are damaged" "truncated:are damaged" "newer:of version 3" "foreign:something else"; do
	spoil "${case%%:*}"
	refused_with "${case#*:}" stmfadm import-lu "$WORK/spoilt"
	refused_with "${case#*:}" stmfadm create-lu -p guid="$guid" -p meta="$WORK/spoilt" "$WORK/second"
	cmp "$WORK/spoilt" "$WORK/as-spoilt" || fail "${case%%:*}: expected it untouched"
done
refused_with "there is no such file" stmfadm import-lu "$WORK/nothing"
: >"$WORK/empty"
refused_with "it has no metadata" stmfadm import-lu "$WORK/empty"
refused_with "it is not a regular file" stmfadm import-lu "$WORK"

step "one damaged record of the two is not needed"
cp "$meta" "$WORK/torn"
printf 'x' | dd of="$WORK/torn" bs=1 seek=30 conv=notrunc status=none
expect "Logical unit imported: $guid" "$(stmfadm import-lu -f "$WORK/moved" "$WORK/torn")" "import-lu"
stmfadm delete-lu "$guid"

step "sbdadm imports, too; no file is left of a disk that wasn't made"
sbdadm import-lu "$meta" | tee "$WORK/imported"
grep -q "Imported the following LU:" "$WORK/imported" || fail "expected sbdadm to say so"
refused stmfadm create-lu -p meta="$WORK/new" "$WORK/nowhere"
[ ! -e "$WORK/new" ] || fail "expected no file of metadata"
tried 5 "metadata of a disk that are damaged, cut short, newer or something else"
