#!/usr/bin/env bash
# A port that comes and goes too often is held offline, until somebody brings it online.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/script.sh"

load_stmf stmf_sbd stmf_script
at_exit unload_stmf
file_lu disk 8M 0
stmfadm monitor --json >"$WORK/events" &
monitor=$!
at_exit "kill $monitor"
TUR='0 00 00 00 00 00 00'

# port PROPERTY: what list-target says of the port.
port() { stmfadm list-target --json "$SCRIPT_TARGET" | jq -r ".[0].$1"; }
# flap: the link goes and comes; says how it is then.
flap() {
	printf 'link down\nlink up\n' >"$WORK/flap"
	cat "$WORK/flap" >&3
	sed -n 2p <&3
}

script_login
at_exit script_logout
ends "$TUR" 'status 02 * 29 00 *'

step "three times in 90 seconds are forgiven"
expect "link up" "$(flap)" "the link after the first time"
ends "$TUR" 'status 02 * 29 00 *'
expect "link up" "$(flap)" "the link after the second time"
expect "online false" "$(port state) $(port held)" "the port"

step "the fourth isn't: the port is held, and has no session"
expect "link held" "$(flap)" "the link"
expect "offline true" "$(port state) $(port held)" "the port"
stmfadm list-target -v "$SCRIPT_TARGET" | finds 'Operational Status *: Offline (forced)' ||
	fail "expected Offline (forced): $(stmfadm list-target -v "$SCRIPT_TARGET")"
expect 0 "$(stmfadm list-target --json "$SCRIPT_TARGET" | jq '.[0].sessions | length')" "sessions"
rejects "$TUR"
expect "link held" "$(flap)" "the link when it tries once more"
told() { jq -c --arg port "$SCRIPT_TARGET" 'select(.target == $port and .held)' "$WORK/events" | finds .; }
wait_for told

step "until somebody brings it online"
stmfadm online-target "$SCRIPT_TARGET"
expect "online false" "$(port state) $(port held)" "the port"
ends "$TUR" 'status 02 * 29 00 *'
ends "$TUR" 'status 00'
