#!/usr/bin/env bash
# QEMU's own initiator: images go to a disk and come back, holes stay holes, and CHAP keeps strangers out.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 240
. "$COMSTAR_TOP/tests/target.sh"

THEIRS=iqn.2008-11.org.linux-kvm # QEMU's name, unless it is given another one.

serve
open=$(target_name open)
closed=$(target_name closed)
make_target "$open"
make_target "$closed"
file_lu disk 32M 0
backing=$WORK/disk
printf initiator-secret >"$WORK/secret"
printf another-secret >"$WORK/wrong"
itadm create-initiator -S "$WORK/secret" -u joe "$THEIRS" >/dev/null
at_exit "itadm delete-initiator '$THEIRS'"
itadm modify-target -a chap "$closed" >/dev/null
disk=iscsi://127.0.0.1:3260/$open/0

# runs COMMAND...: it succeeds, and is shown when not.
runs() {
	local out
	out=$("$@" 2>&1) || fail "$*: expected to succeed, got: $out"
}
# io IMAGE COMMAND...: qemu-io runs them in one session; `read -P` checks what it reads.
io() {
	local image=$1 command
	local -a commands=()
	shift
	for command in "$@"; do commands+=(-c "$command"); done
	runs qemu-io -f raw -d unmap "${commands[@]}" "$image"
}
# Bytes that a range of the backing file has (KiB), each value that occurs once, as hexadecimal digits.
content() { od -An -v -tx1 -w1 -j "${1}K" -N "${2}K" "$backing" | sort -u | xargs; }
allocated() { echo $(($(stat -c '%b * %B' "$backing") >> 10)); }

step "an image, its size and its holes"
head -c 4M /dev/urandom >"$WORK/image"
truncate -s 24M "$WORK/image"
head -c 8M /dev/urandom >>"$WORK/image"
expect $((32 << 20)) "$(qemu-img info --output=json "$disk" | jq '."virtual-size"')" "the disk's size"
runs qemu-img convert -n -m 8 -W -f raw -O raw "$WORK/image" "$disk"
runs cmp "$WORK/image" "$backing"
runs qemu-img compare -f raw -F raw "$WORK/image" "$disk"
expect "0 4194304 true
4194304 20971520 false
25165824 8388608 true" "$(qemu-img map --output=json -f raw "$disk" |
	jq -r '.[] | "\(.start) \(.length) \(.data)"')" "where the disk has data"
runs qemu-img convert -f raw -O qcow2 "$disk" "$WORK/back.qcow2"
runs qemu-img compare -f raw -F qcow2 "$WORK/image" "$WORK/back.qcow2"

step "writes, and what they leave"
io "$disk" "write -P 0xa5 0 1M" "writev -P 0x5a 1M 64k 512 3584" "aio_write -P 0x3c 2M 512k" \
	"aio_write -P 0xc3 3M 8k" aio_flush "write -f -P 0x77 4M 4k" flush \
	"read -P 0xa5 0 1M" "read -P 0x5a 1M 68k" "read -P 0x3c 2M 512k" "read -P 0xc3 3M 8k" \
	"read -P 0x77 4M 4k" "read -P 0 4100k 1020k"
expect "a5 5a 3c c3 77" \
	"$(content 0 1024) $(content 1024 68) $(content 2048 512) $(content 3072 8) $(content 4096 4)" \
	"what the backing file has"
refused qemu-io -f raw -c "read -P 0xa6 0 1M" "$disk"
refused qemu-img compare -f raw -F raw "$WORK/image" "$disk"

step "zeros and holes"
before=$(allocated)
io "$disk" "write -z 64k 64k" flush "read -P 0 64k 64k" "read -P 0xa5 0 64k" "read -P 0xa5 128k 64k"
expect "$before" "$(allocated)" "KiB after zeros were written"
io "$disk" "write -z -u 256k 128k" "discard 512k 256k" flush \
	"read -P 0 256k 128k" "read -P 0 512k 256k" "read -P 0xa5 768k 256k"
expect $((before - 384)) "$(allocated)" "KiB after 384 were given back"

step "a header digest that the target insists on"
itadm modify-target --limit HeaderDigest=CRC32C "$open" >/dev/null
# options TARGET [OPTION]: how QEMU is told of the disk without a URL.
options() { echo "driver=iscsi,transport=tcp,portal=127.0.0.1:3260,target=$1,lun=0${2:+,$2}"; }
runs qemu-io --image-opts -c "write -P 0x11 8M 1M" -c "read -P 0x11 8M 1M" \
	"$(options "$open" header-digest=crc32c)"
expect 11 "$(content 8192 1024)" "what the backing file has"
refused qemu-io --image-opts -c "read 0 4k" "$(options "$open" header-digest=none)"

step "CHAP"
disk=iscsi://joe%initiator-secret@127.0.0.1:3260/$closed/0
runs qemu-img convert -n -f raw -O raw "$WORK/image" "$disk"
runs qemu-img compare -f raw -F raw "$WORK/image" "$disk"
runs cmp "$WORK/image" "$backing"
# proves USER SECRET-FILE: QEMU writes by the target that wants a proof.
proves() {
	qemu-io --object "secret,id=mine,file=$2" --image-opts -c "write -P 0x99 0 64k" -c "read -P 0x99 0 64k" \
		"$(options "$closed" "user=$1,password-secret=mine")"
}
runs proves joe "$WORK/secret"
expect 99 "$(content 0 64)" "what the backing file has"
before=$(sha256sum <"$backing")
refused proves joe "$WORK/wrong"
refused proves jim "$WORK/secret"
refused qemu-io --image-opts -c "write -P 0x99 1M 64k" "$(options "$closed")"
expect "$before" "$(sha256sum <"$backing")" "the disk after strangers"
