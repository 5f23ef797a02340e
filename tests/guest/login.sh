#!/usr/bin/env bash
# An initiator logs in and out over IPv4 and IPv6, and is listed meanwhile.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name disk)
make_target "$target"
file_lu disk 16M 0


for portal in 127.0.0.1:3260 '[::1]:3260'; do
	step "$portal"
	login "$target" "$portal"
	expect 1 "$(sessions_of "$target")" "sessions while logged in at $portal"
	stmfadm list-target -v "$target" | finds "Initiator: $INITIATOR" ||
		fail "expected the initiator's name in list-target -v"
	disk=$(disk_of "$target" 0)
	expect $((16 * 1024 * 1024)) "$(blockdev --getsize64 "$disk")" "size of $disk"
	logout "$target" "$portal"
	wait_for has_sessions "$target" 0
done

step "a name that is no target"
iscsiadm -m node -o new -T iqn.2026-11.test:nobody -p 127.0.0.1:3260 >/dev/null
at_exit "iscsiadm -m node -T iqn.2026-11.test:nobody -o delete"
out=$(iscsiadm -m node -T iqn.2026-11.test:nobody -p 127.0.0.1:3260 --login 2>&1) &&
	fail "expected login to an unknown target to be refused"
[[ $out == *"not found"* || $out == *"login failed"* || $out == *"Could not log"* ]] ||
	fail "expected a login error, got: $out"
