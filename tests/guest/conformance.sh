#!/usr/bin/env bash
# Every test of libiscsi's conformance suite passes on some kind of logical unit, and none fails on any.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 900
. "$COMSTAR_TOP/tests/target.sh"
. "$COMSTAR_TOP/tests/lio_kinds.sh"

# Each kind has targets of its own, and they alone show its disk: what one kind's tests reset or
# reserve is no business of the others', which run meanwhile.
# show_kind NAME: through the target NAME, which is made.
show_kind() {
	make_target "$(target_name "$1")"
	stmfadm create-tg "$1"
	at_exit "stmfadm delete-tg $1"
	stmfadm add-tg-member -g "$1" "$(target_name "$1")"
}
# kind NAME PATH [OPTION...]: a disk.
kind() {
	local name=$1 path=$2
	shift 2
	GUID=$(make_lu "$path" "$@")
	at_exit "stmfadm delete-lu $GUID"
	stmfadm add-view -n 0 -t "$name" "$GUID"
}
# file_kind NAME SIZE [OPTION...]: the same, of a sparse file.
file_kind() {
	truncate -s "$2" "$WORK/$1"
	show_kind "$1"
	kind "$1" "$WORK/$1" "${@:3}"
}
url() { echo "iscsi://127.0.0.1:3260/$(target_name "$1")/0"; }

serve

# A disk that is fully provisioned.
plain=$(loop_device plain 256M)
at_exit "losetup -d $plain"
show_kind plain
kind plain "$plain" -p unmap=false

# One that writes atomically, and whose unmapped blocks needn't be zeros.
debug_disk dev_size_mb=64 lbpu=1 lbprz=0 atomic_wr=1 atomic_wr_max_length=1024 atomic_wr_align=1 atomic_wr_gran=1
show_kind atomic
kind atomic "$BACKING"

# With physical blocks as long as logical ones, and with longer ones; the latter no larger than what
# WRITE SAME writes at once.
file_kind thin 256M -p pblk=512
file_kind aligned 16M -p pblk=4096
file_kind removable 64M -p removable=true
file_kind protected 64M -p wp=true

# One disk by two targets.
file_kind paths 64M
make_target "$(target_name second)"
stmfadm add-tg-member -g paths "$(target_name second)"

# A test that looks for a medium that is being erased: each piece takes its time. Not with a slow
# processor, but as long as it takes to reset and to log in again.
loop=$(loop_device slow 16M)
at_exit "losetup -d $loop"
slow_table "$loop" 400 | dmsetup create slow
udevadm settle
at_exit "udevadm settle; dmsetup remove --retry slow"
show_kind slow
kind slow /dev/mapper/slow

# Has a block of ones written with UNMAP and takes for granted that zeros are read where LBPRZ says so
# of unmapped blocks. But then it has to be written (SBC-4 4.7.3.4.4): it runs where LBPRZ is zero.
ones=WriteSame10.UnmapUntilEnd

# What a device may do in another way than a file.
medium=Read10,Read16,Write10,Write16,WriteVerify16,Verify16,OrWrite,CompareAndWrite,Prefetch16
medium+=,WriteSame10,WriteSame16,Sanitize,ExtendedCopy,ReadCapacity16,Inquiry

# The same of LIO, to be shown beside.
lio_plain=$(loop_device lio-plain 256M)
at_exit "losetup -d $lio_plain"
lio_kinds "$lio_plain"

mkdir "$WORK/logs"
/usr/bin/rustc --edition 2021 --crate-type cdylib -o "$WORK/libnap.so" "$COMSTAR_TOP/tests/nap.rs"
LD_PRELOAD=$WORK/libnap.so python3 "$COMSTAR_TOP/tests/conformance.py" --logs "$WORK/logs" \
	--peer "lio-plain=$(lio_url plain)@-Sanitize.Reset" \
	--peer "lio-thin=$(lio_url thin)@-Sanitize.Reset" \
	--peer "lio-aligned=$(lio_url aligned)@CompareAndWrite,WriteSame10,WriteSame16,Unmap,GetLBAStatus" \
	--peer "lio-protected=$(lio_url protected)@ReadOnly,Sanitize.Readonly,Inquiry" \
	--peer "lio-paths=$(lio_url paths),$(lio_url second)@MultipathIO,CompareAndWrite" \
	"slow=$(url slow)@Sanitize.Reset" \
	"plain=$(url plain)@$medium,-Sanitize.Reset" \
	"thin=$(url thin)@-Sanitize.Reset,-$ones" \
	"atomic=$(url atomic)@WriteAtomic16,$ones" \
	"aligned=$(url aligned)@CompareAndWrite.InvalidDataOutSize,WriteSame10,WriteSame16,-$ones" \
	"removable=$(url removable)@PreventAllow,NoMedia,StartStopUnit,Inquiry,ModeSense6" \
	"protected=$(url protected)@ReadOnly,Sanitize.Readonly,Inquiry" \
	"paths=$(url paths),$(url second)@MultipathIO" ||
	fail "expected every test to pass somewhere and none to fail; see WRONG above"
