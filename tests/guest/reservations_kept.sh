#!/usr/bin/env bash
# Registrations with APTPL survive the LU, the modules and a reboot's restore; what can't be kept is refused.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 180
. "$COMSTAR_TOP/tests/target.sh"

export STMF_STORE=$WORK/store
serve
target=$(target_name kept)
make_target "$target"
patient_targets
truncate -s 64M "$WORK/disk"

# The metadata lie on a device that can be stopped, and in a file system that can be filled.
loop=$(loop_device metadata 16M)
at_exit "losetup -d $loop"
mkfs.ext4 -q -m 0 -O ^has_journal "$loop"
echo "0 $(blockdev --getsz "$loop") linear $loop 0" | dmsetup create meta
udevadm settle
at_exit "dmsetup resume --noudevsync meta; remove_dm meta"
mkdir "$WORK/meta.d"
mount /dev/mapper/meta "$WORK/meta.d"
at_exit "umount '$WORK/meta.d'"
meta=$WORK/meta.d/meta

guid=$(make_lu "$WORK/disk" -p meta="$meta")
at_exit "stmfadm delete-lu $guid 2>/dev/null || true"
stmfadm add-view -n 0 "$guid"
hosts_log_in "$target" 2

out() { ended sg_persist -v -n --out "${@:2}" "${D[$1]}"; }
in_() { sg_persist -n --in "${@:2}" "${D[$1]}"; }
keys() { in_ 1 --read-keys | grep -o '0x[0-9a-f]*$' | tr '\n' ' '; }
write() { ended sg_raw -s 512 -i "$WORK/block" "${D[$1]}" 2a 00 00 00 00 00 00 00 01 00; }
# Once the unit attentions are read.
no_attentions() {
	local n
	for n in 1 2; do
		wait_for sg_turs "${D[n]}"
	done
}
dd if=/dev/zero of="$WORK/block" bs=512 count=1 status=none
no_attentions

# The two hosts are registered, and host 1 has reserved for the registrants to read.
as_kept() {
	no_attentions
	expect "0xa 0xb " "$(keys)" "$1: keys"
	in_ 1 --read-reservation | finds 'Key=0xa$' || fail "$1: expected host 1 to hold it"
	in_ 1 --read-reservation | finds 'Write Exclusive$\|type: Write Exclusive$' ||
		fail "$1: expected the type to be as it was: $(in_ 1 --read-reservation)"
	expect ok "$(write 1)" "$1: a write of the holder"
	expect conflict "$(write 2)" "$1: a write of the other"
	in_ 1 --report-capabilities | finds 'PTPL_A): 1' || fail "$1: expected PTPL_A"
}

step "APTPL is taken, and reported as it is"
in_ 1 --report-capabilities >"$WORK/capabilities"
grep -q 'PTPL_C): 1' "$WORK/capabilities" || fail "expected PTPL_C: $(cat "$WORK/capabilities")"
grep -q 'PTPL_A): 0' "$WORK/capabilities" || fail "expected no PTPL_A yet"

step "what can't be kept has not happened: no space is left"
dd if=/dev/zero of="$WORK/meta.d/fill" bs=64k status=none 2>/dev/null || true
dd if=/dev/zero of="$WORK/meta.d/fill" bs=1k oflag=append conv=notrunc status=none 2>/dev/null || true
expect "Space allocation failed write protect" \
	"$(out 1 --register --param-sark=a --param-aptpl)" "REGISTER with APTPL"
expect "" "$(keys)" "keys"
rm "$WORK/meta.d/fill"

step "what is kept is in force"
expect ok "$(out 1 --register --param-sark=a --param-aptpl)" "REGISTER with APTPL"
expect ok "$(out 2 --register --param-sark=b --param-aptpl)" "REGISTER with APTPL"
expect ok "$(out 1 --reserve --param-rk=a --prout-type=1)" "RESERVE"
as_kept "at once"

step "what can't be kept has not happened: the metadata's device stands still"
dmsetup suspend --noflush --nolockfs meta
begin=$SECONDS
# Who asks meanwhile for what is to change has it as it was, and needn't wait.
stmfadm modify-lu -p serial=late "$guid" 2>/dev/null &
changer=$!
asked=0
while kill -0 "$changer" 2>/dev/null; do
	within 2 sg_vpd --page=sn "${D[1]}" >/dev/null
	asked=$((asked + 1))
done
if wait "$changer"; then fail "expected a change that can't be kept to be refused"; fi
echo "    asked $asked times for the serial number while a change of it could not be kept"
expect "Timeout on logical unit" "$(out 2 --register --param-rk=b --param-sark=c --param-aptpl)" \
	"REGISTER of another key"
expect "Timeout on logical unit" "$(out 1 --release --param-rk=a --prout-type=1)" "RELEASE"
refused stmfadm modify-lu -p alias=late "$guid"
limit=10
! is_slow || limit=30
[ $((SECONDS - begin)) -le $limit ] || fail "expected an end within $limit s, took $((SECONDS - begin)) s"
as_kept "while it stands still"
refused stmfadm delete-lu -k "$guid"
dmsetup resume --noudevsync meta
wait_for stmfadm delete-lu -k "$guid"

step "a RESERVE that waited for the metadata has no effect when its nexus is gone"
stmfadm import-lu "$meta"
no_attentions
expect ok "$(out 1 --register-ignore --param-sark=a --param-aptpl)" "REGISTER"
expect ok "$(out 1 --clear --param-rk=a)" "CLEAR"
no_attentions
dmsetup suspend --noflush --nolockfs meta
python3 "$COMSTAR_TOP/tests/lost_reserve.py" "$target"
dmsetup resume --noudevsync meta
expect ok "$(write 2)" "a write of another nexus"
for key in a b; do expect ok "$(out $((16#$key - 9)) --register-ignore --param-sark=$key --param-aptpl)" "REGISTER"; done
expect ok "$(out 1 --reserve --param-rk=a --prout-type=1)" "RESERVE"
wait_for stmfadm delete-lu -k "$guid"

step "they come back with the LU, without what came too late"
stmfadm import-lu "$meta"
as_kept "after import-lu"

step "they come back when the saved configuration is restored"
iscsiadm -m node -T "$target" --logout >/dev/null
# As a reboot would: behind the store's back.
STMF_STORE='' itadm delete-target -f "$target"
STMF_STORE='' stmfadm delete-lu -k "$guid"
unload_stmf
load_stmf stmf_sbd stmf_iscsi
stmfadm load-config
iscsiadm -m node -T "$target" --login >/dev/null
for n in 1 2; do
	wait_for generic_of_host "$n"
	D[n]=$(generic_of_host "$n")
	wait_for test -c "${D[n]}"
done
no_attentions
expect "0xa 0xb " "$(keys)" "keys after load-config"
in_ 1 --read-reservation | finds 'Key=0xa$' || fail "after load-config: expected the reservation"
# open-iscsi has given its new sessions other ISIDs: they are other initiator ports.
expect conflict "$(write 1)" "a write of a port that isn't registered"

step "without APTPL nothing is kept"
expect ok "$(out 2 --register --param-sark=c)" "REGISTER without APTPL"
expect "0xa 0xb 0xc " "$(keys)" "keys"
stmfadm delete-lu -k "$guid"
stmfadm import-lu "$meta"
no_attentions
expect "" "$(keys)" "keys after import-lu"
expect ok "$(write 2)" "a write of the other"
tried 2 "a registration that can't be kept: no space, or a device that stands still"
