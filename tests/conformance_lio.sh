#!/usr/bin/env bash
# Runs libiscsi's conformance suite against LIO, on the kinds of disks that tests/guest/conformance.sh
# has and LIO knows: `make conformance-lio`, which keeps what comes of it beside our own.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

CORE=/sys/kernel/config/target/core
FABRIC=/sys/kernel/config/target/iscsi

# put VALUE FILE...
put() {
	local value=$1 file
	shift
	for file; do echo "$value" >"$file"; done
}

# backstore PLUGIN NAME CONTROL [ATTRIBUTE=VALUE...]
backstore() {
	local dir=$CORE/$1_0/$2 setting
	mkdir -p "$dir"
	put "$3" "$dir/control"
	put 1 "$dir/enable"
	for setting in "${@:4}"; do put "${setting#*=}" "$dir/attrib/${setting%%=*}"; done
}

# target NAME PLUGIN BACKSTORE [ATTRIBUTE=VALUE...]: a target with that at LUN 0, for everybody.
target() {
	local tpg setting
	tpg=$FABRIC/$(target_name "$1")/tpgt_1
	mkdir -p "$tpg/lun/lun_0"
	ln -s "$CORE/$2_0/$3" "$tpg/lun/lun_0/$3"
	for setting in authentication=0 generate_node_acls=1 cache_dynamic_acls=1 \
		demo_mode_write_protect=0 "${@:4}"; do
		put "${setting#*=}" "$tpg/attrib/${setting%%=*}"
	done
	mkdir "$tpg/np/127.0.0.1:3260"
	put 1 "$tpg/enable"
}
url() { echo "iscsi://127.0.0.1:3260/$(target_name "$1")/0"; }

# file NAME SIZE: makes a sparse file; prints LIO's way to say so.
file() {
	truncate -s "$2" "$WORK/$1"
	echo "fd_dev_name=$WORK/$1,fd_dev_size=$(stat -c %s "$WORK/$1")"
}

ip link set lo up
modprobe -a target_core_mod target_core_iblock target_core_file iscsi_target_mod
mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
# Without it LIO refuses reservations with APTPL.
mkdir -p /var/target/pr /var/target/alua
mkdir -p "$FABRIC"
plain=$(loop_device plain 256M)
debug_disk dev_size_mb=64 atomic_wr=1 atomic_wr_max_length=1024 atomic_wr_align=1 atomic_wr_gran=1

backstore iblock plain "udev_path=$plain"
backstore iblock atomic "udev_path=$BACKING"
backstore fileio thin "$(file thin 256M)" emulate_tpu=1 emulate_tpws=1
backstore fileio aligned "$(file aligned 16M)" emulate_tpu=1 emulate_tpws=1
backstore fileio protected "$(file protected 64M)"
backstore fileio paths "$(file paths 64M)"
target plain iblock plain
target atomic iblock atomic
target thin fileio thin
target aligned fileio aligned
target protected fileio protected demo_mode_write_protect=1
target paths fileio paths
target second fileio paths

mkdir "$WORK/logs"
python3 "$COMSTAR_TOP/tests/conformance.py" --logs "$WORK/logs" --save "$COMSTAR_SCRATCH/conformance-lio.txt" \
	"plain=$(url plain)@-Sanitize.Reset" "thin=$(url thin)" \
	"atomic=$(url atomic)@WriteAtomic16" \
	"aligned=$(url aligned)@CompareAndWrite,WriteSame10,WriteSame16,Unmap,GetLBAStatus" \
	"protected=$(url protected)@ReadOnly,Sanitize.Readonly,Inquiry" \
	"paths=$(url paths),$(url second)@MultipathIO,CompareAndWrite"
