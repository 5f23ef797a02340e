#!/usr/bin/env bash
# A disk in memory says so in its name, gives memory back, is empty after a restart, and takes no more than its share.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 900
# expect-log: (Sense Key|Add. Sense|FAILED Result|CDB|critical|I/O error|has changed|capacity change)
. "$COMSTAR_TOP/tests/target.sh"

export STMF_STORE=$WORK/store
serve
target=$(target_name ram)
make_target "$target"
guid=$(make_lu ram:scratch -s 300m -p pblk=512)
at_exit "stmfadm delete-lu $guid 2>/dev/null || true"
stmfadm add-view -n 0 "$guid"

# property NAME: what list-lu -v says of it.
property() { stmfadm list-lu -v "$guid" | sed -n "s/^    $1 *: //p"; }
# The memory of files without a name, in kB.
shmem() { awk '$1 == "Shmem:" { print $2 }' /proc/meminfo; }

step "its name says what it is, and is there once"
expect ram:scratch "$(property 'Data File')" "data file"
expect ram:scratch "$(property Alias)" "alias"
expect ram "$(stmfadm list-lu --json "$guid" | jq -r '.[0].disk.backend')" "backend"
sbdadm list-lu | finds ' ram:scratch$' || fail "expected sbdadm to show the name: $(sbdadm list-lu)"
for wrong in "ram:scratch -s 1m|LU $guid uses it already" "ram: -s 1m|there must be a name" \
	"ram:nosize|a disk in memory needs one" "ram:other -s 1m -p meta=head|isn't there after a restart" \
	"ram:other -s 1m -p threshold=9|has a limit of space"; do
	# shellcheck disable=SC2086 # Arguments.
	if out=$(stmfadm create-lu ${wrong%|*} 2>&1); then fail "expected to be refused: ${wrong%|*}"; fi
	[[ $out == *"${wrong#*|}"* ]] || fail "${wrong%|*}: expected \"${wrong#*|}\", got: $out"
done

step "together they have half of the memory, unless forced"
total=$(awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo)
if out=$(stmfadm create-lu -s $((total * 6 / 10))k ram:big 2>&1); then fail "expected 60% to be refused"; fi
[[ $out == *"use force"* ]] || fail "expected a word on force, got: $out"
big=$(make_lu ram:big -F -s $((total * 6 / 10))k)
stmfadm delete-lu "$big"

step "libiscsi's families"
run_families "$target" ALL.Read10 ALL.Write10 ALL.Write16 ALL.WriteSame16 ALL.Unmap ALL.GetLBAStatus \
	ALL.CompareAndWrite ALL.OrWrite ALL.Verify16 ALL.ReadCapacity16

step "it is written and read, and takes memory only for what was written"
login "$target"
disk=$(disk_of "$target" 0)
before=$(shmem)
cd "$WORK" # fio leaves files.
fio_verify ram "$disk" --rw=randwrite --bsrange=512-128k --size=64M --iodepth=16
fio_verify several "$disk" --rw=randwrite --bs=4k --size=16M --numjobs=4 --offset_increment=16M --iodepth=8
full=$(shmem)
[ $((full - before)) -ge 50000 ] || fail "expected at least 50000 kB more, got $((full - before))"
[ $((full - before)) -le 100000 ] || fail "expected at most 100000 kB more, got $((full - before))"

step "UNMAP gives the memory back, and what was there reads as zeros"
blkdiscard "$disk"
[ $(($(shmem) - before)) -le 8192 ] || fail "expected the memory back, got $(($(shmem) - before)) kB more"
cmp -n $((64 << 20)) "$disk" /dev/zero || fail "expected zeros"
sg_get_lba_status --lba=0 --brief "$disk" | tee "$WORK/status"
grep -qE '^0x0+ +0x96000 +1' "$WORK/status" || fail "expected 614400 deallocated blocks at 0"

step "its size changes"
dd if=/dev/urandom of="$disk" bs=1M count=4 oflag=direct conv=fsync status=none
sum=$(dd if="$disk" bs=1M count=4 iflag=direct status=none | sha256sum)
stmfadm modify-lu -f -s 256m ram:scratch
expect $((256 << 20)) "$(property Size)" "size"
sg_turs "$disk" || true
expect "$sum" "$(dd if="$disk" bs=1M count=4 iflag=direct status=none | sha256sum)" "the data"

step "after a restart it is empty, with the same GUID and its place"
logout "$target"
# As a reboot would: behind the store's back.
STMF_STORE='' itadm delete-target -f "$target"
STMF_STORE='' stmfadm delete-lu -k "$guid"
unload_stmf
load_stmf stmf_sbd stmf_iscsi stmf_loopback
stmfadm load-config
expect ram:scratch "$(property 'Data File')" "data file"
expect $((256 << 20)) "$(property Size)" "size"
login "$target"
disk=$(disk_of "$target" 0)
cmp -n $((256 << 20)) "$disk" /dev/zero || fail "expected zeros"
logout "$target"

step "without memory a write is refused, nobody is killed, and the disk works on when there is some"
loop_target
disk=$(loop_disk "$LOOP_HOST" 0)
# What the initiator was told (nothing can be started to ask while there is no memory).
space_refusals() { dmesg | grep -c 'Add. Sense: Space allocation failed write protect' || true; }
refusals=$(space_refusals)
kills=$(awk '$1 == "oom_kill" { print $2 }' /proc/vmstat)
# The kernel is to promise 96 MiB more than it has, and nobody else is to take them.
keep_udev_still
memory=/proc/sys/vm
at_exit "echo 0 >$memory/overcommit_memory; echo 50 >$memory/overcommit_ratio"
echo $(($(awk '$1 == "Committed_AS:" { print $2 }' /proc/meminfo) + (96 << 10))) >$memory/overcommit_kbytes
echo 2 >$memory/overcommit_memory
# One process, which has its own memory before it begins.
if dd if=/dev/zero of="$disk" bs=1M count=192 oflag=direct status=none; then
	fail "expected less than 192 MiB to be written"
fi
echo 0 >$memory/overcommit_memory
expect $((refusals + 1)) "$(space_refusals)" "writes refused with SPACE ALLOCATION FAILED WRITE PROTECT"
dd if=/dev/zero of="$disk" bs=1M count=1 seek=191 oflag=direct status=none
expect "$kills" "$(awk '$1 == "oom_kill" { print $2 }' /proc/vmstat)" "processes that the OOM killer ended"
stmfadm delete-lu "$guid"
