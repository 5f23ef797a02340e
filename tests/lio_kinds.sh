# shellcheck shell=bash
# LIO's disks for libiscsi's conformance suite, of the kinds that tests/guest/conformance.sh has and LIO
# knows. For tests in the guest, after target.sh.
# SPDX-License-Identifier: GPL-2.0

LIO_CORE=/sys/kernel/config/target/core
LIO_FABRIC=/sys/kernel/config/target/iscsi
LIO_PORTAL=127.0.0.1:3261

# lio_disk PLUGIN NAME CONTROL [ATTRIBUTE=VALUE...]
lio_disk() {
	local dir=$LIO_CORE/$1_0/$2 setting
	mkdir -p "$dir"
	echo "$3" >"$dir/control"
	echo 1 >"$dir/enable"
	for setting in "${@:4}"; do echo "${setting#*=}" >"$dir/attrib/${setting%%=*}"; done
}

# lio_target NAME PLUGIN DISK [ATTRIBUTE=VALUE...]: a target with the disk at LUN 0, for everybody.
lio_target() {
	local tpg setting
	tpg=$LIO_FABRIC/$(target_name "lio-$1")/tpgt_1
	mkdir -p "$tpg/lun/lun_0"
	ln -s "$LIO_CORE/$2_0/$3" "$tpg/lun/lun_0/$3"
	for setting in authentication=0 generate_node_acls=1 cache_dynamic_acls=1 \
		demo_mode_write_protect=0 "${@:4}"; do
		echo "${setting#*=}" >"$tpg/attrib/${setting%%=*}"
	done
	mkdir "$tpg/np/$LIO_PORTAL"
	echo 1 >"$tpg/enable"
}

lio_url() { echo "iscsi://$LIO_PORTAL/$(target_name "lio-$1")/0"; }

# lio_file NAME SIZE: makes a sparse file; prints LIO's way to say so.
lio_file() {
	truncate -s "$2" "$WORK/lio-$1"
	echo "fd_dev_name=$WORK/lio-$1,fd_dev_size=$(stat -c %s "$WORK/lio-$1")"
}

# Takes all of it down. (targetctl doesn't know disks that share an HBA.)
lio_gone() {
	local tpg
	for tpg in "$LIO_FABRIC"/iqn.*/tpgt_1; do
		echo 0 >"$tpg/enable"
		find "$tpg/lun" -type l -delete
		rmdir "$tpg/lun/lun_0" "$tpg/np/$LIO_PORTAL" "$tpg" "${tpg%/*}"
	done
	rmdir "$LIO_FABRIC"
	find "$LIO_CORE"/*_0 -mindepth 1 -maxdepth 1 -type d -exec rmdir {} +
	rmdir "$LIO_CORE"/*_0
	modprobe -r iscsi_target_mod target_core_iblock target_core_file
}

# lio_kinds DEVICE: makes all of it, the disk "plain" on a block device.
lio_kinds() {
	modprobe -a target_core_mod target_core_iblock target_core_file iscsi_target_mod
	mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
	# Without it LIO refuses reservations with APTPL.
	mkdir -p /etc/target /var/target/pr /var/target/alua "$LIO_FABRIC"
	at_exit lio_gone
	lio_disk iblock plain "udev_path=$1"
	lio_disk fileio thin "$(lio_file thin 256M)" emulate_tpu=1 emulate_tpws=1
	lio_disk fileio aligned "$(lio_file aligned 16M)" emulate_tpu=1 emulate_tpws=1
	lio_disk fileio protected "$(lio_file protected 64M)"
	lio_disk fileio paths "$(lio_file paths 64M)"
	lio_target plain iblock plain
	lio_target thin fileio thin
	lio_target aligned fileio aligned
	lio_target protected fileio protected demo_mode_write_protect=1
	lio_target paths fileio paths
	lio_target second fileio paths
}
