# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What transcripts find when they run: an empty /srv, the device /dev/vg0/db of 32 MiB,
# the modules, and nothing configured. Sourced after tests/target.sh.

export STMF_STORE=$WORK/store
load_stmf stmf_sbd stmf_iscsi stmf_loopback
at_exit unload_stmf
mkdir -p /srv /dev/vg0
mount -t tmpfs none /srv
at_exit "umount /srv"
loop=$(loop_device db 32M)
at_exit "losetup -d $loop"
ln -s "$loop" /dev/vg0/db
at_exit "rm /dev/vg0/db"
# Not all names are known here, because some are made up.
at_exit "stmfadm list-lu | awk '{ print \$NF }' | xargs -r stmfadm delete-lu
	itadm list-target -p | cut -f 1 | xargs -r itadm delete-target -f"

run_transcript() {
	python3 "$COMSTAR_TOP/tests/transcript.py" "$1" || fail "expected what the transcript says"
}
