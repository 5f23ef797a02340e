#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/cached_errors.sh: `cached_errors.py TARGET MOUNTED GUID LOOP`.

Block 2048 of LUN 0 can't be written; that is seen when the file system writes it, not when it takes it.
"""

import sys

from blocks import FLUSH_ERROR, FUA, WRITE_ERROR, Blocks, said
from raw_session import GOOD, Session
from steps import HEAD_SECTORS, become, expect, expect_stages, held, run

TARGET, MOUNTED, GUID = sys.argv[1:4]
SYNCHRONIZE_CACHE = bytes([0x35])


def lose(who):
    mine.expect_good_write(2048, 1, f"a cached write to a bad block, before {who} comes")
    run("sync", "-f", MOUNTED, good=None)


def expect_told_once():
    """Each of the two is: one initiator's sessions, who ask within a minute."""
    for who in mine, theirs:
        expect(FLUSH_ERROR, said(who.do(SYNCHRONIZE_CACHE)), "SYNCHRONIZE CACHE after something was lost")
        expect(GOOD, said(who.do(SYNCHRONIZE_CACHE)), "SYNCHRONIZE CACHE when it was told")


one, two = Session(TARGET, isid=1), Session(TARGET, isid=2)
mine, theirs = Blocks(one), Blocks(two)

lose("a durable write")
expect(WRITE_ERROR, said(theirs.write(0, 2, FUA)), "a write with FUA, which meets the error of the other")
expect_told_once()
expect(GOOD, said(theirs.write(0, 2, FUA)), "a write with FUA once more")

lose("who writes metadata, in the head of the same file")
run("stmfadm", "modify-lu", "-p", "alias=changed", GUID, good=None)
expect_told_once()

print("== whose metadata are written may be the first who has it written, too", flush=True)
mine.expect_good_write(2048, 1, "a cached write to a bad block")
run("stmfadm", "modify-lu", "-p", "alias=changed again", GUID, good=None)
expect_told_once()

print("== two flushes at once are both told", flush=True)
mine.expect_good_write(2048, 1, "a cached write to a bad block")
with held("cached"):
    flushes = one.start(SYNCHRONIZE_CACHE), two.start(SYNCHRONIZE_CACHE)
    expect_stages(GUID, "executing", "executing")
for session, flush in zip((one, two), flushes):
    expect(FLUSH_ERROR, said(session.answer(flush)), "SYNCHRONIZE CACHE beside another")
for who in mine, theirs:
    # Each may have met the error of its own, or heard of the other's.
    who.do(SYNCHRONIZE_CACHE)
    expect(GOOD, said(who.do(SYNCHRONIZE_CACHE)), "SYNCHRONIZE CACHE when everybody was told")
print("== the file system can't flush its device, for one of them or for metadata", flush=True)
LOOP = sys.argv[4]


def fail_flushes(work):
    """Does something while the device flushes nothing, but can be written to wherever there is something."""
    become("cached", LOOP, f"linear {LOOP} 0", "--nolockfs")
    mine.expect_good_write(4096, 3, "a write")
    run("sync", "-f", MOUNTED, good=None)
    end = int(run("blockdev", "--getsz", LOOP)) - HEAD_SECTORS
    become("cached", LOOP, f"linear {LOOP} 0", "--nolockfs", tail=f"flakey {LOOP} {end} 0 600 1 error_writes")
    work()
    become("cached", LOOP, f"linear {LOOP} 0", "--nolockfs")


fail_flushes(lambda: expect(WRITE_ERROR, said(theirs.write(0, 2, FUA)), "a write with FUA"))
expect_told_once()
fail_flushes(lambda: run("stmfadm", "modify-lu", "-p", "alias=lost", GUID, good=False))
expect_told_once()
one.logout()
two.logout()
