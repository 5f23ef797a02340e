#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# In the guest of tests/power/cuts.py: disks whose data, metadata and
# reservations lie on the disks that lose power.  Arguments: write, look, or
# reboot, and a seed of what is written.

# shellcheck source=tests/target.sh
. "$COMSTAR_TOP/tests/target.sh"

# The metadata have the path of the data.
FILES=/srv/power
DATA=/dev/vda
HEAD=/dev/vdc
TARGET=$(target_name power)

# The second disk's cache is off where a loss of power empties it.
wcd=true
[ "$1" != reboot ] || wcd=false

# stage NUMBER: tells the host how far it has come.
stage() {
	echo "$1" >"$COMSTAR_SCRATCH/stage.new"
	mv "$COMSTAR_SCRATCH/stage.new" "$COMSTAR_SCRATCH/stage"
}

# Makes the disks; what is half made when the power fails is made again.
make_disks() {
	rm -f "$FILES"/*.meta
	truncate -s 64M "$FILES/disk"
	make_lu "$DATA" -p meta="$FILES/device.meta" -p alias=0 >/dev/null
	make_lu "$FILES/disk" -p meta="$FILES/file.meta" -p wcd="$wcd" >/dev/null
	make_lu "$HEAD" -F -p meta=head -p alias=0 >/dev/null
	sync
	echo made >"$COMSTAR_SCRATCH/made"
}

import_disks() {
	stmfadm import-lu "$FILES/device.meta"
	stmfadm import-lu "$FILES/file.meta"
	stmfadm import-lu "$HEAD"
}

load_stmf stmf_sbd stmf_iscsi
at_exit unload_stmf
ip link set lo up
expect datafileshead "$(cat /sys/block/vd[abc]/serial)" "the disks that lose power"
mkdir "$FILES"
stage 1
mount /dev/vdb "$FILES"
if [ -e "$COMSTAR_SCRATCH/made" ]; then import_disks; else make_disks; fi
guids=()
for data in "$DATA" "$FILES/disk" "$HEAD"; do
	guid=$(stmfadm list-lu -v | awk -v file="$data" '
		/^LU Name/ { name = $3 } /Data File/ && $NF == file { print name }')
	stmfadm add-view -n "${#guids[@]}" "$guid"
	guids+=("$guid")
done
make_target "$TARGET"
PYTHONPATH=$COMSTAR_TOP/tests python3 "$COMSTAR_TOP/tests/power/writer.py" "$1" "$2" "$TARGET" "${guids[0]}" "${guids[2]}"
for guid in "${guids[@]}"; do stmfadm delete-lu "$guid"; done
umount "$FILES"
