#!/usr/bin/env bash
# Wireshark's dissector finds nothing wrong in sessions of each kind, and all PDUs that belong there.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 400
. "$COMSTAR_TOP/tests/target.sh"
. "$COMSTAR_TOP/tests/capture.sh"

serve
target=$(target_name seen)
make_target "$target"
file_lu disk 16M 0
truncate -s 16M "$WORK/second"
second=$(make_lu "$WORK/second")
at_exit "stmfadm delete-lu $second"
chap_secrets "$target"
cd "$WORK"

# record NAME COMMAND...: what goes over the wire meanwhile.
record() {
	step "$1"
	capture "$1.pcap" lo 'tcp portrange 3260-3263'
	"${@:2}"
	captured
}

# session [NAME VALUE]...: one of Linux's, with these settings: it writes, reads, and is idle for a while.
session() {
	local disk
	local -a settings=()
	while [ $# -gt 0 ]; do
		settings+=(-n "node.$1" -v "$2")
		shift 2
	done
	iscsiadm -m node -T "$target" -p 127.0.0.1:3260 -o new >/dev/null
	at_exit "logout '$target' 2>/dev/null"
	[ ${#settings[@]} = 0 ] || iscsiadm -m node -T "$target" -o update "${settings[@]}"
	iscsiadm -m node -T "$target" --login >/dev/null
	disk=$(disk_of "$target" 0)
	dd if=/dev/urandom of="$disk" bs=512k count=1 oflag=direct iflag=fullblock status=none
	dd if="$disk" of=/dev/null bs=512k count=1 iflag=direct status=none
	# Its ping comes when nothing was said for a second.
	udevadm settle
	sleep 3
	logout "$target"
}
idle=(conn[0].timeo.noop_out_interval 1 conn[0].timeo.noop_out_timeout 10)

record discovery iscsiadm -m discovery -t sendtargets -p 127.0.0.1
iscsiadm -m node -o delete
record plain session "${idle[@]}" session.iscsi.InitialR2T Yes session.iscsi.ImmediateData No
record digests session "${idle[@]}" conn[0].iscsi.HeaderDigest CRC32C conn[0].iscsi.DataDigest CRC32C
itadm modify-target -a chap "$target" >/dev/null
record chap session session.auth.authmethod CHAP session.auth.chap_algs SHA256 \
	session.auth.username joe session.auth.password initiator-secret \
	session.auth.username_in us session.auth.password_in target-secret-x
itadm modify-target -a none "$target" >/dev/null
record rare python3 "$COMSTAR_TOP/tests/rare_pdus.py" "$target" "$second"
itadm create-tpg elsewhere 127.0.0.1:3261 >/dev/null
at_exit "itadm delete-tpg -f elsewhere"
itadm modify-target -t default,elsewhere "$target" >/dev/null
itadm modify-target -r "127.0.0.1:3261,$(itadm list-tpg --json elsewhere | jq '.[0].tag')" "$target" >/dev/null
record redirect session

step "what the dissector says"
dissect() { python3 "$COMSTAR_TOP/tests/dissect.py" "$@"; }
dissect {discovery,plain,digests,chap,rare,redirect}.pcap >found
cat found
! grep fault found || fail "expected no faults"
# has NAME PDU...: that capture has PDUs of these kinds.
has() {
	local name=$1 pdu
	shift
	for pdu in "$@" "Login Command" "Login Response"; do
		grep -qE "^$name.pcap: (.*, )?$pdu(,|\$)" found || fail "expected \"$pdu\" in the session $name"
	done
}
logout=("Logout Command" "Logout Response")
io=("SCSI Command" "SCSI Response" "SCSI Data In" "SCSI Data Out" "Ready To Transfer" "${logout[@]}")
has discovery "Text Command" "Text Response"
has plain "${io[@]}" "NOP Out" "NOP In"
has digests "${io[@]}" "NOP Out" "NOP In"
has chap "${io[@]}"
has redirect "${io[@]}"
has rare "Text Command" "Text Response" "NOP Out" "NOP In" "Task Management Function" \
	"Task Management Function Response" "SNACK Request" "Reject" "Asynchronous Message" "${logout[@]}"

step "it would have said so"
# Each of them in a capture of its own, because they are dissected together.
damage() { dissect --damage "$1" "$2" "$3.pcap" "$1.bad"; }
damage text 23 discovery
damage length 21 plain
damage digest 25 digests
damage opcode 22 rare
dissect {text,length,digest,opcode}.bad >found
cat found
for what in text length digest opcode; do
	grep -q "^$what.bad: fault" found || fail "expected a fault in a capture with a damaged $what"
done
