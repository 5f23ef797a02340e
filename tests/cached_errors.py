#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/cached_errors.sh: `cached_errors.py TARGET MOUNTED`.

Block 2048 of LUN 0 can't be written; that is seen when the file system writes it, not when it takes it.
"""

import sys

from blocks import FLUSH_ERROR, FUA, WRITE_ERROR, Blocks, said
from raw_session import GOOD, Session
from steps import expect, run

TARGET, MOUNTED = sys.argv[1:3]
SYNCHRONIZE_CACHE = bytes([0x35])

one, two = Session(TARGET, isid=1), Session(TARGET, isid=2)
mine, theirs = Blocks(one), Blocks(two)
mine.expect_good_write(2048, 1, "a cached write to a bad block")
run("sync", "-f", MOUNTED, good=None)
expect(WRITE_ERROR, said(theirs.write(0, 2, FUA)), "a write with FUA, which meets the error of the other")
expect(FLUSH_ERROR, said(mine.do(SYNCHRONIZE_CACHE)), "SYNCHRONIZE CACHE of who has lost something")
expect(GOOD, said(theirs.write(0, 2, FUA)), "a write with FUA once more")
expect(GOOD, said(mine.do(SYNCHRONIZE_CACHE)), "SYNCHRONIZE CACHE when everybody was told")
one.logout()
two.logout()
