#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/late_devices.sh: `late_devices.py TARGET NULL SETTINGS DEBUG`.

LUN 0 is on NULL, a null_blk disk with its SETTINGS in configfs; LUN 1 on DEBUG, a scsi_debug disk.
"""

import contextlib
import pathlib
import sys

from raw_session import GOOD, Session
from steps import expect, fail, run, timed, tried

TARGET, NULL, SETTINGS, DEBUG = sys.argv[1:5]
TIMEOUTS = pathlib.Path(SETTINGS, "timeout_inject")
SCSI_DEBUG = pathlib.Path("/sys/bus/pseudo/drivers/scsi_debug")
READ_ERROR, WRITE_ERROR = (3, 0x11, 0), (3, 0x0C, 0)
TIMEOUT_ON_LOGICAL_UNIT = (0x0B, 0x3E, 2)


def put(path, value):
    pathlib.Path(path).write_text(f"{value}\n", encoding="ascii")


def pattern(number):
    """What nobody else writes, of 4 KiB."""
    return number.to_bytes(8, "big") * 512


def said(answer):
    """How a command ended: its sense data, or the status that went without."""
    return answer.code or answer.status


def read(lba, lun):
    return one.answer(one.read(lba, lun=lun), seconds=60)


def write(lba, number, lun):
    return one.answer(one.write(lba, pattern(number), lun=lun), seconds=60)


def expect_written(lba, number, what, lun):
    answer = read(lba, lun)
    expect(GOOD, said(answer), f"{what}: a read at {lba}")
    if answer.data != pattern(number):
        fail(f"{what}: expected what was written at {lba}, got {answer.data[:16].hex()}...")


def works_again(what, lun):
    """So it does by itself."""
    expect_written(0, 1, what, lun)
    expect(GOOD, said(write(8, 2, lun)), f"{what}: a write")
    expect(GOOD, said(one.do(bytes([0x35]), lun=lun)), f"{what}: SYNCHRONIZE CACHE")
    expect_written(8, 2, what, lun)


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
    """Meanwhile scsi_debug forgets every so-manieth command, and Linux aborts it a second later."""
    put(SCSI_DEBUG / "opts", 4)
    put(SCSI_DEBUG / "every_nth", every)
    try:
        yield
    finally:
        put(SCSI_DEBUG / "every_nth", 0)
        put(SCSI_DEBUG / "opts", 0)


one = Session(TARGET, isid=1)
for unit in range(2):
    one.clear_attentions(unit)
    for block in (0, 96, 104):
        expect(GOOD, said(write(block, 1, unit)), "a write")

print("== null_blk can't read or write some blocks", flush=True)
put(f"{SETTINGS}/badblocks", "+96-103")
expect(READ_ERROR, said(read(96, 0)), "a read of them")
expect(WRITE_ERROR, said(write(96, 9, 0)), "a write to them")
expect_written(104, 1, "the blocks beside them", 0)
put(f"{SETTINGS}/badblocks", "-96-103")
expect_written(96, 1, "once they can be read again", 0)
works_again("a device with bad blocks", 0)
tried(2, "a block of null_blk that can't be read or written")

if TIMEOUTS.exists():
    print("== null_blk doesn't answer, and Linux gives up after two seconds", flush=True)
    put(f"/sys/block/{pathlib.Path(NULL).name}/queue/io_timeout", 2000)
    with never_answered():
        answer = timed("a read", lambda: read(0, 0), 15)
        expect(TIMEOUT_ON_LOGICAL_UNIT, said(answer), "a read")
        answer = timed("a write", lambda: write(0, 9, 0), 15)
        expect(TIMEOUT_ON_LOGICAL_UNIT, said(answer), "a write")
        tags = [one.read(8 * block, lun=0) for block in range(32)]
        ends = {said(one.answer(tag, seconds=60)) for tag in tags}
        expect({TIMEOUT_ON_LOGICAL_UNIT}, ends, "32 reads at once")
    works_again("a device that has not answered", 0)
    tried(34, "a command that its device never answers, until Linux gives it up")

print("== scsi_debug forgets every tenth command, and Linux sends it again", flush=True)
put(f"/sys/block/{pathlib.Path(DEBUG).name}/device/timeout", 1)
with forgotten(10):
    for block in range(30):
        expect(GOOD, said(write(1024 + 8 * block, block, 1)), f"write {block}")
for block in range(30):
    expect_written(1024 + 8 * block, block, "a device that has forgotten commands", 1)
tried(3, "a command that its device forgets, and that Linux sends again")

print("== scsi_debug is stopped, and started again", flush=True)
run("sg_start", "--stop", DEBUG)
expect(READ_ERROR, said(read(0, 1)), "a read of a disk that is stopped")
expect(WRITE_ERROR, said(write(0, 9, 1)), "a write to a disk that is stopped")
run("sg_start", "--start", DEBUG)
works_again("a disk that was stopped", 1)
tried(1, "a disk that is stopped, and started again")
one.logout()
