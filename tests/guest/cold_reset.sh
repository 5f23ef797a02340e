#!/usr/bin/env bash
# TARGET COLD RESET ends every session of its target, and no other; real initiators come back.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

serve
target=$(target_name cold)
other=$(target_name other)
make_target "$target"
make_target "$other"
file_lu disk 64M 0
login "$target"
disk=$(disk_of "$target" 0)
fio_verify cold "$disk" --rw=randwrite --bs=16k --iodepth=8 --size=32M --rate=4m &
load=$!
sleep 2
python3 "$COMSTAR_TOP/tests/cold_reset.py" "$target" "$other"
wait "$load" || fail "expected the initiator to log in again and go on: $(cat "$WORK/fio.cold")"
expect 1 "$(sessions_of "$target")" "sessions at the end"
tried 1 "a target reset by a TARGET COLD RESET, while it is written to"
