#!/usr/bin/env bash
# Two thousand logins a minute leave the latency of a busy session within twice what it was.
# SPDX-License-Identifier: GPL-2.0
# alone
# time-limit: 200
. "$COMSTAR_TOP/tests/target.sh"

RATE=2000 ROUNDS=3 SECONDS_EACH=6
serve
target=$(target_name disk)
make_target "$target"
file_lu disk 64M 0
login "$target"
disk=$(disk_of "$target" 0)

# Reads for some seconds: their mean latency and that of the slowest in a hundred, in microseconds.
latency() {
	fio --name=load --filename="$disk" --direct=1 --ioengine=io_uring --rw=randread --bs=4k --iodepth=8 \
		--time_based --runtime="$SECONDS_EACH" --output-format=json |
		jq -r '.jobs[0].read.clat_ns | "\(.mean / 1000 | floor) \(.percentile."99.000000" / 1000 | floor)"'
}

# median COLUMN FILE
median() { cut -d' ' -f"$1" "$2" | sort -n | sed -n "$(((ROUNDS + 1) / 2))p"; }

latency >/dev/null
for round in $(seq "$ROUNDS"); do
	step "round $round"
	latency >>"$WORK/alone"
	# They begin before the reads and end after them.
	whole=$((SECONDS_EACH + 3))
	begin=${EPOCHREALTIME/./}
	hostile 127.0.0.1:3260 "$target" logins --rate "$RATE" --seconds "$whole" >"$WORK/said" &
	logins=$!
	sleep 1
	latency >>"$WORK/beside"
	wait "$logins" || fail "expected every login to succeed: $(cat "$WORK/said")"
	took=$(((${EPOCHREALTIME/./} - begin) / 1000))
	echo "    $(cat "$WORK/said"), in $took ms"
	# All are made, however late: then the rate was not reached.
	[ "$took" -le $((whole * 1200)) ] ||
		fail "expected $(cat "$WORK/said") within $whole s, took $took ms: is the machine busy?"
done
expect 1 "$(sessions_of "$target")" "sessions at the end"

within() {
	local alone beside
	alone=$(median "$2" "$WORK/alone")
	beside=$(median "$2" "$WORK/beside")
	echo "NOTE: $1: $alone us alone, $beside us with $RATE logins a minute"
	[ "$beside" -le $((2 * alone)) ] || fail "$1: expected $((2 * alone)) us at most, got $beside us"
}
within "mean latency" 1
within "slowest in a hundred" 2
