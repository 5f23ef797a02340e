#!/usr/bin/env bash
# Logical units, targets and the service go on- and offline, and what goes along is what is wanted.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/initiator.sh"

serve
target=$(target_name states)
make_target "$target"
file_lu one 16M 0
one=$GUID
file_lu two 16M 1
two=$GUID
at_exit "stmfadm online-service; stmfadm modify-service -p default-lu-state=online \
	-p default-target-state=online"

lu_is() { expect "$2" "$(stmfadm list-lu -v "$1" | sed -n 's/^ *Operational Status: //p')" "LU $1"; }
target_is() {
	expect "$2" "$(stmfadm list-target -v "$1" | sed -n 's/^ *Operational Status: //p')" "$1"
}
service_is() { expect "$1" "$(stmfadm list-state | sed -n 's/^Operational Status: //p')" service; }

step "a logical unit"
connect a a "$target"
calm a 0 1
stmfadm offline-lu "$one"
lu_is "$one" Offline
stmfadm offline-lu "$one"
answers "check 5/25/00" a tur 0
stmfadm online-lu "$one"
stmfadm online-lu "$one"
calm a 0

step "a target: its sessions end, and it takes no new ones"
stmfadm offline-target "$target"
answers closed a tur 0
target_is "$target" Offline
[[ $(ask login b "$(host a)" "$target") == refused* ]] || fail "expected the login to be refused"
stmfadm online-target "$target"
connect b a "$target"
calm b 0 1

step "the service"
stmfadm offline-lu "$two"
stmfadm offline-service
service_is offline
lu_is "$one" Offline
target_is "$target" Offline
answers closed b tur 0
no "STMF service is offline" stmfadm online-lu "$one"
no "STMF service is offline" stmfadm online-target "$target"
stmfadm offline-service

step "what comes while it is offline waits for it"
make_target "$(target_name late)"
target_is "$(target_name late)" Offline
file_lu late 16M 2
lu_is "$GUID" Offline
stmfadm online-service
service_is online
lu_is "$one" Online
lu_is "$two" Offline
lu_is "$GUID" Online
target_is "$target" Online
target_is "$(target_name late)" Online
connect c a "$target"
answers "good 0 2" c luns
stmfadm online-lu "$two"

step "default states"
stmfadm modify-service -p default-lu-state=offline -p default-target-state=offline
make_target "$(target_name quiet)"
target_is "$(target_name quiet)" Offline
file_lu quiet 16M 3
lu_is "$GUID" Offline
stmfadm offline-service
stmfadm online-service
lu_is "$GUID" Offline
target_is "$(target_name quiet)" Offline
stmfadm online-target "$(target_name quiet)"
stmfadm online-lu "$GUID"
lu_is "$GUID" Online

step "a device that doesn't answer keeps its logical unit, and nothing else"
loop=$(loop_device slow 16M)
at_exit "losetup -d $loop"
dmsetup create stmf-states --table "0 32768 linear $loop 0"
at_exit "remove_dm stmf-states"
device_lu /dev/mapper/stmf-states 4
slow=$GUID
stmfadm online-lu "$slow"
connect d a "$target"
calm d 0 4
dmsetup suspend --noflush --nolockfs stmf-states
at_exit "dmsetup resume stmf-states 2>/dev/null"
echo "d cdb 4 512 28000000000000000100" >&"${INITIATORS[1]}"
has_task() { stmfadm list-task | finds "$slow"; }
wait_for has_task
within 8 no "not all went along" stmfadm offline-service
service_is offline
lu_is "$one" Offline
lu_is "$slow" Offlining
dmsetup resume stmf-states
read -r -t 30 -u "${INITIATORS[0]}" line || fail "expected the stuck command's session to end"
expect closed "$line" "the stuck command"
stmfadm offline-lu "$slow"
lu_is "$slow" Offline

step "a disk that is being deleted isn't brought online any more"
truncate -s 16M "$WORK/again"
(until [ -e "$WORK/enough" ]; do stmfadm online-lu 600144F0000000000000000000000009 2>/dev/null || true; done) &
busy=$!
at_exit "touch '$WORK/enough'; kill $busy 2>/dev/null"
for _ in $(seq 15); do
	guid=$(make_lu "$WORK/again" -p guid=600144F0000000000000000000000009)
	stmfadm add-view -n 9 "$guid"
	timeout 10 stmfadm delete-lu "$guid" || fail "expected the disk deleted within 10 s"
done
touch "$WORK/enough"
wait "$busy" || true
refused stmfadm list-lu 600144F0000000000000000000000009
