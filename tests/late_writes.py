#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/late_writes.sh: `late_writes.py TARGET GUID BACKING`.

The LU is on the dm device `late` on BACKING, which is given delays for its writes.
"""

import sys
import time

from raw_session import (ABORT_TASK, ABORT_TASK_SET, BUSY, CLEAR_TASK_SET, COMPLETE, GOOD, LUN_RESET,
                         NOBODY, REJECTED, TARGET_WARM_RESET, Session)
from steps import (GIVEN_UP, bound, delay_writes, expect, expect_stages, fail, timed, wait_executing,
                   writes_done)

TARGET, GUID, BACKING = sys.argv[1:4]


def delay(seconds):
    """From here on a write takes so long.  Nothing is in the device now."""
    delay_writes("late", BACKING, seconds)


def content(session):
    """The block, by who shall see it."""
    answer = session.answer(session.read(0))
    expect(GOOD, answer.status, "status of a read")
    return chr(answer.data[0])


def write(session, letter, patience=0):
    """Writes the block, again while it is BUSY; says how often it was."""
    busy, end = 0, time.monotonic() + patience
    while True:
        answer = session.answer(session.write(0, letter.encode() * 4096))
        if answer.status != BUSY or time.monotonic() > end:
            expect(GOOD, answer.status, f"status of the write of {letter}")
            return busy
        busy += 1
        time.sleep(0.1)


def login(name, isid):
    session = Session(TARGET, name=f"iqn.2024-01.test:{name}", isid=isid)
    session.clear_attentions()
    return session


one, two = login("one", 1), login("two", 2)

print("== writes that come down in 2.5 s: the answer to each function waits for them", flush=True)
delay(2.5)
before, sent = writes_done("/dev/mapper/late"), 0
for function, who, name in ((ABORT_TASK, one, "ABORT TASK"), (ABORT_TASK_SET, one, "ABORT TASK SET"),
                            (CLEAR_TASK_SET, two, "CLEAR TASK SET"), (LUN_RESET, two, "LUN RESET"),
                            (TARGET_WARM_RESET, two, "TARGET WARM RESET")):
    tag = one.write(0, b"A" * 4096)
    wait_executing(1)
    begin = time.monotonic()
    response = who.manage(function, tag if function == ABORT_TASK else NOBODY)
    took = time.monotonic() - begin
    expect(COMPLETE, response, f"response to {name}")
    expect(None, one.answer(tag, 0.5), f"an answer to the write that {name} aborted")
    if not 0.5 < took < bound(5):
        fail(f"{name}: expected its answer when the write is down, 0.5 to {bound(5)} s later, got {took:.1f} s")
    one.clear_attentions()
    two.clear_attentions()
    write(two, "B")
    time.sleep(3)
    expect("B", content(one), f"the block, 3 s after it was written over after {name}")
    sent += 2
expect(sent, writes_done("/dev/mapper/late") - before, "writes that the device has done")

print("== writes that take 12 s: the function fails in time, and nobody overtakes them", flush=True)
delay(12)
tag = one.write(0, b"C" * 4096)
expect_stages(GUID, "executing")
expect(REJECTED, timed("ABORT TASK", lambda: one.manage(ABORT_TASK, tag), GIVEN_UP), "response to ABORT TASK")
expect_stages(GUID, "detached")
if write(two, "D", patience=30) == 0:
    fail("expected BUSY while the aborted write is on its way")
time.sleep(13)
expect("D", content(one), "the block, after both writes")
two.logout()

print("== so does a session that is gone", flush=True)
one.write(0, b"E" * 4096)
expect_stages(GUID, "executing")
one.close()
one = timed("a new login", lambda: login("one", 1), GIVEN_UP)
if write(one, "F", patience=30) == 0:
    fail("expected BUSY while the lost session's write is on its way")
time.sleep(13)
expect("F", content(one), "the block, after both writes")
expect(sent + 4, writes_done("/dev/mapper/late") - before, "writes that the device has done")
expect_stages(GUID)
delay(0)
one.logout()
