#!/usr/bin/env bash
# What stmfadm stats counts, of logical units, targets and sessions, is what was done.
# SPDX-License-Identifier: GPL-2.0
# alone
. "$COMSTAR_TOP/tests/target.sh"

serve
load_stmf stmf_loopback
target=$(target_name counted)
make_target "$target"
patient_targets
held_lu 0
python3 "$COMSTAR_TOP/tests/statistics.py" "$target" "$GUID" "$HELD"

step "who has read enough of the intervals ends them"
timeout 10 stmfadm stats --interval 0.2 | head -n 2 | finds 'READS/s' ||
	fail "expected stats to end with the pipe"

step "two CPUs at once, over the local bus: every byte is counted, and no look sees half of a command"
keep_udev_still
loop_target
disk=$(loop_disk "$LOOP_HOST" 0)
stats() { stmfadm stats --json "$GUID" | jq -r "$1"; }
totals() { stats '.[0] | "\(.read_bytes) \(.written_bytes)"'; }
# The kernel looks for partitions.
still() {
	before=$(totals)
	sleep 1
	[ "$(totals)" = "$before" ]
}
wait_for still
cd "$WORK" # fio leaves a file.
fio --name=count --filename="$disk" --direct=1 --ioengine=libaio --iodepth=8 --numjobs=2 --rw=randrw \
	--bsrange=512-32k --size=32M --time_based --runtime=60 --output-format=json \
	--output="$WORK/fio.json" &
fio=$!
has_work() { [ "$(stats '.[0].depth')" -gt 0 ]; }
wait_for has_work
for _ in {1..20}; do stmfadm stats --json >>"$WORK/looks"; done
kill -INT "$fio"
wait "$fio" || [ $? = 128 ] || fail "fio: expected it to end when it is told to"
sed -i '1,/^fio: /d' "$WORK/fio.json"
torn=$(jq -c '.[] | select((.reads + .writes + .others) as $n | [.port, .queue, .device] |
	any((.histogram | add) != $n))' "$WORK/looks")
expect "" "$torn" "looks whose histograms have more or fewer commands than were counted"
read -r read_before written_before <<<"$before"
read -r read_now written_now < <(totals)
expect "$(jq '[.jobs[].read.io_bytes] | add' "$WORK/fio.json")" "$((read_now - read_before))" \
	"bytes read"
expect "$(jq '[.jobs[].write.io_bytes] | add' "$WORK/fio.json")" \
	"$((written_now - written_before))" "bytes written"
stmfadm stats --by nexus -v "$GUID" | grep -A20 "Target *: $LOOP_TARGET"
