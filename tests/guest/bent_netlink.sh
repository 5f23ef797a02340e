#!/usr/bin/env bash
# Cut and bent netlink messages, 40,000 of them, with two administrators at work, leave the state as it was.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 240
. "$COMSTAR_TOP/tests/target.sh"

count=${MESSAGES:-40000} seed=${SEED:-$RANDOM}
echo "SEED=$seed"
load_stmf stmf_sbd stmf_iscsi stmf_loopback
at_exit unload_stmf
make_target "$(target_name bent)"
file_lu disk 16M 3 -p alias=kept
stmfadm create-hg kept
at_exit "stmfadm delete-hg kept"
stmfadm add-hg-member -g kept "$INITIATOR"

# An administrator: makes and removes a group of its own, until $WORK/end is there.
administer() {
	local rounds=0
	until [ -e "$WORK/end" ]; do
		stmfadm create-hg "$1" || return
		stmfadm add-hg-member -g "$1" "iqn.2026-11.test:$1" || return
		stmfadm list-hg --json >"$WORK/seen.$1" || return
		# Never without what stays, whatever the other one does.
		jq -e '[.[].name] | contains(["kept"])' "$WORK/seen.$1" >/dev/null || return
		stmfadm delete-hg "$1" || return
		rounds=$((rounds + 1))
	done
	echo "    $1: $rounds rounds"
	[ "$rounds" -gt 0 ]
}

configuration >"$WORK/before"

step "flawed messages of root, while two administrators change and list"
administer one &
one=$!
administer two &
two=$!
python3 "$COMSTAR_TOP/tests/bent_netlink.py" flawed $((count * 6 / 10)) "$seed" ||
	fail "expected an answer to each message"
touch "$WORK/end"
wait "$one" || fail "expected the first administrator to succeed throughout"
wait "$two" || fail "expected the second administrator to succeed throughout"
configuration >"$WORK/after"
diff "$WORK/before" "$WORK/after" || fail "expected the state as it was"

step "any messages of somebody without privilege"
chmod 755 "$WORK"
install -m 644 "$COMSTAR_TOP/tests/bent_netlink.py" "$WORK/bent.py"
(cd / && setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all \
	--bounding-set=-all python3 "$WORK/bent.py" any $((count * 4 / 10)) "$((seed + 1))") ||
	fail "expected an answer to each message"
configuration >"$WORK/after"
diff "$WORK/before" "$WORK/after" || fail "expected the state as it was"
tried "$count" "a netlink message cut or bent, beside two administrators"
