#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/stacked_flush.sh: `stacked_flush.py TARGET DEVICE BACKING`; the disk is on a device on DEVICE."""

import sys

from blocks import FLUSH_ERROR, FUA, WRITE_ERROR, Blocks, said
from raw_session import GOOD, Session
from steps import become, expect, tried

TARGET, DEVICE, BACKING = sys.argv[1:]
SYNCHRONIZE_CACHE = bytes([0x35, 0])

one, two = (Blocks(Session(TARGET, f"iqn.2024-01.test:{name}", isid=1)) for name in ("one", "two"))
one.expect_good_write(0, 1, "a device that works")

print("== a write with FUA fails, and with it what another has written", flush=True)
become(DEVICE, BACKING, f"flakey {BACKING} 0 0 600 1 error_writes")
expect(WRITE_ERROR, said(two.write(8, 2, FUA)), "a write with FUA")
become(DEVICE, BACKING, f"linear {BACKING} 0")
for who in one, two:
    expect(FLUSH_ERROR, said(who.do(SYNCHRONIZE_CACHE)), "SYNCHRONIZE CACHE after that")
    expect(GOOD, said(who.do(SYNCHRONIZE_CACHE)), "the next one")
one.works_again("a device that works again")
tried(1, "a flush that fails below a stacked device, by a write with FUA")
for who in one, two:
    who.session.logout()
