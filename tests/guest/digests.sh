#!/usr/bin/env bash
# Every combination of header and data digests, with data checked end to end.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name disk)
make_target "$target"
file_lu disk 64M 0

# negotiated WHAT: as the initiator's kernel has it.
negotiated() { cat /sys/class/iscsi_connection/connection*/"$1"; }

iscsiadm -m discovery -t sendtargets -p 127.0.0.1 >/dev/null
for header in None CRC32C; do
	for data in None CRC32C; do
		step "HeaderDigest $header, DataDigest $data"
		iscsiadm -m node -T "$target" -o update \
			-n node.conn[0].iscsi.HeaderDigest -v "$header" \
			-n node.conn[0].iscsi.DataDigest -v "$data"
		iscsiadm -m node -T "$target" --login >/dev/null
		at_exit "logout '$target' 2>/dev/null"
		disk=$(disk_of "$target" 0)
		expect "$([ $header = None ] || echo 1)" \
			"$(negotiated header_digest | sed 's/^0$//')" HeaderDigest
		expect "$([ $data = None ] || echo 1)" \
			"$(negotiated data_digest | sed 's/^0$//')" DataDigest
		fio_verify digests "$disk" --rw=randwrite --bsrange=512-512k \
			--size=16M --iodepth=8
		iscsiadm -m node -T "$target" --logout >/dev/null
	done
done
