# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Target side of the guest tests: disks, targets, and the initiators that use
# them. Everything made here goes when the test ends.

# shellcheck source=tests/lib.sh
. "$COMSTAR_TOP/tests/lib.sh"

WORK=$(mktemp -d /tmp/test.XXXXXX)
at_exit "rm -rf '$WORK'"

# target_name WHAT: an iSCSI name for tests.
target_name() { echo "iqn.2026-11.test:$1"; }

# Loads the modules that serve disks over iSCSI, and unloads them at the end.
serve() {
	load_stmf stmf_sbd stmf_iscsi
	at_exit unload_stmf
	start_iscsid
}

# make_lu PATH [OPTION...]: prints the GUID.
make_lu() {
	local out guid path=$1
	shift
	out=$(stmfadm create-lu "$@" "$path")
	guid=${out##* }
	[[ $guid =~ ^[0-9A-F]{32}$ ]] || fail "expected a GUID from create-lu, got: $out"
	echo "$guid"
}

# file_lu NAME SIZE LUN [OPTION...]: a disk on a sparse file, mapped; sets GUID.
file_lu() {
	local path=$WORK/$1 size=$2 lun=$3
	shift 3
	truncate -s "$size" "$path"
	GUID=$(make_lu "$path" "$@")
	at_exit "stmfadm delete-lu $GUID 2>/dev/null || true"
	stmfadm add-view -n "$lun" "$GUID"
}

# device_lu DEVICE LUN [OPTION...]: a disk on a block device, mapped; sets GUID.
device_lu() {
	local device=$1 lun=$2
	shift 2
	GUID=$(make_lu "$device" "$@")
	at_exit "stmfadm delete-lu $GUID 2>/dev/null || true"
	stmfadm add-view -n "$lun" "$GUID"
}

# loop_device NAME SIZE: prints a loop device on a new sparse file.
loop_device() {
	local device
	truncate -s "$2" "$WORK/$1"
	device=$(losetup --find --show "$WORK/$1")
	echo "$device"
}

# make_target NAME: an iSCSI target.
make_target() {
	itadm create-target -n "$1" >/dev/null
	at_exit "itadm delete-target -f '$1' 2>/dev/null || true"
}

# quick_recovery TARGET PORTAL: the initiator reconnects soon, gives up late.
quick_recovery() {
	iscsiadm -m node -T "$1" -p "$2" -o update \
		-n node.session.timeo.replacement_timeout -v 120 \
		-n node.conn[0].timeo.noop_out_interval -v 0 \
		-n node.conn[0].timeo.noop_out_timeout -v 0
}

# as_nobody TOOL ARGUMENT...: runs one of our tools without any privilege.
as_nobody() {
	local tool=$1
	shift
	chmod 755 "$WORK"
	install -m 755 "$(command -v "$tool")" "$WORK/$tool.copy"
	(cd / && setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all \
		--bounding-set=-all "$WORK/$tool.copy" "$@")
}

# Sessions that a target has.
sessions_of() {
	stmfadm list-target -v "$1" | sed -n 's/^ *Sessions *: //p'
}

# fio_verify NAME DISK [OPTION...]: writes a pattern and checks every block.
fio_verify() {
	local name=$1 disk=$2
	shift 2
	fio --name="$name" --filename="$disk" --direct=1 --ioengine=libaio \
		--verify=crc32c --verify_fatal=1 --do_verify=1 --randseed=7 \
		--output="$WORK/fio.$name" "$@" || {
		cat "$WORK/fio.$name"
		fail "fio $name: expected every block as written"
	}
}
