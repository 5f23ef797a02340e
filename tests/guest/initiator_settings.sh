#!/usr/bin/env bash
# Linux's initiator with every pair of settings: both sides have what was negotiated, data is as written.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 300
. "$COMSTAR_TOP/tests/target.sh"

# Each digest and algorithm for itself, and wrong secrets: digests.sh, chap.sh.

# Settings by their keys, as the target sees them: MaxXmitDataSegmentLength is what the initiator takes.
NEGOTIATED=(HeaderDigest DataDigest InitialR2T ImmediateData MaxBurstLength FirstBurstLength
	MaxOutstandingR2T MaxRecvDataSegmentLength MaxXmitDataSegmentLength)
KEYS=("${NEGOTIATED[@]}" portal CHAP algorithm)
pairwise() {
	python3 "$COMSTAR_TOP/tests/pairwise.py" --seed 5 --together CHAP=none:algorithm=- \
		HeaderDigest=None,CRC32C DataDigest=None,CRC32C InitialR2T=Yes,No ImmediateData=Yes,No \
		MaxBurstLength=65536,1048576 FirstBurstLength=4096,65536 MaxOutstandingR2T=1,8 \
		MaxRecvDataSegmentLength=4096,262144 MaxXmitDataSegmentLength=4096,262144 \
		portal='127.0.0.1:3260,[::1]:3260' \
		CHAP=none,one-way,mutual algorithm=-,MD5,SHA1,SHA256,SHA3-256
}

serve
target=$(target_name settings)
make_target "$target"
file_lu disk 32M 0
chap_secrets "$target"

at_exit "{ iscsiadm -m node -T '$target' --logout; iscsiadm -m node -T '$target' -o delete; } 2>/dev/null"

# The settings of a session, by their keys.
declare -A row

# node OPTION...: what the initiator knows of the target.
node() { iscsiadm -m node -T "$target" -p "${row[portal]}" "$@"; }

# set_up: both sides are as the row has it.
set_up() {
	local key
	local -a options=()
	itadm modify-target -a "$([ "${row[CHAP]}" = none ] && echo none || echo chap)" \
		--limit "MaxRecvDataSegmentLength=${row[MaxRecvDataSegmentLength]}" "$target" >/dev/null
	for key in InitialR2T ImmediateData MaxBurstLength FirstBurstLength MaxOutstandingR2T; do
		options+=(-n "node.session.iscsi.$key" -v "${row[$key]}")
	done
	for key in HeaderDigest DataDigest; do
		options+=(-n "node.conn[0].iscsi.$key" -v "${row[$key]}")
	done
	options+=(-n node.conn[0].iscsi.MaxRecvDataSegmentLength -v "${row[MaxXmitDataSegmentLength]}")
	[ "${row[CHAP]}" = none ] || options+=(-n node.session.auth.authmethod -v CHAP
		-n node.session.auth.chap_algs -v "${row[algorithm]}"
		-n node.session.auth.username -v joe
		-n node.session.auth.password -v initiator-secret)
	[ "${row[CHAP]}" != mutual ] || options+=(-n node.session.auth.username_in -v us
		-n node.session.auth.password_in -v target-secret-x)
	node -o new >/dev/null
	node -o update "${options[@]}"
}

# What has to come of the row.
wanted() { for key in "${NEGOTIATED[@]}" portal; do echo "$key=${row[$key]}"; done; }

# What the target says of its only session.
as_target() {
	itadm list-session --json "$target" | jq -r '.[] |
		(.negotiated + {portal: .local})[$ARGS.positional[]] |
		tostring' --args "${NEGOTIATED[@]}" portal |
		paste -d = <(printf '%s\n' "${NEGOTIATED[@]}" portal) -
}

# What the initiator's kernel has of its only session; what it sends at most is what the target takes.
as_initiator() {
	local -a value no_yes=(No Yes) digest=(None CRC32C)
	mapfile -t value < <(cd /sys/class && cat iscsi_connection/*/{header_digest,data_digest} \
		iscsi_session/*/{initial_r2t,immediate_data,max_burst_len,first_burst_len,max_outstanding_r2t} \
		iscsi_connection/*/{max_xmit_dlength,max_recv_dlength,persistent_address,persistent_port})
	[[ ${value[9]} != *:* ]] || value[9]="[${value[9]}]"
	paste -d = <(printf '%s\n' "${NEGOTIATED[@]}" portal) <(printf '%s\n' "${digest[value[0]]}" \
		"${digest[value[1]]}" "${no_yes[value[2]]}" "${no_yes[value[3]]}" "${value[@]:4:5}" \
		"${value[9]}:${value[10]}")
}

pairwise >"$WORK/rows"
mapfile -t rows <"$WORK/rows"
for settings in "${rows[@]}"; do
	read -r -a values <<<"$settings"
	for i in "${!KEYS[@]}"; do row[${KEYS[i]}]=${values[i]}; done
	step "$settings"
	set_up
	node --login >/dev/null
	expect "$(wanted)" "$(as_target)" "as the target has it"
	expect "$(wanted)" "$(as_initiator)" "as the initiator has it"
	fio_verify settings "$(disk_of "$target" 0)" --rw=randwrite --bsrange=512-512k --size=4M --iodepth=8
	node --logout >/dev/null
	node -o delete
	wait_for has_sessions "$target" 0
done
