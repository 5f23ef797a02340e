#!/usr/bin/env bash
# LIO's configuration is taken over: an initiator's mounted file system goes on through the change.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 180
. "$COMSTAR_TOP/tests/target.sh"

export STMF_STORE=$WORK/store
# rtslib takes no name whose domain has less than two parts.
INITIATOR=iqn.2024-01.test.lio:initiator
target=iqn.2003-01.org.linux-iscsi.host:sn.take-over
secret=secretsecret12

step "LIO serves a device and a file, with CHAP"
modprobe -a target_core_mod target_core_iblock target_core_file iscsi_target_mod
mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
mkdir -p /etc/target /var/target/pr /var/target/alua
at_exit "rmdir /sys/kernel/config/target/iscsi
	modprobe -r iscsi_target_mod target_core_iblock target_core_file"
at_exit "targetctl clear"
loop=$(loop_device device 256M)
at_exit "losetup -d $loop"
truncate -s 64M "$WORK/file"
/usr/bin/python3 "$COMSTAR_TOP/tests/lio.py" "$loop" "$WORK/file" "$target" "$INITIATOR" "$secret" \
	"$WORK/saveconfig.json"

step "an initiator has a file system on it"
# By a name of its own; others start it anew by theirs. Asked to end, iscsid would end its whole
# process group, which is this test.
stop_iscsid() { ! pkill -KILL -x iscsid || wait_for iscsid_is_gone; }
iscsid_is_gone() { ! pgrep -x iscsid >/dev/null; }
stop_iscsid
start_iscsid
at_exit stop_iscsid
chap_login() {
	iscsiadm -m discovery -t sendtargets -p 127.0.0.1 >/dev/null
	for setting in authmethod=CHAP username=joe "password=$secret"; do
		iscsiadm -m node -T "$target" -o update -n "node.session.auth.${setting%%=*}" -v "${setting#*=}"
	done
	quick_recovery "$target" 127.0.0.1
	iscsiadm -m node -T "$target" -p 127.0.0.1 --login >/dev/null
}
at_exit "logout $target 2>/dev/null || true"
chap_login
disk=$(disk_of "$target" 4)
file=$(disk_of "$target" 5)
# What initiators, udev and multipathd know a disk by.
identity() {
	sg_vpd --page=di_lu "$1" | sed -n '/NAA/,/0x6/p'
	sg_vpd --page=sn "$1"
	sg_inq --only "$1" | grep -E 'identification|revision'
}
identity "$disk" >"$WORK/identity.disk"
identity "$file" >"$WORK/identity.file"
mkfs.ext4 -q "$disk"
mkdir "$WORK/mnt"
mount "$disk" "$WORK/mnt"
at_exit "umount '$WORK/mnt' 2>/dev/null || true"
# load NAME OPTION...: writes a file, so that it can be verified, or verifies it.
load() {
	local name=$1
	shift
	fio --name="$name" --directory="$WORK/mnt" --size=16M --rw=randwrite --bs=8k --verify=crc32c \
		--verify_state_save=0 --minimal "$@"
}
load before --do_verify=0 --end_fsync=1 >/dev/null
load_stmf stmf_sbd stmf_iscsi
at_exit unload_stmf
# What writes goes on writing through the change.
load through --do_verify=0 --fsync=8 --rate_iops=100 >"$WORK/fio.log" &
writer=$!
sleep 2

step "a dry run says what would be made, and what not"
stmfadm import-lio --dry-run "$WORK/saveconfig.json" >"$WORK/dry"
cat "$WORK/dry"
grep -q '^not taken over: backstore ramdisk/scratch: ' "$WORK/dry" ||
	fail "expected the dry run to tell of the ramdisk"
grep -q "^would create target $target .*auth=2" "$WORK/dry" ||
	fail "expected the dry run to tell of the target"
expect "" "$(stmfadm list-lu)" "logical units after the dry run"

step "LIO goes, ours comes"
kill -0 "$writer" || fail "expected the writer to be at work: $(cat "$WORK/fio.log")"
targetctl clear
sleep 2
stmfadm import-lio "$WORK/saveconfig.json"
at_exit "itadm delete-target -f $target; stmfadm list-lu | awk '{ print \$NF }' | xargs stmfadm delete-lu;
	itadm delete-initiator $INITIATOR"
expect "" "$(stmfadm import-lio "$WORK/saveconfig.json" | grep -v '^not taken over')" \
	"what is left to be made"
wait "$writer" || fail "expected the writer to go on: $(cat "$WORK/fio.log")"

step "the data are there, and the disks are the same to the initiator"
expect 1 "$(sessions_of "$target")" sessions
load before --verify_only >/dev/null
load through --verify_only >/dev/null
umount "$WORK/mnt"
e2fsck -fn "$disk"
identity "$disk" | diff "$WORK/identity.disk" - || fail "expected the disk to be the same"
identity "$file" | diff "$WORK/identity.file" - || fail "expected the file's disk to be the same"
expect 1 "$(blockdev --getro "$(disk_of "$target" 5)")" "write protection of the file's disk"
logout "$target"
chap_login
disk_of "$target" 4 >/dev/null
logout "$target"
