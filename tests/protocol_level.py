#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/protocol_level.sh: `protocol_level.py STEP TARGET DEVICE GUID`."""

import contextlib
import json
import struct
import sys
import time

from raw_session import (ABORT_TASK, ABORT_TASK_SET, CLEAR_ACA, CLEAR_TASK_SET, COMPLETE, GOOD,
                         LUN_RESET, NEXUS_RESET, NO_LUN, QUERY_ASYNC_EVENT, QUERY_TASK,
                         QUERY_TASK_SET, REJECTED, SUCCEEDED, UNSUPPORTED, Session)
from steps import GIVEN_UP, expect, expect_stages, fail, held, run, timed

STEP, TARGET, DEVICE, GUID = sys.argv[1:]
NEW = (QUERY_TASK, QUERY_TASK_SET, NEXUS_RESET, QUERY_ASYNC_EVENT)
BLOCK = 512
RESET = (0x29, 0x03)


def level(number):
    return (f"iSCSIProtocolLevel={number}",)


def session(isid=1, **how):
    """A session of level 2 that has nothing to report."""
    new = Session(TARGET, isid=isid, more=(*level(2), "MaxConnections=4"), **how)
    new.clear_attentions()
    return new


def expect_answer(expected, asker, function, what, **how):
    expect(expected, timed(what, lambda: asker.manage(function, **how), GIVEN_UP), what)


def expect_good(asker, tag, what):
    answer = asker.answer(tag)
    expect(GOOD, answer and answer.status, f"status of {what}")


def expect_end(link):
    """The target closes the connection."""
    try:
        link.until(lambda: False, 5)
    except ConnectionError:
        link.close()
        return
    fail("expected the connection to end within 5 s")


def negotiation():
    """The result is the lesser; what level 2 adds is there from level 2 on."""
    for offer, answer in ((None, None), (0, 0), (1, 1), (2, 2), (31, 2)):
        more = () if offer is None else level(offer)
        new = Session(TARGET, more=more)
        answer = answer if answer is None else str(answer)
        expect(answer, new.keys.get("iSCSIProtocolLevel"), f"answer to iSCSIProtocolLevel={offer}")
        row = json.loads(run("itadm", "list-session", "--json", TARGET))[0]
        expect(answer or "1", row["negotiated"]["iSCSIProtocolLevel"], "level in list-session")
        new.clear_attentions()
        if new.keys.get("iSCSIProtocolLevel") != "2":
            for function in NEW:
                expect(UNSUPPORTED, new.manage(function), f"function {function} of level {offer}")
            expect(GOOD, new.do(bytes(6)).status, "status of a command after that")
        else:
            expect(COMPLETE, new.manage(QUERY_TASK_SET), "QUERY TASK SET without a task")
        new.logout()


def task():
    """A command that its device has is in the task set, until it is answered or aborted."""
    own, other = session(), session(isid=2)
    with held(DEVICE):
        first, second = own.read(0), own.write(64, bytes(BLOCK))
        expect_stages(GUID, "executing", "executing")
        for tag in (first, second):
            expect_answer(SUCCEEDED, own, QUERY_TASK, "QUERY TASK of a command", tag=tag)
            expect(bytes(3), own.information, "Additional Response Information of QUERY TASK")
        expect_answer(SUCCEEDED, own, QUERY_TASK_SET, "QUERY TASK SET with two commands")
        expect_answer(COMPLETE, own, QUERY_TASK, "QUERY TASK of no command", tag=99)
        expect_answer(COMPLETE, other, QUERY_TASK_SET, "QUERY TASK SET of another nexus")
        expect_answer(COMPLETE, other, QUERY_TASK, "QUERY TASK of another nexus", tag=first)
        expect_answer(NO_LUN, own, QUERY_TASK_SET, "QUERY TASK SET of no logical unit", lun=9)
        expect_answer(COMPLETE, own, ABORT_TASK, "ABORT TASK", tag=first)
        expect_answer(COMPLETE, own, QUERY_TASK, "QUERY TASK of an aborted command", tag=first)
        expect_answer(SUCCEEDED, own, QUERY_TASK_SET, "QUERY TASK SET with the other")
    expect_good(own, second, "the command that was asked about")
    expect_answer(COMPLETE, own, QUERY_TASK, "QUERY TASK of a command that is answered", tag=second)
    expect_answer(COMPLETE, own, QUERY_TASK_SET, "QUERY TASK SET without a command")
    own.logout()
    other.logout()


def data():
    """A write that waits for its data is in the task set."""
    own = session()
    tag = own.write(0, bytes(16 * BLOCK), data=bytes(BLOCK))
    own.answers[tag].held = True
    expect_answer(SUCCEEDED, own, QUERY_TASK, "QUERY TASK of a write without its data", tag=tag)
    expect_answer(COMPLETE, own, ABORT_TASK, "ABORT TASK", tag=tag)
    expect_answer(COMPLETE, own, QUERY_TASK, "QUERY TASK after that", tag=tag)
    own.logout()


