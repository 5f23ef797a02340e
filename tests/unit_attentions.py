#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/unit_attentions.sh: `unit_attentions.py TARGET GUID DEVICE OTHER`.

Each source of unit attentions, and what each of two nexuses is told of it.  DEVICE is a dm device,
OTHER the GUID of a second LU without views.
"""

import struct
import sys

from raw_session import (ABORT_TASK, ABORTED, CHECK, CLEAR_TASK_SET, COMPLETE, GOOD, LUN_RESET,
                         TARGET_WARM_RESET, Session)
from steps import expect, expect_stages, held, run

TARGET, GUID, DEVICE, OTHER = sys.argv[1:5]
POWER_ON, RESET, CLEARED = (0x29, 0), (0x29, 3), (0x2F, 0)
MODE, PREEMPTED, RELEASED, UNREGISTERED = (0x2A, 1), (0x2A, 3), (0x2A, 4), (0x2A, 5)
ACCESS, CAPACITY, INQUIRY, LUNS = (0x2A, 6), (0x2A, 9), (0x3F, 3), (0x3F, 0x0E)
REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT = range(5)
REGISTRANTS_ONLY = 5  # Write exclusive.
REPORT_LUNS = struct.pack(">BBBBBBIBB", 0xA0, 0, 0, 0, 0, 0, 256, 0, 0)


def told(mine, theirs, what):
    """What each nexus reports, in this order, and nothing after."""
    expect(mine, one.clear_attentions(), f"{what}: what who did it is told")
    expect(theirs, two.clear_attentions(), f"{what}: what the other is told")


def select_wce(session, on):
    sense = session.do(b"\x5a\x08\x08" + bytes(4) + b"\x00\x40\x00", read=64).data
    page = bytearray(sense[8:28])
    page[0] &= 0x3F
    page[2] = page[2] & ~4 | (4 if on else 0)
    answer = session.do(b"\x55\x10" + bytes(5) + b"\x00\x1c\x00", write=bytes(8) + bytes(page))
    expect(GOOD, answer.status, "status of MODE SELECT")


def reserve_out(session, action, key=0, other=0, kind=0):
    cdb = struct.pack(">BBBBBIB", 0x5F, action, kind, 0, 0, 24, 0)
    answer = session.do(cdb, write=struct.pack(">QQQ", key, other, 0))
    expect(GOOD, answer.status, f"status of PERSISTENT RESERVE OUT action {action}")


def clear_task_set():
    with held(DEVICE):
        tag = two.read(0)
        expect_stages(GUID, "executing")
        expect(COMPLETE, one.manage(CLEAR_TASK_SET), "response to CLEAR TASK SET")
    expect(None, two.answer(tag, 0.5), "an answer to the cleared command")


one = Session(TARGET, name="iqn.2024-01.test:one", isid=1)
two = Session(TARGET, name="iqn.2024-01.test:two", isid=2)

print("== each source", flush=True)
told([POWER_ON], [POWER_ON], "a login")
select_wce(one, False)
told([], [MODE], "MODE SELECT")
clear_task_set()
told([], [CLEARED], "CLEAR TASK SET")
for function in (LUN_RESET, TARGET_WARM_RESET):
    expect(COMPLETE, one.manage(function), "response to a reset")
    told([RESET], [RESET], f"reset {function}")
run("stmfadm", "modify-lu", "-s", "48m", GUID)
told([CAPACITY], [CAPACITY], "another size")
run("stmfadm", "modify-lu", "-p", "serial=NEW", GUID)
told([INQUIRY], [INQUIRY], "another serial number")
run("stmfadm", "add-view", "-n", "5", OTHER)
told([LUNS], [LUNS], "a new view")
for session in (one, two):
    expect([POWER_ON, LUNS], session.clear_attentions(lun=5), "what the new LUN has to say")
run("stmfadm", "set-access", "-g", "ports", "active-non-optimized")
told([ACCESS, INQUIRY], [ACCESS, INQUIRY], "a first access state")
run("stmfadm", "set-access", "-g", "ports", "active-optimized")
told([ACCESS], [ACCESS], "another access state")
for session in (one, two):
    session.clear_attentions(lun=5)

print("== reservations", flush=True)
reserve_out(one, REGISTER, other=1)
reserve_out(two, REGISTER, other=2)
reserve_out(one, RESERVE, key=1, kind=REGISTRANTS_ONLY)
told([], [], "registrations and a reservation")
reserve_out(one, RELEASE, key=1, kind=REGISTRANTS_ONLY)
told([], [RELEASED], "RELEASE")
reserve_out(one, RESERVE, key=1, kind=REGISTRANTS_ONLY)
reserve_out(one, PREEMPT, key=1, other=2, kind=REGISTRANTS_ONLY)
told([], [UNREGISTERED], "PREEMPT")
reserve_out(two, REGISTER, other=2)
reserve_out(one, CLEAR, key=1)
told([], [PREEMPTED], "CLEAR")

print("== several at once come by precedence, each once, whatever came first", flush=True)
clear_task_set()
select_wce(one, True)
run("stmfadm", "remove-view", "-l", OTHER, "-a")
run("stmfadm", "modify-lu", "-p", "serial=NEWER", GUID)
run("stmfadm", "modify-lu", "-s", "64m", GUID)
expect(COMPLETE, one.manage(LUN_RESET), "response to LOGICAL UNIT RESET")
everything = [RESET, CLEARED, CAPACITY, MODE, INQUIRY, LUNS]
told([RESET, CAPACITY, INQUIRY, LUNS], everything, "all of them")

print("== INQUIRY and REPORT LUNS report none, REQUEST SENSE has it as data", flush=True)
run("stmfadm", "modify-lu", "-s", "48m", GUID)
run("stmfadm", "add-view", "-n", "5", OTHER)
for session in (one, two):
    expect(GOOD, session.do(b"\x12\x00\x00\x00\x24\x00", read=36).status, "status of INQUIRY")
    sense = session.do(b"\x03\x00\x00\x00\xfc\x00", read=252)
    expect((GOOD, (6, *CAPACITY)), (sense.status, (sense.data[2] & 15, *sense.data[12:14])),
           "what REQUEST SENSE says")
    expect(GOOD, session.do(REPORT_LUNS, read=256).status, "status of REPORT LUNS")
told([], [], "after REQUEST SENSE and REPORT LUNS")

print("== a command that reports one isn't carried out", flush=True)
expect(GOOD, one.answer(one.write(0, b"A" * 512)).status, "status of a write")
run("stmfadm", "modify-lu", "-s", "64m", GUID)
answer = one.answer(one.write(0, b"B" * 512))
expect((CHECK, (6, *CAPACITY)), (answer.status, answer.code), "the write that reports it")
expect(b"A" * 512, one.answer(one.read(0, 1)).data, "the block")

print("== a command that is aborted before its answer leaves it to the next one", flush=True)


def unfinished(cdb=b"\x2a" + bytes(7) + b"\1\0"):
    """A command that waits for data, which it doesn't want when it reports a unit attention; its tag."""
    return one.start(cdb, write=bytes(512), data=b"", final=False)


