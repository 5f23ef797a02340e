#!/usr/bin/env bash
# Two targets in two network namespaces: each is reached and found only in its own.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
file_lu disk 16M 0
for name in red blue; do
	ip netns add "$name"
	at_exit "ip netns del $name"
	ip -n "$name" link set lo up
done
# A way from here to each of them, at the same addresses on their side.
number=1
for name in red blue; do
	ip link add "to-$name" type veth peer name eth0 netns "$name"
	ip addr add "10.9.$number.1/24" dev "to-$name"
	ip link set "to-$name" up
	ip -n "$name" addr add "10.9.$number.2/24" dev eth0
	ip -n "$name" addr add 10.8.0.1/24 dev eth0
	ip -n "$name" link set eth0 up
	number=$((number + 1))
done
red=$(target_name red)
blue=$(target_name blue)
itadm create-target -n "$red" >/dev/null
at_exit "itadm delete-target -f '$red'; itadm delete-target -f '$blue'"
itadm create-target -n "$blue" >/dev/null

step "groups of portals"
ip netns exec red itadm create-tpg red 10.9.1.2:3261 10.8.0.1 >/dev/null
ip netns exec blue itadm create-tpg blue 10.9.2.2:3261 10.8.0.1@eth0 >/dev/null
at_exit "itadm delete-tpg -f red blue"
itadm modify-target -t red "$red" >/dev/null
itadm modify-target -t blue "$blue" >/dev/null
expect 10.9.1.2:3261,10.8.0.1:3260 \
	"$(ip netns exec red itadm list-tpg -p -v red | sed -n 's/.*portals:\t//p')" "portals of red"
expect "" "$(itadm list-tpg -p -v red | sed -n 's/.*portals:\t//p')" "portals of red, from here"
refused ip netns exec red itadm create-tpg again 10.9.1.2:3261
refused ip netns exec red itadm create-tpg nowhere 192.0.2.7
refused ip netns exec red itadm create-tpg nodev 10.8.0.1:3262@eth7
refused itadm delete-tpg red
expect "blue red" "$(itadm list-tpg -p | cut -f1 | sort | xargs)" "groups"

step "a group has no more portals than can be listed"
no 'no room for 127\.0\.2\.1[0-9]+:3260' python3 "$COMSTAR_KERNEL_SOURCE/tools/net/ynl/pyynl/cli.py" --no-schema \
	--spec "$COMSTAR_TOP/Documentation/netlink/specs/stmf_iscsi.yaml" --do tpg-create \
	--json "{\"name\": \"many\", \"portals\": \"$(seq -s, -f '127.0.2.%g' 170)\"}"
expect "blue red" "$(itadm list-tpg -p | cut -f1 | sort | xargs)" "groups"

step "a change for which a portal can't be opened leaves everything as it was"
# The default group has no target any more, and somebody else takes its port.
python3 -c 'import socket, time
holder = socket.create_server(("::", 3260), family=socket.AF_INET6, dualstack_ipv6=True)
print("there", flush=True)
time.sleep(600)' >"$WORK/holder" &
holder=$!
at_exit "kill $holder 2>/dev/null"
wait_for grep -q there "$WORK/holder"
shown() { itadm list-tpg --json | jq -c '[.[] | [.name, .tag, .targets]]' && itadm list-target -v; }
before=$(shown)
refused itadm modify-target -t default "$red"
expect "$before" "$(shown)" "groups and targets after a change that was refused"
refused itadm delete-tpg -f red
expect "$before" "$(shown)" "groups and targets after a group wasn't deleted"
kill "$holder"
wait "$holder" || true