def event():
    """What is to be reported is told without being taken away."""
    own, other = session(), session(isid=2)
    expect_answer(COMPLETE, own, QUERY_ASYNC_EVENT, "QUERY ASYNCHRONOUS EVENT without one")
    expect(bytes(3), own.information, "what is told of no event")
    expect_answer(COMPLETE, other, LUN_RESET, "LOGICAL UNIT RESET")
    for _ in range(2):
        expect_answer(SUCCEEDED, own, QUERY_ASYNC_EVENT, "QUERY ASYNCHRONOUS EVENT of a reset")
        # UADE DEPTH 01b, sense key UNIT ATTENTION, the additional sense code and its qualifier.
        expect(bytes([0x16, *RESET]), own.information, "what is told of it")
    run("stmfadm", "modify-lu", "--size", "32m", GUID)
    expect_answer(SUCCEEDED, own, QUERY_ASYNC_EVENT, "QUERY ASYNCHRONOUS EVENT of two")
    expect(bytes([0x26, *RESET]), own.information, "what is told of two events")
    told = own.clear_attentions()
    expect(RESET, told[0], "the first that is reported")
    expect(2, len(told), "how many are reported")
    expect_answer(COMPLETE, own, QUERY_ASYNC_EVENT, "QUERY ASYNCHRONOUS EVENT after that")
    expect_answer(NO_LUN, own, QUERY_ASYNC_EVENT, "that of no logical unit", lun=9)
    own.logout()
    other.logout()


def reported():
    """REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS says what is answered."""
    own = session()
    report = own.do(struct.pack(">BBIIBB", 0xA3, 0x0D, 0, 4, 0, 0), read=4)
    expect(GOOD, report.status, "status of REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS")
    bits = int.from_bytes(report.data[:2], "big")
    places = {ABORT_TASK: 15, ABORT_TASK_SET: 14, CLEAR_ACA: 13, CLEAR_TASK_SET: 12, LUN_RESET: 11,
              QUERY_TASK: 10, QUERY_ASYNC_EVENT: 2, QUERY_TASK_SET: 1, NEXUS_RESET: 0}
    # The last one ends the session.
    for function, place in places.items():
        is_supported = own.manage(function) != UNSUPPORTED
        expect(bool(bits >> place & 1), is_supported, f"whether function {function} is supported")
    expect_end(own)


def gap():
    """Who only asks takes nothing away, not even what waits for a missing command."""
    own = session()
    missing = own.cmd_sn
    own.cmd_sn += 1
    early = own.start(bytes(6))
    for function in (QUERY_TASK, QUERY_TASK_SET, QUERY_ASYNC_EVENT):
        expect_answer(COMPLETE, own, function, f"function {function} before the gap", tag=early)
    first = own.start(bytes(6), cmd_sn=missing)
    expect_good(own, first, "the command that was missing")
    expect_good(own, early, "the command that waited for it")
    own.logout()


def connections():
    """A command is found from every connection of its session."""
    first = session()
    second = Session(TARGET, of=first, cid=1)
    with held(DEVICE):
        tag = first.read(0)
        expect_stages(GUID, "executing")
        # The other connection is asked whether it has all that was said before.
        asked = second.start_function(QUERY_TASK, tag)
        end = time.monotonic() + 5
        while asked not in second.functions and time.monotonic() < end:
            # It may have ended already.
            with contextlib.suppress(ConnectionError):
                first.take(0.05)
            second.take(0.05)
        expect(SUCCEEDED, second.functions.get(asked), "QUERY TASK by the other connection")
    expect_good(first, tag, "the command that was asked about")
    first.logout()


def nexus():
    """I_T NEXUS RESET ends the commands and the session, with all connections, and no other."""
    first, other = session(), session(isid=2)
    second = Session(TARGET, of=first, cid=1)
    # RESERVE (6) is released by a nexus loss.
    expect(GOOD, first.do(bytes([0x16, 0, 0, 0, 0, 0])).status, "status of RESERVE")
    expect(0x18, other.do(bytes(6)).status, "status of another nexus's command meanwhile")
    with held(DEVICE):
        tag = first.read(0)
        expect_stages(GUID, "executing")
        asked = second.start_function(NEXUS_RESET)
        end = time.monotonic() + 5
        while asked not in second.functions and time.monotonic() < end:
            # It may have ended already.
            with contextlib.suppress(ConnectionError):
                first.take(0.05)
            second.take(0.05)
        expect(COMPLETE, second.functions.get(asked), "I_T NEXUS RESET")
        expect_end(first)
        expect_end(second)
        expect(None, first.answers[tag].status, "status of the command that was aborted")
        # A nexus that isn't meant goes on.
        expect_answer(COMPLETE, other, QUERY_ASYNC_EVENT, "QUERY ASYNCHRONOUS EVENT of the other")
        theirs = other.read(0)
    expect_good(other, theirs, "another nexus's command")
    other.logout()
    again = session()
    expect(GOOD, again.do(bytes(6)).status, "status in a new session")
    again.logout()


def write():
    """A write that its device keeps may still have an effect: the reset fails, and nothing ends."""
    own = session()
    with held(DEVICE):
        own.write(0, bytes(BLOCK))
        expect_stages(GUID, "executing")
        expect_answer(REJECTED, own, NEXUS_RESET, "I_T NEXUS RESET with a write in the device")
    expect([(0x29, 0x07)], own.clear_attentions(), "what is reported")
    expect(GOOD, own.do(bytes(6)).status, "status of a command after that")
    own.logout()


if __name__ == "__main__":
    {"level": negotiation, "task": task, "data": data, "event": event, "reported": reported,
     "gap": gap, "connections": connections, "nexus": nexus, "write": write}[STEP]()