def resize(size):
    run("stmfadm", "modify-lu", "-s", size, GUID)


resize("48m")
expect(COMPLETE, one.manage(ABORT_TASK, unfinished()), "response to ABORT TASK")
told([CAPACITY], [CAPACITY], "a write that was aborted")
resize("64m")
expect([CAPACITY], two.clear_attentions(), "what who clears is told before")
tag = unfinished()
expect_stages(GUID, "data-out")
expect(COMPLETE, two.manage(CLEAR_TASK_SET), "response to CLEAR TASK SET")
told([CLEARED, CAPACITY], [], "a write that was cleared")
expect(GOOD, one.set_control(tas=1), "status of MODE SELECT")
resize("48m")
expect([CAPACITY, MODE], two.clear_attentions(), "what who clears is told before")
tag = unfinished()
expect_stages(GUID, "data-out")
expect(COMPLETE, two.manage(CLEAR_TASK_SET), "response to CLEAR TASK SET")
one.send_unsolicited(tag)
expect(ABORTED, one.answer(tag).status, "status of a write that was cleared")
told([CAPACITY], [], "TASK ABORTED")
expect(GOOD, one.set_control(tas=0), "status of MODE SELECT")
two.clear_attentions()
resize("64m")
answer = one.do(b"\x03\x00\x00\x00\xfc\x04", read=252)
expect((CHECK, (5, 0x24, 0)), (answer.status, answer.code), "REQUEST SENSE with NACA")
told([CAPACITY], [CAPACITY], "a REQUEST SENSE that was refused")
run("stmfadm", "remove-view", "-l", OTHER, "-a")
expect(COMPLETE, one.manage(ABORT_TASK, unfinished(REPORT_LUNS)), "response to ABORT TASK")
told([LUNS], [LUNS], "a REPORT LUNS that was aborted")
one.logout()
two.logout()
