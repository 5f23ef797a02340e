#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/stuck_device.sh: `stuck_device.py TARGET GUID DEVICE`.

DEVICE is a dm device, which is stopped dead and let go again.  Each step says
how long it took, and must be over within GIVEN_UP.
"""

import os
import sys
import time

from raw_session import (ABORT_TASK, BUSY, COMPLETE, GOOD, LUN_RESET, REJECTED, Session)
import steps
from steps import expect, expect_stages, run, stages, tasks, writes_done

TARGET, GUID, DEVICE = sys.argv[1:4]
MODULE = os.environ["COMSTAR_MODULES"] + "/stmf_iscsi.ko"


def timed(what, action):
    """Does something that must not wait for the device."""
    return steps.timed(what, action, steps.GIVEN_UP)


def pattern(letter):
    return letter.encode() * 4096


def status_of(session, tag):
    answer = session.answer(tag)
    return answer and answer.status


def content(session, lba):
    answer = session.answer(session.read(lba))
    expect(GOOD, answer.status, f"status of a read at {lba}")
    return answer.data


one = Session(TARGET, isid=1)
two = Session(TARGET, isid=2)
one.clear_attentions()
two.clear_attentions()
for lba in (0, 64):
    expect(GOOD, one.answer(one.write(lba, pattern("A"))).status, "status of a write")
before = writes_done(DEVICE)

print("== the device stops", flush=True)
run("dmsetup", "suspend", "--noflush", "--nolockfs", DEVICE)
read, write, other = one.read(128), one.write(0, pattern("B")), one.write(64, pattern("B"))
expect_stages(GUID, *["executing"] * 3)

response = timed("ABORT TASK of a read", lambda: one.manage(ABORT_TASK, read))
expect(COMPLETE, response, "response to ABORT TASK of a read, which can do no harm")
response = timed("ABORT TASK of a write", lambda: one.manage(ABORT_TASK, write))
expect(REJECTED, response, "response to ABORT TASK of a write that may still land")
expect(["detached", "detached", "executing"], stages(GUID), "stages after the aborts")

print("== nobody overtakes the write", flush=True)
for who, session in (("same", one), ("another", two)):
    expect(BUSY, status_of(session, session.write(4, pattern("C"))),
           f"status of a write to the same blocks by the {who} nexus")
    expect(BUSY, status_of(session, session.read(7)),
           f"status of a read of the same blocks by the {who} nexus")
expect(GOOD, one.do(bytes(6)).status, "status of TEST UNIT READY")

print("== resets, logout and login", flush=True)
response = timed("LOGICAL UNIT RESET", lambda: two.manage(LUN_RESET))
expect(REJECTED, response, "response to LOGICAL UNIT RESET while writes may still land")
expect(True, (0x29, 3) in one.clear_attentions(), "one is told of the reset")
expect(True, (0x29, 3) in two.clear_attentions(), "two is told of the reset")
expect(BUSY, status_of(two, two.write(64, pattern("C"))), "status of a write after the reset")
expect(True, timed("logout", lambda: one.logout()), "logout is answered")
rows = tasks(GUID)
expect(3, len(rows), "commands that list-task shows when their session is gone")
expect(["detached"] * 3, stages(GUID), "their stages")
for row in rows:
    print(f"    {row}")
one = timed("login", lambda: Session(TARGET, isid=1))
one.clear_attentions()
expect(BUSY, status_of(one, one.write(0, pattern("C"))), "status of a write after the login")

print("== views, targets, the port's module", flush=True)
one.read(256)
timed("remove-view", lambda: run("stmfadm", "remove-view", "-l", GUID, "0"))
timed("add-view", lambda: run("stmfadm", "add-view", "-n", "0", GUID))
timed("offline-target", lambda: run("stmfadm", "offline-target", TARGET))
timed("online-target", lambda: run("stmfadm", "online-target", TARGET))
one = timed("login", lambda: Session(TARGET, isid=1))
one.clear_attentions()
one.write(512, pattern("D"))
end = time.monotonic() + 20
while "executing" not in stages(GUID) and time.monotonic() < end:
    time.sleep(0.05)
expect(True, "executing" in stages(GUID), "that the write is in the device")
timed("delete-target", lambda: run("itadm", "delete-target", "-f", TARGET))
timed("rmmod stmf_iscsi", lambda: run("rmmod", "stmf_iscsi"))
timed("insmod stmf_iscsi", lambda: run("insmod", MODULE))
timed("create-target", lambda: run("itadm", "create-target", "-n", TARGET))
one = timed("login", lambda: Session(TARGET, isid=1))
one.clear_attentions()
expect(BUSY, status_of(one, one.write(0, pattern("C"))), "status of a write after all that")
out = timed("delete-lu", lambda: run("stmfadm", "delete-lu", GUID, good=False))
expect(True, "still in the device" in out, f"delete-lu says why not: {out}")
for row in tasks(GUID):
    print(f"    {row}")

print("== the device goes on", flush=True)
run("dmsetup", "resume", DEVICE)
end = time.monotonic() + 15
while tasks(GUID) and time.monotonic() < end:
    time.sleep(0.1)
expect([], tasks(GUID), "commands 15 s after the device is back")
run("stmfadm", "online-lu", GUID)
one.clear_attentions()
expect(3, writes_done(DEVICE) - before, "writes that the device got: no more than were sent")
for lba, letter in ((0, "B"), (64, "B"), (512, "D")):
    expect(pattern(letter), content(one, lba), f"content of block {lba}, written late but whole")
expect(GOOD, status_of(one, one.write(0, pattern("C"))), "status of a write now")
expect(pattern("C"), content(one, 0), "what was written last")
print(run("stmfadm", "list-state"))
