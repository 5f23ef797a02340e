#!/usr/bin/env bash
# What libiscsi's conformance suite knows of disks holds over the local bus, too: none of it fails.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 900
. "$COMSTAR_TOP/tests/target.sh"
. "$COMSTAR_TOP/tests/loopback.sh"
. "$COMSTAR_TOP/tests/kinds.sh"

# generic NAME: the generic SCSI device of a kind.
generic() { find_generic "$(target_name "$1")" 0; }

serve
file_kind thin 64M -p pblk=512
file_kind copies 64M
file_kind aligned 16M -p pblk=4096
file_kind removable 64M -p removable=true
file_kind protected 64M -p wp=true
atomic_kind
kinds=(thin copies aligned removable protected atomic)
for name in "${kinds[@]}"; do login "$(target_name "$name")"; done
for name in "${kinds[@]}"; do wait_for generic "$name"; done
keep_udev_still

# What is about iSCSI; what only has other lengths of CDBs than the rest, which is nothing to the bus; one
# that the tool itself doesn't survive without iSCSI, for want of a second session.
without=iSCSIcmdsn,iSCSIdatasn,iSCSIResiduals,iSCSISendTargets,iSCSINop,iSCSITMF,MultipathIO
without+=,Read12,Write12,Verify10,Verify12,WriteVerify10,WriteVerify12,Prefetch10
without+=,Sanitize.OverwriteReserved,Sanitize.Reset

mkdir "$WORK/logs"
python3 "$COMSTAR_TOP/tests/conformance.py" --logs "$WORK/logs" --without "$without" \
	"thin=$(generic thin)@-$ONES,-ReceiveCopyResults" \
	"copies=$(generic copies)@ReceiveCopyResults" \
	"aligned=$(generic aligned)@CompareAndWrite.InvalidDataOutSize,WriteSame10,WriteSame16,-$ONES" \
	"removable=$(generic removable)@PreventAllow,NoMedia,StartStopUnit,Inquiry" \
	"protected=$(generic protected)@ReadOnly,Sanitize.Readonly,Inquiry" \
	"atomic=$(generic atomic)@WriteAtomic16,$ONES"
