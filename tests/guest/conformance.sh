#!/usr/bin/env bash
# Every test of libiscsi's conformance suite passes on some kind of logical unit, and none fails on any.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 900
. "$COMSTAR_TOP/tests/target.sh"
. "$COMSTAR_TOP/tests/kinds.sh"
. "$COMSTAR_TOP/tests/lio_kinds.sh"

url() { echo "iscsi://127.0.0.1:3260/$(target_name "$1")/0"; }

serve

# A disk that is fully provisioned.
plain=$(loop_device plain 256M)
at_exit "losetup -d $plain"
show_kind plain
kind plain "$plain" -p unmap=false

atomic_kind

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
at_exit "remove_dm slow"
show_kind slow
kind slow /dev/mapper/slow

# What a device may do in another way than a file.
medium=Read10,Read16,Write10,Write16,WriteVerify16,Verify16,OrWrite,CompareAndWrite,Prefetch16
medium+=,WriteSame10,WriteSame16,Sanitize,ExtendedCopy,ReadCapacity16,Inquiry

# The same of LIO, to be shown beside: takes as long again.
peers=()
if [ -n "${LIO:-}" ]; then
	lio_plain=$(loop_device lio-plain 256M)
	at_exit "losetup -d $lio_plain"
	lio_kinds "$lio_plain"
	peers=(--peer "lio-plain=$(lio_url plain)@-Sanitize.Reset"
		--peer "lio-thin=$(lio_url thin)@-Sanitize.Reset"
		--peer "lio-aligned=$(lio_url aligned)@CompareAndWrite,WriteSame10,WriteSame16,Unmap,GetLBAStatus"
		--peer "lio-protected=$(lio_url protected)@ReadOnly,Sanitize.Readonly,Inquiry"
		--peer "lio-paths=$(lio_url paths),$(lio_url second)@MultipathIO,CompareAndWrite")
fi

mkdir "$WORK/logs"
/usr/bin/rustc --edition 2021 --crate-type cdylib -o "$WORK/libnap.so" "$COMSTAR_TOP/tests/nap.rs"
LD_PRELOAD=$WORK/libnap.so python3 "$COMSTAR_TOP/tests/conformance.py" --logs "$WORK/logs" \
	"${peers[@]}" \
	"slow=$(url slow)@Sanitize.Reset" \
	"plain=$(url plain)@$medium,-Sanitize.Reset" \
	"thin=$(url thin)@-Sanitize.Reset,-$ONES" \
	"atomic=$(url atomic)@WriteAtomic16,$ONES" \
	"aligned=$(url aligned)@CompareAndWrite.InvalidDataOutSize,WriteSame10,WriteSame16,-$ONES" \
	"removable=$(url removable)@PreventAllow,NoMedia,StartStopUnit,Inquiry,ModeSense6" \
	"protected=$(url protected)@ReadOnly,Sanitize.Readonly,Inquiry" \
	"paths=$(url paths),$(url second)@MultipathIO"
