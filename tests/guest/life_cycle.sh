#!/usr/bin/env bash
# Whatever is taken away under load, and comes back, in any order: in time, and without a wrong block.
# SPDX-License-Identifier: GPL-2.0
# alone
# time-limit: 300
. "$COMSTAR_TOP/tests/eight_sessions.sh"

seed=${SEED:-$RANDOM} rounds=${ROUNDS:-1}
echo "SEED=$seed ROUNDS=$rounds"
make_eight_sessions
python3 "$COMSTAR_TOP/tests/life_cycle.py" "$seed" "$rounds" "$WORK" "${targets[*]}" "${guids[*]}"
