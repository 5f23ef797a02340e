# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Kinds of logical units for libiscsi's conformance tests. Each kind has targets of its own, and they
# alone show its disk: what one kind's tests reset or reserve is no business of the others', which run
# meanwhile.

# show_kind NAME: through the target NAME, which is made.
show_kind() {
	make_target "$(target_name "$1")"
	stmfadm create-tg "$1"
	at_exit "stmfadm delete-tg $1"
	stmfadm add-tg-member -g "$1" "$(port_of "$(target_name "$1")")"
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

# A disk that writes atomically, and whose unmapped blocks needn't be zeros.
atomic_kind() {
	debug_disk dev_size_mb=64 lbpu=1 lbprz=0 atomic_wr=1 atomic_wr_max_length=1024 atomic_wr_align=1 \
		atomic_wr_gran=1
	show_kind atomic
	kind atomic "$BACKING"
}

# Has a block of ones written with UNMAP and takes for granted that zeros are read where LBPRZ says so
# of unmapped blocks. But then it has to be written (SBC-4 4.7.3.4.4): it runs where LBPRZ is zero.
# shellcheck disable=SC2034 # For those who read this file.
ONES=WriteSame10.UnmapUntilEnd
