#!/usr/bin/env bash
# SendTargets lists every target, with the address it was asked at.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
one=$(target_name one)
two=$(target_name two)

found() { iscsiadm -m discovery -t sendtargets -p "$1" | sort; }

make_target "$one"
expect "127.0.0.1:3260,1 $one" "$(found 127.0.0.1)" "discovery of one target over IPv4"

make_target "$two"
expect "127.0.0.1:3260,1 $one
127.0.0.1:3260,1 $two" "$(found 127.0.0.1)" "discovery of two targets over IPv4"
expect "[::1]:3260,1 $one
[::1]:3260,1 $two" "$(found '[::1]')" "discovery of two targets over IPv6"

itadm delete-target -f "$one"
expect "127.0.0.1:3260,1 $two" "$(found 127.0.0.1)" "discovery after a target was deleted"
iscsiadm -m node -o delete || true
