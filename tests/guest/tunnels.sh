#!/usr/bin/env bash
# What the guide says about WireGuard and IPsec below iSCSI: disks work, and the wire shows nothing of them.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 300
. "$COMSTAR_TOP/tests/target.sh"
. "$COMSTAR_TOP/tests/capture.sh"

GUIDE=$COMSTAR_TOP/Documentation/users-guide.md
MARK="NOT FOR EVERYBODY"

# guide CAPTION [WORD=VALUE]...: the commands that follow a line of the guide, with what stands for the words.
guide() {
	local commands pair
	commands=$(awk -v caption="$1:" '$0 == caption { found = 1; next }
		found && /^    / { print substr($0, 5); some = 1; next } some { exit }' "$GUIDE")
	[ -n "$commands" ] || fail "expected commands in the guide after \"$1:\""
	shift
	for pair in "$@"; do commands=${commands//"${pair%%=*}"/"${pair#*=}"}; done
	echo "$commands"
}
# here, there CAPTION [WORD=VALUE]...: the guide's commands, at the initiator and at the target.
here() { guide "$@" | bash -euo pipefail; }
there() { guide "$@" | ip netns exec storage bash -euo pipefail; }

serve
target=$(target_name secret)
make_target "$target"
file_lu disk 16M 0

head -c 64k < <(yes "$MARK") >"$WORK/text"

# The addresses are those of the guide; each side has a /etc/wireguard of its own.
mkdir -p /etc/wireguard /etc/netns/storage/wireguard
at_exit "rm -rf /etc/wireguard/wg0.key /etc/netns/storage"
ip netns add storage
at_exit "ip netns del storage"
ip link add wire type veth peer name eth0 netns storage
ip addr add 192.0.2.2/24 dev wire
ip link set wire up
ip -n storage addr add 192.0.2.1/24 dev eth0
ip -n storage link set eth0 up
ip -n storage link set lo up

# reaches ADDRESS: somebody listens there.
reaches() { timeout 3 bash -c "</dev/tcp/$1/3260" 2>/dev/null; }

# use: what an initiator does with the disk, and a text that can be recognized.
use() {
	local disk
	disk=$(disk_of "$target" 0)
	dd if="$WORK/text" of="$disk" bs=64k count=1 oflag=direct status=none
	fio_verify tunnel "$disk" --rw=randwrite --bsrange=4k-256k --offset=1M --size=4M --iodepth=8
	blockdev --flushbufs "$disk"
	[ "$(head -c "${#MARK}" "$disk")" = "$MARK" ] || fail "expected the text to be read as it was written"
}
shows_text() { grep -aqF "$MARK" "$CAPTURE"; }

step "without a tunnel the wire shows what is written"
ip netns exec storage itadm create-tpg plain 192.0.2.1 >/dev/null
at_exit "itadm delete-tpg -f plain 2>/dev/null"
itadm modify-target -t plain "$target" >/dev/null
capture "$WORK/plain" wire
login "$target" 192.0.2.1:3260
use
logout "$target" 192.0.2.1:3260
captured
expect "tcp 3260" "$(packets "$CAPTURE")" "what is on the wire"
shows_text || fail "expected the text in what was captured without a tunnel"

step "WireGuard"
at_exit "ip link del wg0 2>/dev/null; itadm delete-tpg -f wg"
for side in here there; do
	key=$("$side" "WireGuard, on both machines")
	declare "${side}_key=$key"
done
# shellcheck disable=SC2154 # declare gave them.
there "WireGuard, on the target's machine" NAME="$target" INITIATORS-KEY="$here_key"
itadm delete-tpg plain >/dev/null
refused reaches 192.0.2.1
capture "$WORK/wireguard" wire
# shellcheck disable=SC2154
here "WireGuard, on the initiator's machine" NAME="$target" TARGETS-KEY="$there_key"
at_exit "logout '$target' 10.9.0.1:3260 2>/dev/null"
use
logout "$target" 10.9.0.1:3260
captured
expect "udp 51820" "$(packets "$CAPTURE")" "what is on the wire"
! shows_text || fail "expected nothing of what was written on the wire"
# Ten seconds after what it got last the target's side says that it is alive: not into the next capture.
ip link del wg0
ip -n storage link del wg0

step "IPsec"
at_exit "ip xfrm policy flush; ip xfrm state flush; itadm delete-tpg -f ipsec"
key() { guide "IPsec, a key for each direction" | bash; }
keys=(KEY1="$(key)" KEY2="$(key)")
capture "$WORK/ipsec" wire
for side in here there; do
	"$side" "IPsec, on both machines" "${keys[@]}"
done
there "IPsec, on the target's machine" NAME="$target"
here "IPsec, on the initiator's machine" NAME="$target"
at_exit "logout '$target' 192.0.2.1:3260 2>/dev/null"
use
logout "$target" 192.0.2.1:3260
captured
expect 50 "$(packets "$CAPTURE")" "what is on the wire"
! shows_text || fail "expected nothing of what was written on the wire"
wait_for reaches 192.0.2.1
ip xfrm policy flush
refused reaches 192.0.2.1
