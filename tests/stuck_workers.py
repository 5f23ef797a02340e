#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/stuck_workers.sh: `stuck_workers.py TARGET GUID DEVICE`.

LUN 0, the disk GUID, is a file in a file system on DEVICE, a dm device, and LUN 1 is somewhere else.
"""

from collections import Counter
import itertools
import pathlib
import struct
import sys
import time

from blocks import Blocks, said
from raw_session import BUSY, GOOD, Session
from steps import GIVEN_UP, bound, expect, expect_stages, fail, held, timed, tried

TARGET, GUID, DEVICE = sys.argv[1:4]
COMMANDS = 300  # More than there are workers.
END = 16 << 11  # In blocks.


def compare_and_write(lba):
    """Of zeros by zeros."""
    return {"cdb": struct.pack(">BBQIBB", 0x89, 0, lba, 1, 0, 0), "write": bytes(1024)}


def get_lba_status(lba):
    return {"cdb": struct.pack(">BBQIH", 0x9E, 0x12, lba, 24, 0), "read": 24}


def workers():
    """How many workers that all disks have in common are at work."""
    count = 0
    for path in pathlib.Path("/proc").glob("[0-9]*/comm"):
        try:
            count += path.read_text(encoding="ascii").endswith("+stmf_sbd\n")
        except OSError:
            pass  # It has ended.
    return count


def stand_still(what, command):
    """Many such commands on the disk that stands still are refused but for some, and the other disk is as quick as
    ever; gives those that wait."""
    started = [(session, session.start(**command(END - 16 * (number + 1))))
               for number, session in zip(range(COMMANDS), itertools.cycle(sessions))]
    busy = max(workers() for _ in range(3))
    print(f"    {busy} workers at work", flush=True)
    if busy > 8:
        fail(f"{what}: expected a few workers to be at work, {busy} are")
    quick = timed(f"COMPARE AND WRITE of another disk beside {COMMANDS} {what}",
                  lambda: steady.do(**compare_and_write(0)), GIVEN_UP)
    expect(GOOD, said(quick), "COMPARE AND WRITE of another disk")
    end = time.monotonic() + bound(6)
    for session, tag in started:
        session.answer(tag, max(end - time.monotonic(), 0.1))
    waiting = [(session, tag) for session, tag in started if session.answers[tag].status is None]
    ends = Counter(said(session.answers[tag]) for session, tag in started)
    if ends[BUSY] < COMMANDS / 2 or len(waiting) > 10:
        fail(f"{what}: expected most of {COMMANDS} to be refused with BUSY, and few to wait, got {ends}")
    return waiting


sessions = [Session(TARGET, isid=isid) for isid in range(3)]
disk, *_ = [Blocks(session) for session in sessions]
steady = Blocks(Session(TARGET, isid=9), lun=1)

print("== the file system reads where the blocks are", flush=True)
with held(DEVICE):
    waiting = stand_still("GET LBA STATUS", get_lba_status)
if not waiting:
    fail("expected some GET LBA STATUS to wait for the file system")
for session, tag in waiting:
    expect(GOOD, said(session.answer(tag)), "GET LBA STATUS when the device goes on")

print("== a command is under way that those that have to be alone wait for", flush=True)
# What has never been written isn't read from the device.
disk.expect_good_write(0, 1, "a device that works")
with held(DEVICE):
    read = disk.session.read(0)
    expect_stages(GUID, "executing")
    expect([], stand_still("COMPARE AND WRITE", compare_and_write), "COMPARE AND WRITE that wait")
expect(GOOD, said(disk.session.answer(read)), "the READ when the device goes on")
expect(GOOD, said(disk.do(**compare_and_write(END - 16))), "COMPARE AND WRITE when the device goes on")
tried(2, "a disk that stands still, beside one that doesn't")
