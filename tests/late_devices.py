#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/late_devices.sh: `late_devices.py TARGET NULL SETTINGS DEBUG`.

LUN 0 is on NULL, a null_blk disk with its SETTINGS in configfs; LUN 1 on DEBUG, a scsi_debug disk.
"""

import contextlib
import pathlib
import sys

from blocks import READ_ERROR, WRITE_ERROR, Blocks, said
from raw_session import GOOD, Session
from steps import IS_DEBUG, expect, run, timed, tried

TARGET, NULL, SETTINGS, DEBUG = sys.argv[1:5]
TIMEOUTS = pathlib.Path(SETTINGS, "timeout_inject")
SCSI_DEBUG = pathlib.Path("/sys/bus/pseudo/drivers/scsi_debug")
TIMEOUT_ON_LOGICAL_UNIT = (0x0B, 0x3E, 2)


def put(path, value):
    pathlib.Path(path).write_text(f"{value}\n", encoding="ascii")


@contextlib.contextmanager
def never_answered():
    """Meanwhile null_blk answers no request."""
    put(TIMEOUTS / "times", -1)
    put(TIMEOUTS / "probability", 100)
    try:
        yield
    finally:
        put(TIMEOUTS / "probability", 0)


@contextlib.contextmanager
def forgotten(every):
    """Meanwhile scsi_debug forgets one in so many commands, and Linux aborts it a second later."""
    put(SCSI_DEBUG / "opts", 4)
    put(SCSI_DEBUG / "every_nth", every)
    try:
        yield
    finally:
        put(SCSI_DEBUG / "every_nth", 0)
        put(SCSI_DEBUG / "opts", 0)


one = Session(TARGET, isid=1)
null, debug = Blocks(one, 0), Blocks(one, 1)
for disk in (null, debug):
    for block in (0, 96, 104):
        disk.expect_good_write(block, 1, "a device that works")

print("== null_blk can't read or write some blocks", flush=True)
put(f"{SETTINGS}/badblocks", "+96-103")
expect(READ_ERROR, said(null.read(96)), "a read of them")
expect(WRITE_ERROR, said(null.write(96, 9)), "a write to them")
null.expect_written(104, 1, "the blocks beside them")
put(f"{SETTINGS}/badblocks", "-96-103")
null.expect_written(96, 1, "once they can be read again")
null.works_again("a device with bad blocks")
tried(2, "a block of null_blk that can't be read or written")

if IS_DEBUG or TIMEOUTS.exists():
    print("== null_blk doesn't answer, and Linux gives up after two seconds", flush=True)
    put(f"/sys/block/{pathlib.Path(NULL).name}/queue/io_timeout", 2000)
    with never_answered():
        answer = timed("a read", lambda: null.read(0), 15)
        expect(TIMEOUT_ON_LOGICAL_UNIT, said(answer), "a read")
        answer = timed("a write", lambda: null.write(0, 9), 15)
        expect(TIMEOUT_ON_LOGICAL_UNIT, said(answer), "a write")
        tags = [one.read(8 * block, lun=0) for block in range(32)]
        ends = {said(one.answer(tag, seconds=60)) for tag in tags}
        expect({TIMEOUT_ON_LOGICAL_UNIT}, ends, "32 reads at once")
    null.works_again("a device that has not answered")
    tried(34, "a command that its device never answers, until Linux gives it up")

print("== scsi_debug forgets every tenth command, and Linux sends it again", flush=True)
put(f"/sys/block/{pathlib.Path(DEBUG).name}/device/timeout", 1)
with forgotten(10):
    for block in range(30):
        expect(GOOD, said(debug.write(1024 + 8 * block, block)), f"write {block}")
for block in range(30):
    debug.expect_written(1024 + 8 * block, block, "a device that has forgotten commands")
tried(3, "a command that its device forgets, and that Linux sends again")

print("== scsi_debug is stopped, and started again", flush=True)
run("sg_start", "--stop", DEBUG)
expect(READ_ERROR, said(debug.read(0)), "a read of a disk that is stopped")
expect(WRITE_ERROR, said(debug.write(0, 9)), "a write to a disk that is stopped")
run("sg_start", "--start", DEBUG)
debug.works_again("a disk that was stopped")
tried(1, "a disk that is stopped, and started again")
one.logout()
