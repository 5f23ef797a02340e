#!/usr/bin/env bash
# READ BUFFER and WRITE BUFFER: one data buffer for all, an echo buffer for each initiator.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 240
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name buffers)
make_target "$target"
patient_targets
file_lu disk 16M 0
hosts_log_in "$target" 2

# read_buffer N MODE LENGTH [OFFSET [ID]]: what READ BUFFER (10) returns to host N.
read_buffer() {
	local cdb
	cdb=$(printf '3c%02x%02x%06x%06x00' "$2" "${5:-0}" "${4:-0}" "$3" | sed 's/../& /g')
	# shellcheck disable=SC2086 # Words.
	sg_raw -r "$3" -b "${D[$1]}" $cdb 2>/dev/null
}
# read_hex...: the same in hexadecimal digits.
read_hex() { read_buffer "$@" | od -An -v -tx1 | tr -d ' \n'; }
# write FILE DEVICE OPTION...
write() {
	local file=$1 device=$2
	shift 2
	sg_write_buffer -v --in="$file" --length="$(stat -c %s "$file")" "$@" "$device"
}

step "descriptors tell the capacities"
sg_read_buffer --mode=desc --length=4 "${D[1]}"
expect 00010000 "$(read_hex 1 3 4)" "64 KiB at any byte"
expect 00000000 "$(read_hex 1 3 4 0 1)" "no other buffer"
expect 01001000 "$(read_hex 1 0xb 4)" "EBOS, 4 KiB"

step "the data buffer is zeros, then what anybody writes"
head -c 65536 /dev/urandom >"$WORK/data"
read_buffer 1 2 65536 | cmp -n 65536 - /dev/zero || fail "expected zeros"
write "$WORK/data" "${D[1]}" --mode=2
read_buffer 2 2 65536 | cmp - "$WORK/data" || fail "expected the data"
# READ BUFFER (16), for more than there is.
sg_raw -r 70000 -b "${D[2]}" 9b 02 00 00 00 00 00 00 03 e8 00 01 11 70 00 00 >"$WORK/rest" 2>/dev/null
cmp -i 0:1000 "$WORK/rest" "$WORK/data" || fail "expected the data from 1000 on"
expect 64536 "$(stat -c %s "$WORK/rest")" "bytes up to the end, and the residual"
printf 'here' >"$WORK/few"
write "$WORK/few" "${D[2]}" --mode=2 --offset=65532
expect 68657265 "$(read_hex 1 2 4 65532)" "the last bytes"
expect "00010000$(od -An -v -tx1 -N4 "$WORK/data" | tr -d ' ')" \
	"$(read_hex 1 0 8)" "a header, and data"

step "an echo buffer is its initiator's"
expect "Command sequence error" "$(ended sg_read_buffer -vv --mode=0xa --length=4 "${D[2]}")" "nothing written"
head -c 4096 /dev/urandom >"$WORK/one"
head -c 100 /dev/urandom >"$WORK/two"
write "$WORK/one" "${D[1]}" --mode=0xa
expect "Command sequence error" "$(ended sg_read_buffer -vv --mode=0xa --length=4 "${D[2]}")" "others' data"
write "$WORK/two" "${D[2]}" --mode=0xa
read_buffer 1 0xa 4096 | cmp - "$WORK/one" || fail "expected host1's data"
read_buffer 2 0xa 4096 >"$WORK/back"
cmp "$WORK/two" "$WORK/back" || fail "expected host2's data, and no more"

step "what doesn't fit, and what there isn't, is refused"
head -c 4097 /dev/zero >"$WORK/long"
expect "Invalid field in cdb" "$(ended write "$WORK/long" "${D[1]}" --mode=0xa)" "a longer echo"
expect "Invalid field in cdb" "$(ended write "$WORK/few" "${D[1]}" --mode=2 --offset=65533)" "past the end"
expect "Invalid field in cdb" "$(ended write "$WORK/few" "${D[1]}" --mode=2 --id=1)" "another buffer"
expect "Invalid field in cdb" "$(ended sg_read_buffer -vv --mode=2 --offset=65536 --length=4 "${D[1]}")" "offset"
for mode in 4 5 6 7 0xd 0xe 0xf; do
	expect "Invalid field in cdb" "$(ended write "$WORK/few" "${D[1]}" --mode=$mode)" "microcode, mode $mode"
done
expect "Invalid field in cdb" "$(ended sg_read_buffer -vv --mode=0x1c --length=32 "${D[1]}")" "error history"
expect "Parameter list length error" \
	"$(ended sg_raw -s 2 -i "$WORK/few" "${D[1]}" 3b 00 00 00 00 00 00 00 02 00)" "half a header"

step "a reset empties them"
sg_reset --device "${D[1]}"
for n in 1 2; do calm_host "$n"; done
read_buffer 2 2 65536 | cmp -n 65536 - /dev/zero || fail "expected zeros"
expect "Command sequence error" "$(ended sg_read_buffer -vv --mode=0xa --length=4 "${D[2]}")" "echo after a reset"

step "a session that ends takes its echo along"
write "$WORK/two" "${D[1]}" --mode=0xa
write "$WORK/two" "${D[2]}" --mode=0xa
iscsiadm -m node -T "$target" -I host1 --logout >/dev/null
iscsiadm -m node -T "$target" -I host1 --login >/dev/null
wait_for generic_of_host 1
D[1]=$(generic_of_host 1)
wait_for test -c "${D[1]}"
calm_host 1
expect "Command sequence error" "$(ended sg_read_buffer -vv --mode=0xa --length=4 "${D[1]}")" "a new session"
read_buffer 2 0xa 4096 | cmp - "$WORK/two" || fail "expected host2's data"

step "there are places for other initiators' echoes, however many sessions one has"
python3 "$COMSTAR_TOP/tests/echo_buffers.py" "$target"

step "they are among the supported operation codes"
sg_opcodes "${D[1]}" >"$WORK/opcodes"
for name in 'Write buffer' 'Read buffer(10)' 'Read buffer(16)'; do
	grep -qiF "$name" "$WORK/opcodes" || fail "expected \"$name\" among $(cat "$WORK/opcodes")"
done
