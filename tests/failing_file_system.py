#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/failing_file_system.sh:
`failing_file_system.py fails|after TARGET GUID DEVICE BACKING FILE`.

LUN 0, the disk GUID, is a file in a file system on DEVICE, a dm device on BACKING. With `fails` that stands still for a
while, and then fails at everything; what was acknowledged is kept in FILE. With `after` the device and the file system
are well again.
"""

import sys

from blocks import WRITE_ERROR, Blocks, Written, said
from raw_session import ABORT_TASK, BUSY, GOOD, REJECTED, Session
from steps import GIVEN_UP, become, expect, expect_stages, fail, held, run, timed, tried

WHAT, TARGET, GUID, DEVICE, BACKING, FILE = sys.argv[1:7]
SYNCHRONIZE_CACHE = bytes([0x35])
WRITE_PROTECTED = (7, 0x27, 0)  # When ext4 has found out before, and lets nobody write any more.


def stands_still(session, written):
    """Commands wait, and can be aborted; then everything goes on."""
    print("== the device below the file system stands still", flush=True)
    with held(DEVICE):
        waiting = session.write(512, bytes(4096), 8)
        expect_stages(GUID, "executing")
        response = timed("ABORT TASK", lambda: session.manage(ABORT_TASK, waiting), GIVEN_UP)
        expect(REJECTED, response, "response to ABORT TASK of a write that may still land")
        expect(GOOD, timed("TEST UNIT READY", lambda: session.do(bytes(6)), GIVEN_UP).status, "TEST UNIT READY")
    while (outcome := written.write(512, 50)) == BUSY:
        pass
    expect(GOOD, outcome, "a write to the same blocks when the device goes on")


def fails(disk, written):
    """What isn't on the medium isn't acknowledged."""
    print("== the device below the file system fails at everything", flush=True)
    become(DEVICE, BACKING, "error", "--nolockfs")
    for number in range(4):
        outcome = written.write(1024 + 8 * number, 60 + number)
        if outcome not in (WRITE_ERROR, WRITE_PROTECTED):
            fail(f"a write with FUA: expected that it fails, or can't be written, got {outcome}")
    outcomes = [said(disk.write(2048 + 8 * number, 70 + number)) for number in range(4)]
    flushed = said(disk.do(SYNCHRONIZE_CACHE))
    if flushed == GOOD and GOOD in outcomes:
        fail(f"expected SYNCHRONIZE CACHE to fail after writes that ended with {outcomes}")
    expect(GOOD, disk.do(bytes([0x12, 0, 0, 0, 36, 0]), read=36).status, "INQUIRY")
    # A file system that has stopped for good is no reason for the disk to stay.
    timed("delete-lu", lambda: run("stmfadm", "delete-lu", "-k", GUID), GIVEN_UP * 2)
    become(DEVICE, BACKING, f"linear {BACKING} 0", "--nolockfs")


def main():
    session = Session(TARGET, isid=1)
    disk = Blocks(session)
    if WHAT == "after":
        written = Written(disk, FILE)
        if written.check("a file system whose device has failed") < 33:
            fail("expected 33 writes to have been acknowledged")
        disk.expect_good_write(4096, 80, "a disk whose file system was mounted again")
        expect(GOOD, said(disk.do(SYNCHRONIZE_CACHE)), "SYNCHRONIZE CACHE")
        disk.expect_written(4096, 80, "a disk whose file system was mounted again")
        tried(1, "the device below a disk's file system stands still, and then fails at everything")
    else:
        written = Written(disk)
        for number in range(32):
            expect(GOOD, written.write(8 * number, 1 + number), "a write with FUA")
        stands_still(session, written)
        fails(disk, written)
        written.save(FILE)
    session.logout()


if __name__ == "__main__":
    main()
