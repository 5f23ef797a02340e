#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/no_more_threads.sh: `no_more_threads.py TARGET DIRECTORY`.

LUNs 0 and 2 are files in the file system that is mounted at DIRECTORY, and LUN 1 is somewhere else.
"""

import contextlib
import pathlib
import sys

from blocks import Blocks, pattern, said
from fail_nth import allow, mark, one_in
from raw_session import GOOD, Session
from steps import GIVEN_UP, expect, fail, run, timed, tried, wait_executing

TARGET, DIRECTORY = sys.argv[1:]
KTHREADD = 2  # Which starts all others.
COMPARE_AND_WRITE = b"\x89" + bytes(12) + b"\x08\0\0"  # Of the first eight blocks.
WRITES = 48  # To each disk; more than the kernel keeps workers without work.


def workers():
    """How many workers a disk's file keeps."""
    count = 0
    for path in pathlib.Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            count += path.read_text(encoding="ascii").endswith("+stmf_file\n")
    return count


@contextlib.contextmanager
def frozen():
    """Meanwhile who writes to the file system waits."""
    run("fsfreeze", "-f", DIRECTORY)
    try:
        yield
    finally:
        run("fsfreeze", "-u", DIRECTORY)


@contextlib.contextmanager
def no_more_threads():
    """Meanwhile the kernel starts no thread of its own."""
    allow()
    mark(KTHREADD)
    try:
        with one_in(1):
            yield
    finally:
        mark(KTHREADD, False)


session = Session(TARGET, isid=1)
stuck = [Blocks(session, lun) for lun in (0, 2)]
steady = Blocks(Session(TARGET, isid=2), lun=1)
steady.expect_good_write(0, 1, "before")

with frozen(), no_more_threads():
    waiting = [session.write(8 * number, pattern(number), lun=disk.lun) for number in range(WRITES) for disk in stuck]
    wait_executing(len(waiting))
    for number in range(2, 12):
        # Each waits for a worker of all disks, which looks and writes.
        tag = steady.session.start(COMPARE_AND_WRITE, write=pattern(number - 1) + pattern(number), lun=steady.lun)
        answer = timed("COMPARE AND WRITE", lambda tag=tag: steady.session.answer(tag), GIVEN_UP)
        expect(GOOD, answer and said(answer), "COMPARE AND WRITE")
    if (have := workers()) >= len(waiting):
        fail(f"expected the {len(waiting)} writes to wait for workers that there aren't, there are {have}")
    print(f"    {have} workers, and {len(waiting)} writes that want one", flush=True)
for tag in waiting:
    answer = session.answer(tag)
    expect(GOOD, answer and said(answer), "a write when threads can be started again")
steady.expect_written(0, 11, "afterwards")
tried(10, "a command that waits for a worker when no thread can be started")
