#!/usr/bin/env bash
# What happens is told to whoever listens, in order; who is too slow is told that events were lost.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/initiator.sh"

serve
ynl=$COMSTAR_KERNEL_SOURCE/tools/net/ynl/pyynl
spec=$COMSTAR_TOP/Documentation/netlink/specs/stmf.yaml

stmfadm monitor --json >"$WORK/events" &
monitor=$!
at_exit "kill $monitor 2>/dev/null; kill -CONT $monitor 2>/dev/null"
python3 -u "$ynl/cli.py" --output-json --no-schema --spec "$spec" --subscribe events \
	>"$WORK/ynl" 2>&1 &
at_exit "kill $! 2>/dev/null"
# A group is seen once the listener is there.
stmfadm create-hg G
at_exit "stmfadm delete-hg G 2>/dev/null"
heard() { [ -s "$WORK/events" ] && [ -s "$WORK/ynl" ]; }
listening() {
	stmfadm add-hg-member -g G "$(host z)"
	stmfadm remove-hg-member -g G "$(host z)"
	heard
}
wait_for listening
# What it was woken for may be on its way.
still() {
	seen=$(wc -l <"$WORK/events")
	sleep 1
	[ "$(wc -l <"$WORK/events")" = "$seen" ]
}
wait_for still

step "an LU, a target and a session come and go"
target=$(target_name events)
file_lu disk 16M 0
make_target "$target"
connect a a "$target"
disconnect a
idle() { [ "$(sessions_of "$target")" = 0 ]; }
wait_for idle
stmfadm offline-lu "$GUID"
stmfadm offline-target "$target"
itadm delete-target "$target"
stmfadm delete-lu "$GUID"
expected="lu-added
lu-state online
views-changed
target-added
target-state onlining
target-state online
session-begun
session-ended
lu-state offlining
lu-state offline
target-state offlining
target-state offline
target-removed
lu-removed"
complete() { tail -n "+$((seen + 1))" "$WORK/events" | finds lu-removed; }
wait_for complete
got=$(tail -n "+$((seen + 1))" "$WORK/events" | jq -r '[.event, .state // empty] | join(" ")')
diff <(echo "$expected") <(head -n 14 <<<"$got") || fail "expected the events above (<)"
lines=0
while read -r line; do
	lines=$((lines + 1))
	echo "$line" >"$WORK/event.$lines"
	echo "stmfadm monitor 0 $WORK/event.$lines"
done <"$WORK/events" >"$WORK/all"
python3 "$COMSTAR_TOP/tests/json_schema.py" "$COMSTAR_TOP/Documentation/json" <"$WORK/all" ||
	fail "expected what the schema says"
expect "$(host a)" "$(jq -r 'select(.event == "session-begun").initiator' "$WORK/events")" "initiator"
expect "$GUID" "$(jq -r 'select(.event == "lu-added").lu' "$WORK/events")" "GUID of the LU"

step "the kernel's own tool hears them too"
ynl_heard() { grep -q session-begun "$WORK/ynl"; }
wait_for ynl_heard

step "a listener that doesn't listen loses events, is told so, and holds nobody up"
kill -STOP "$monitor"
SECONDS=0
python3 - "$ynl" "$spec" "$(host z)" <<'END'
import sys
sys.path.append(sys.argv[1])
from lib import YnlFamily
ynl = YnlFamily(sys.argv[2], schema="")
member = {"kind": "host", "group": "G", "name": sys.argv[3]}
for _ in range(600):
    ynl.do("group-member-add", member)
    ynl.do("group-member-remove", member)
END
kill -CONT "$monitor"
lost() { grep -q '"lost"' "$WORK/events"; }
wait_for lost
echo "1200 changes in $SECONDS s"

step "and goes on"
before=$(wc -l <"$WORK/events")
more() { stmfadm add-hg-member -g G "$(host z)" && [ "$(wc -l <"$WORK/events")" -gt "$before" ]; }
wait_for more
