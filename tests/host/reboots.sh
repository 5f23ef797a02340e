#!/usr/bin/env bash
# What was acknowledged outlives a restart of the machine, flushed or not.
# SPDX-License-Identifier: GPL-2.0
# time-limit: 240
set -euo pipefail

"$COMSTAR_TOP/tests/power/cuts.py" --reboots --cuts 2 --seed "$RANDOM"
