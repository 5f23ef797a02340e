#!/usr/bin/env bash
# A target of the local bus whose command is stuck in a device goes neither offline nor away, whoever asks meanwhile; later it does.
# What is refused changes nothing, not even what is wanted.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

# With a store, administrators wait for each other.
export STMF_STORE=
load_stmf stmf_sbd stmf_loopback
at_exit unload_stmf
held_lu 0
loop_target
disk=$(loop_disk "$LOOP_HOST" 0)
udevadm settle

step "while one takes it offline, others want it online, and delete it: all are refused"
dmsetup suspend --noflush --nolockfs held
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none &
reader=$!
has_task() { stmfadm list-task | finds "$GUID"; }
wait_for has_task
# asked: one takes it offline, and another is refused to bring it online meanwhile; not where that came too late.
asked() {
	stmfadm offline-target "$LOOP_TARGET" 2>"$WORK/offline" &
	asker=$!
	while kill -0 "$asker" 2>/dev/null; do
		if ! stmfadm online-target "$LOOP_TARGET" 2>/dev/null; then return 0; fi
	done
	if wait "$asker"; then fail "expected offline-target to be refused while the device has a command"; fi
	return 1
}
until asked; do :; done
refused stmfadm delete-target -f "$LOOP_TARGET"
if wait "$asker"; then fail "expected offline-target to be refused while the device has a command"; fi
[ -d "$LOOP_HOST" ] || fail "expected the SCSI host to be there"
stmfadm list-target "$LOOP_TARGET" >/dev/null || fail "expected the target to be there"
refused rmmod stmf_loopback

step "when the device goes on, it goes"
dmsetup resume --noudevsync held
wait "$reader" || fail "expected the read to be carried out"
stmfadm offline-service
stmfadm online-service
expect Offline "$(stmfadm list-target -v "$LOOP_TARGET" | sed -n 's/^ *Operational Status: //p')" \
	"the target, which was wanted offline and not brought online"
stmfadm delete-target -f "$LOOP_TARGET"
[ ! -d "$LOOP_HOST" ] || fail "expected the SCSI host to be gone"
stmfadm delete-lu "$GUID"
rmmod stmf_loopback
