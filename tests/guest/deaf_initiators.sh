#!/usr/bin/env bash
# An initiator that doesn't read its answers, so that nothing can be sent, holds up nobody, and has to go.
# SPDX-License-Identifier: GPL-2.0
. "$COMSTAR_TOP/tests/target.sh"

# Seconds.
patience=5
! is_slow || patience=15
serve
target=$(target_name deaf)
make_target "$target"
other=$(target_name other)
make_target "$other"
itadm modify-target --limit NopInInterval=$patience "$target" >/dev/null
file_lu disk 16M 0
dd if=/dev/urandom of="$WORK/disk" bs=1M count=16 conv=notrunc,fsync status=none
python3 "$COMSTAR_TOP/tests/deaf.py" "$target" "$other" "$GUID" "$WORK/disk" $patience
