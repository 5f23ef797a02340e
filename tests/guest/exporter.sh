#!/usr/bin/env bash
# Prometheus is told what was counted, by a program without any privilege.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name scraped)
make_target "$target"
file_lu disk 32M 0 -p alias=mail
login "$target"
disk=$(disk_of "$target" 0)
keep_udev_still
as_nobody stmf-exporter --nexuses >"$WORK/log" 2>&1 &
exporter=$!
at_exit "kill $exporter 2>/dev/null"

# page: what a scrape gets; value SAMPLE: a value in it.
page() { python3 "$COMSTAR_TOP/tests/scrape.py" http://127.0.0.1:9896/metrics; }
value() { page | awk -v sample="$1" 'index($0, sample " ") == 1 { print $NF }'; }
wait_for page

step "it counts as stmfadm does"
expect 1 "$(value stmf_up)" "the framework answers"
expect 1 "$(value "stmf_lu_online{lu=\"$GUID\",alias=\"mail\",provider=\"sbd\"}")" "the LU is online"
expect 1 "$(value "stmf_target_sessions{target=\"$target\"}")" "sessions"
dd if=/dev/zero of="$disk" bs=1M count=8 oflag=direct status=none
written=$(stmfadm stats --json "$GUID" | jq '.[0].written_bytes')
[ "$written" -ge $((8 << 20)) ] || fail "expected 8 MiB written, stats has $written bytes"
for labels in "lu_bytes_total{lu=\"$GUID\"" "target_bytes_total{target=\"$target\""; do
	expect "$written" "$(value "stmf_$labels,direction=\"write\"}")" "stmf_$labels"
done
session=$(stmfadm stats --by nexus --json "$GUID" | jq '.[0].session')
labels="lu=\"$GUID\",target=\"$target\",initiator=\"$INITIATOR\",session=\"$session\",lun=\"0\""
expect "$written" "$(value "stmf_nexus_bytes_total{$labels,direction=\"write\"}")" "of the session"
all=$(stmfadm stats --json "$GUID" | jq '.[0] | .reads + .writes + .others')
for end in 'bucket{PHASE,le="+Inf"}' 'count{PHASE}'; do
	sample="stmf_lu_seconds_${end/PHASE/lu=\"$GUID\",phase=\"device\"}"
	expect "$all" "$(value "$sample")" "$sample"
done

step "one who reads slowly, or nothing, holds nobody up"
for _ in 1 2 3; do
	exec {slow}<>/dev/tcp/127.0.0.1/9896
	printf 'GET /metrics HTTP/1.1\r\n' >&"$slow"
done
for _ in {1..5}; do page >/dev/null || fail "expected a scrape beside slow ones"; done

step "what it doesn't have"
for path in /nothing /metrics/..; do
	python3 "$COMSTAR_TOP/tests/scrape.py" "http://127.0.0.1:9896$path" 2>/dev/null &&
		fail "expected no page at $path"
done
refused as_nobody stmf-exporter --listen 127.0.0.1:9896
refused as_nobody stmf-exporter --listen nowhere

step "without the framework it says so, and when it is back, too"
iscsiadm -m node -T "$target" --logout >/dev/null
itadm delete-target -f "$target"
stmfadm delete-lu "$GUID"
unload_stmf
expect 0 "$(value stmf_up)" "the framework is gone"
load_stmf stmf_sbd stmf_iscsi
expect 1 "$(value stmf_up)" "the framework is back"

step "without file descriptors it ends, to be started anew, and doesn't stay without answering"
take_all() {
	local _ slow
	for _ in {1..40}; do exec {slow}<>/dev/tcp/127.0.0.1/9897; done
	sleep 60
}
listens() { python3 "$COMSTAR_TOP/tests/scrape.py" http://127.0.0.1:9897/metrics; }
ended() { ! kill -0 "$few" 2>/dev/null; }
# A connection needs two: the first that is missing is either.
for limit in 24 25; do
	(ulimit -n "$limit" && exec stmf-exporter --listen 127.0.0.1:9897) 2>/dev/null &
	few=$!
	at_exit "kill $few 2>/dev/null"
	wait_for listens
	take_all 2>/dev/null &
	taker=$!
	at_exit "kill $taker 2>/dev/null"
	wait_for ended
	if wait "$few"; then fail "$limit descriptors: expected it to end with a failure"; fi
	kill "$taker" 2>/dev/null || true
done
