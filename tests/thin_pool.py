#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/thin_pool.sh: `thin_pool.py TARGET CHUNKS`: so many chunks of 64 KiB has the pool."""

import struct
import sys
import time

from blocks import Blocks, said
from raw_session import GOOD, Session
from steps import expect, fail, run, tried

TARGET, CHUNKS = sys.argv[1], int(sys.argv[2])
CHUNK = 128  # Blocks.
NO_SPACE = (7, 0x27, 7)  # DATA PROTECT, SPACE ALLOCATION FAILED WRITE PROTECT.

one = Session(TARGET, isid=1)
disk = Blocks(one)

print("== the pool is written full", flush=True)
written = 0
while (outcome := said(disk.write(written * CHUNK, written))) == GOOD:
    written += 1
    if written > CHUNKS:
        fail(f"expected no more than {CHUNKS} chunks to have space")
expect(NO_SPACE, outcome, f"a write for which there is no space, the one of chunk {written}")
if written < CHUNKS // 2:
    fail(f"expected the pool to have space for about {CHUNKS} chunks, it was full after {written}")
for chunk in range(written):
    disk.expect_written(chunk * CHUNK, chunk, "a full pool")
disk.expect_good_write(8, 1, "what has space already")
expect(NO_SPACE, said(disk.write(written * CHUNK, written)), "a write for which there is no space, once more")

print("== what is unmapped gives space to others", flush=True)
gone = struct.pack(">HHIQII", 22, 16, 0, 16 * CHUNK, 16 * CHUNK, 0)
expect(GOOD, said(disk.do(bytes([0x42, 0, 0, 0, 0, 0, 0, 0, len(gone), 0]), write=gone)), "UNMAP")
# The pool counts what was freed when its transaction ends, for which a full one waits until it is asked.
run("dmsetup", "status", "pool")
end = time.monotonic() + 20
while (outcome := said(disk.write(written * CHUNK, written))) != GOOD and time.monotonic() < end:
    time.sleep(0.5)
expect(GOOD, outcome, "the same write, within 20 s")
disk.expect_written(written * CHUNK, written, "a pool that has space again")
disk.expect_written(16 * CHUNK, 0, "what was unmapped")
disk.expect_written(15 * CHUNK, 15, "what wasn't")
one.logout()
tried(2, "a write to a thin device whose pool is full")
