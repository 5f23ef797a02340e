#!/usr/bin/env bash
# The medium of a removable disk is ejected and loaded, unless somebody prevents that.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

# prevent DEVICE 0|1: PREVENT ALLOW MEDIUM REMOVAL.
prevent() { sg_prevent --prevent="$2" "$1"; }

# says DEVICE TEXT: what TEST UNIT READY finds.
says() {
	local out
	out=$(sg_turs -v "$1" 2>&1 || true)
	grep -qi "$2" <<<"$out" || fail "$1: expected \"$2\", got: $out"
}

# ready DEVICE: unit attentions are taken, and the disk is ready.
ready() { sg_turs "$1"; }

serve
target=$(target_name removable)
make_target "$target"
file_lu disk 16M 0 -p removable=true
hosts_log_in "$target" 2

step "the disk says that its medium is removable"
sg_inq "${D[1]}" | finds 'RMB=1' || fail "expected RMB to be set"
sg_opcodes --opcode=0x1e "${D[1]}" | finds -i 'prevent' || fail "expected PREVENT ALLOW to be listed"

step "who prevents the removal keeps everybody from ejecting"
prevent "${D[1]}" 1
out=$(sg_start --eject -v "${D[2]}" 2>&1 || true)
grep -qi 'medium removal prevented' <<<"$out" || fail "expected the removal to be prevented: $out"
prevent "${D[2]}" 0
refused sg_start --eject "${D[2]}"

step "who is preempted prevents nothing any more"
for n in 1 2; do sg_persist --out --register --param-sark=0x$n "${D[n]}" >/dev/null; done
sg_persist --out --preempt --param-rk=0x2 --param-sark=0x1 --prout-type=1 "${D[2]}" >/dev/null
sg_start --eject "${D[2]}"

step "without its medium the disk isn't ready, but answers"
says "${D[2]}" 'medium not present'
out=$(sg_requests "${D[2]}" 2>&1 || true)
grep -qi 'medium not present' <<<"$out" || fail "expected REQUEST SENSE to say why, got: $out"
! sg_dd if="${D[2]}" of=/dev/null bs=512 count=1 2>/dev/null || fail "expected no block to be read without a medium"
sg_inq "${D[2]}" >/dev/null
sg_modes "${D[2]}" >/dev/null

step "the others are told when the medium is back"
sg_persist --out --clear --param-rk=0x2 "${D[2]}" >/dev/null
# The first sees what the preemption means to it, then the medium.
says "${D[1]}" 'registrations preempted'
sg_start --load "${D[2]}"
says "${D[1]}" 'medium may have changed'
ready "${D[1]}"
ready "${D[2]}"

step "with a power condition nothing is ejected, and what was ejected is counted"
# Reserved values, too, mean GOOD here: see plan_start_stop().
for condition in 10 20 30 40 50 70 a0 b0 f0; do
	sg_raw "${D[1]}" 1b 01 00 00 "$(printf %02x $((0x$condition | 2)))" 00 2>/dev/null
	ready "${D[1]}"
done
sg_logs --page=0xe "${D[1]}" | finds 'Accumulated load-unload cycles = 1$' ||
	fail "expected one medium taken out, got $(sg_logs --page=0xe "${D[1]}")"

step "who is gone prevents nothing any more"
prevent "${D[1]}" 1
refused sg_start --eject "${D[2]}"
iscsiadm -m node -T "$target" -I host1 --logout >/dev/null
wait_for sg_start --eject "${D[2]}"
sg_start --load "${D[2]}"

step "a disk with a fixed medium knows none of that"
file_lu fixed 16M 5
iscsiadm -m session --rescan >/dev/null
device=$(disk_of "$target" 5)
refused prevent "$device" 1
refused sg_start --eject "$device"
