#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/control_page.sh: `control_page.py TARGET GUID DEVICE`.

DEVICE is a dm device, which is held and let go to have commands in flight.
"""

import sys

from raw_session import (ABORT_TASK_SET, ABORTED, CHECK, CLEAR_TASK_SET, COMPLETE, GOOD, ORDERED,
                         LUN_RESET, Session)
from steps import expect, expect_stages, held

TARGET, GUID, DEVICE = sys.argv[1:4]
BAD = b"\x28" + bytes(8) + b"\xff"  # READ (10) with NACA and what else there is.
CLEARED, CHANGED = (0x2F, 0), (0x2A, 1)


def control(tst=0, qerr=0, tas=0):
    """Sets the Control mode page (SPC-5) by `one`, and lets `two` know."""
    expect(GOOD, one.set_control(tst, qerr, tas), "status of MODE SELECT")
    expect(True, two.clear_attentions() in ([], [CHANGED]), "who is told of the mode parameters")


def status(session, tag, what, expected):
    answer = session.answer(tag)
    expect(expected, answer and answer.status, f"status of {what}")


def untouched(session, tag, what):
    answer = session.answer(tag, 0.5)
    expect(None, answer and answer.status, f"answer to {what}")


one = Session(TARGET, isid=1)
two = Session(TARGET, isid=2)
one.clear_attentions()
two.clear_attentions()

print("== TST: one task set for all, or one for each I_T nexus", flush=True)
for tst, stage in ((0, "queued"), (1, "executing")):
    control(tst=tst)
    with held(DEVICE):
        mine = [one.read(0), one.read(8, attr=ORDERED)]
        expect_stages(GUID, "executing", "queued")
        theirs = two.read(16)
        expect_stages(GUID, "executing", "queued", stage)
    for tag in mine:
        status(one, tag, "a read", GOOD)
    status(two, theirs, "the other's read", GOOD)

print("== TST and CLEAR TASK SET: those of the task set", flush=True)
for tst in (0, 1):
    control(tst=tst)
    with held(DEVICE):
        mine, theirs = one.read(0), two.read(8)
        expect_stages(GUID, "executing", "executing")
        expect(COMPLETE, one.manage(CLEAR_TASK_SET), "response to CLEAR TASK SET")
        expect_stages(GUID, "detached", "executing" if tst else "detached")
    expect([] if tst else [CLEARED], two.clear_attentions(), "what the other is told")
    if tst:
        status(two, theirs, "the other's read", GOOD)
    else:
        untouched(two, theirs, "the other's read")
    untouched(one, mine, "the read of who cleared")
    expect_stages(GUID)

print("== TAS: who loses commands to another gets TASK ABORTED for each", flush=True)
control(tas=1)
with held(DEVICE):
    theirs, queued = two.read(8), two.read(16, attr=ORDERED)
    expect_stages(GUID, "executing", "queued")
    mine = one.read(0)
    expect_stages(GUID, "executing", "queued", "queued")
    expect(COMPLETE, one.manage(CLEAR_TASK_SET), "response to CLEAR TASK SET")
    status(two, queued, "the other's read that waited", ABORTED)
status(two, theirs, "the other's read that the device had", ABORTED)
untouched(one, mine, "the read of who cleared")
expect([], two.clear_attentions(), "what the other is told")
with held(DEVICE):
    mine = one.read(0)
    expect_stages(GUID, "executing")
    expect(COMPLETE, one.manage(ABORT_TASK_SET), "response to ABORT TASK SET")
expect([], one.clear_attentions(), "what who aborted is told")
untouched(one, mine, "a read that its own nexus aborted")
expect_stages(GUID)

print("== QERR: what CHECK CONDITION does to other commands", flush=True)
for qerr, tst, mine_stays, theirs_stay in ((0, 0, True, True), (1, 0, False, False),
                                           (1, 1, False, True), (3, 0, False, True)):
    what = f"with QERR {qerr} and TST {tst}"
    control(qerr=qerr, tst=tst)
    with held(DEVICE):
        mine, theirs = one.read(0), two.read(8)
        expect_stages(GUID, "executing", "executing")
        status(one, one.start(BAD), "a bad command", CHECK)
        expect_stages(GUID, *("executing" if stays else "detached"
                              for stays in (mine_stays, theirs_stay)))
    expect([] if theirs_stay else [CLEARED], two.clear_attentions(), f"what the other is told {what}")
    for session, tag, stays in ((one, mine, mine_stays), (two, theirs, theirs_stay)):
        if stays:
            status(session, tag, f"a read that stays {what}", GOOD)
        else:
            untouched(session, tag, f"a read that is aborted {what}")
    expect_stages(GUID)

print("== QERR: what is sent when the CHECK CONDITION is there isn't meant", flush=True)
control(qerr=1)
for _ in range(10):
    with held(DEVICE):
        status(one, one.start(BAD), "a bad command", CHECK)
        later = one.read(0)
        expect_stages(GUID, "executing")
    status(one, later, "a read that was sent after the CHECK CONDITION", GOOD)

print("== QERR: more errors at once than may wait to abort others", flush=True)
with held(DEVICE):
    mine, theirs = one.read(0), two.read(8)
    expect_stages(GUID, "executing", "executing")
    for _ in range(20):
        for tag in [one.start(BAD) for _ in range(100)]:
            status(one, tag, "a bad command of many", CHECK)
    expect_stages(GUID, "detached", "detached")
    later = one.read(0)
    expect_stages(GUID, "detached", "detached", "executing")
    status(one, one.start(BAD), "a bad command when they are over", CHECK)
    expect_stages(GUID, "detached", "detached", "detached")
untouched(one, mine, "a read that they aborted")
untouched(one, later, "a read that the last one aborted")
expect([CLEARED], two.clear_attentions(), "what the other is told of many errors")
untouched(two, theirs, "the other's read that they aborted")
expect_stages(GUID)

print("== a task management function isn't about what is sent after it", flush=True)
control()
for function in (ABORT_TASK_SET, CLEAR_TASK_SET, LUN_RESET):
    with held(DEVICE):
        before = one.read(0)
        expect_stages(GUID, "executing")
        asked = one.start_function(function)
        later = one.read(8)
        one.until(lambda asked=asked: asked in one.functions, 10)
        expect(COMPLETE, one.functions.get(asked), f"response to function {function}")
    untouched(one, before, "a read that was sent before it")
    if function == LUN_RESET:
        # The read may have met the unit attention.
        one.until(lambda later=later: one.answers[later].status is not None, 5)
        expect(True, one.answers[later].status is not None, "an answer to a read that was sent after it")
        one.clear_attentions()
        two.clear_attentions()
    else:
        status(one, later, "a read that was sent after it", GOOD)
    expect_stages(GUID)

print("== the page is as it was", flush=True)
control()
one.logout()
two.logout()