step "what a group's connections send is marked"
itadm create-tpg --dscp 46 marked 127.0.0.1:3265 '[::1]:3265' >/dev/null
at_exit "itadm delete-tpg -f marked"
refused itadm create-tpg --dscp 64 more 127.0.0.1:3266
expect 46 "$(itadm list-tpg --json marked | jq '.[0].dscp')" "DSCP as listed"
itadm modify-target -t red,marked "$red" >/dev/null
for family in ip ip6; do
	nft add table "$family" marks
	at_exit "nft delete table $family marks"
	nft "add chain $family marks out { type filter hook output priority 0; }"
	nft "add rule $family marks out tcp sport 3265 $family dscp 46 counter comment marked"
	nft "add rule $family marks out tcp sport 3265 $family dscp != 46 counter comment other"
done
# packets FAMILY COMMENT
packets() {
	nft -j list table "$1" marks | jq --arg which "$2" '.nftables[].rule |
		select(.comment == $which) | .expr[] | select(.counter).counter.packets'
}
for address in 127.0.0.1:3265 '[::1]:3265'; do
	iscsiadm -m discovery -t sendtargets -p "$address" >/dev/null
done
for family in ip ip6; do
	[ "$(packets "$family" marked)" -gt 0 ] || fail "expected packets with DSCP 46 by $family"
	expect 0 "$(packets "$family" other)" "packets of the portal without the mark, by $family"
done
iscsiadm -m node -o delete
itadm modify-target -t red "$red" >/dev/null

step "who finds what"
found() { iscsiadm -m discovery -t sendtargets -p "$1" 2>/dev/null | sort; }
red_tag=$(itadm list-tpg --json red | jq '.[0].tag')
expect "$(printf '%s\n' "10.8.0.1:3260,$red_tag $red" "10.9.1.2:3261,$red_tag $red")" \
	"$(found 10.9.1.2:3261)" "targets at red"
expect 1 "$(found 10.9.2.2:3261 | awk '{ print $2 }' | sort -u | grep -c "$blue")" "targets at blue"
refused iscsiadm -m discovery -t sendtargets -p 127.0.0.1:3260

step "who gets in"
for pair in "$red 10.9.1.2:3261" "$blue 10.9.2.2:3261"; do
	read -r target portal <<<"$pair"
	iscsiadm -m node -T "$target" -p "$portal" --login >/dev/null
	at_exit "iscsiadm -m node -T '$target' -p '$portal' --logout"
	disk_of "$target" 0 >/dev/null
done
iscsiadm -m node -o new -T "$red" -p 10.9.2.2:3261 >/dev/null
refused iscsiadm -m node -T "$red" -p 10.9.2.2:3261 --login

step "a portal goes, the session stays; limits are as negotiated"
expect 2 "$(itadm list-session --json | jq length)" sessions
expect "10.9.1.2:3261 1048576" "$(itadm list-session --json "$red" |
	jq -r '.[0] | "\(.local) \(.negotiated.MaxBurstLength)"')" "portal and MaxBurstLength"
itadm modify-target -t default "$red" >/dev/null
itadm delete-tpg red >/dev/null
dd if="$(disk_of "$red" 0)" of=/dev/null bs=64k count=4 iflag=direct status=none
itadm modify-target --limit MaxBurstLength=65536 --limit HeaderDigest=CRC32C "$red" >/dev/null
iscsiadm -m node -T "$red" -p 10.9.1.2:3261 --logout >/dev/null
iscsiadm -m node -o new -T "$red" -p 127.0.0.1:3260 >/dev/null
refused iscsiadm -m node -T "$red" -p 127.0.0.1:3260 --login
iscsiadm -m node -T "$red" -p 127.0.0.1:3260 -o update \
	-n node.conn[0].iscsi.HeaderDigest -v CRC32C
iscsiadm -m node -T "$red" -p 127.0.0.1:3260 --login >/dev/null
at_exit "iscsiadm -m node -T '$red' -p 127.0.0.1:3260 --logout"
expect "65536 CRC32C" "$(itadm list-session --json "$red" |
	jq -r '.[0].negotiated | "\(.MaxBurstLength) \(.HeaderDigest)"')" "what was negotiated"
