#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/third_party_copy_ends.sh: `copy_ends.py TARGET HOME SLOW BACKING`.

HOME is the GUID of a quick disk at LUN 0; SLOW of one at LUN 1, on the dm device `slow` on BACKING, whose
writes are given a delay.  Copies are sent to HOME, and copy from it to SLOW.
"""

import sys
import time

from raw_session import (ABORT_TASK, BUSY, CHECK, COMPLETE, GOOD, LUN_RESET, ORDERED, REJECTED, Session)
import steps
from steps import bound, delay_writes, expect, fail, held, run, tasks, writes_done
from third_party import (COPY_STATUS, RECEIVE_DATA, copy_abort, copy_results, cscd, extended_copy, naa,
                         parameter_list, segment)

TARGET, HOME, SLOW, BACKING = sys.argv[1:5]
DEVICE = "/dev/mapper/slow"
BLOCKS = 32768
LIMIT = 5 + 4  # Seconds: what the target waits for the pieces of a copy, and what a busy machine takes for all else.
COPY = [segment(0, 1, BLOCKS, 0, 0)]


def delay(seconds):
    """From here on a write to the slow disk takes so long."""
    delay_writes("slow", BACKING, seconds)


def login(isid=1, name="iqn.2024-01.test:one"):
    session = Session(TARGET, name=name, isid=isid)
    for lun in (0, 1):
        session.clear_attentions(lun)
    return session


def start(session=None, list_id=1, segments=None):
    """A copy to the slow disk: its tag."""
    session = session or one
    parameters = parameter_list([cscd(naa(HOME)), cscd(naa(SLOW))], segments or COPY, list_id=list_id)
    return session.start(extended_copy(len(parameters)), write=parameters)


def under_way():
    """Until a piece is in the slow device."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if any(" executing " in f" {row} " for row in tasks(SLOW)):
            return
        time.sleep(0.05)
    fail(f"expected a piece of the copy in the device: {tasks(SLOW)}")


def all_copying(count):
    """Until so many copies are carried out."""
    end = time.monotonic() + 20
    while True:
        copying = [row for row in tasks(HOME) if " executing " in row and " 0x83 " in row]
        if len(copying) == count or time.monotonic() > end:
            return expect(count, len(copying), "copies in progress")
        time.sleep(0.05)


def gone(seconds=LIMIT):
    """Until no command is left of either disk."""
    seconds = bound(seconds)
    end = time.monotonic() + seconds
    while tasks(HOME) + tasks(SLOW) and time.monotonic() < end:
        time.sleep(0.05)
    expect([], tasks(HOME) + tasks(SLOW), f"commands after {seconds} s")


def timed(what, action):
    """Does something that must not wait for the end of a copy."""
    return steps.timed(what, action, LIMIT)


def no_more_writes(what):
    """Nothing is written any more, from here on."""
    before = writes_done(DEVICE)
    time.sleep(1)
    expect(before, writes_done(DEVICE), f"writes that the device got, a second after {what}")


def outcome(tag, session=None, seconds=20):
    answer = (session or one).answer(tag, seconds)
    return answer and (answer.status, answer.code)


one = login()
delay(0.3)

print("== while it lasts", flush=True)
tag = start(list_id=5)
under_way()
end = time.monotonic() + 20
while True:
    status = one.do(copy_results(COPY_STATUS, 5), read=12).data
    if any(status[8:12]) or time.monotonic() > end:
        break
    time.sleep(0.05)
expect((0, 0), (status[4], int.from_bytes(status[5:7], "big")), "status: in progress, no segment done")
expect(True, 0 < int.from_bytes(status[8:12], "big") < BLOCKS * 512, "how much is written")
answer = one.do(copy_results(RECEIVE_DATA, 5), read=12)
expect((CHECK, (5, 0x24, 0)), (answer.status, answer.code), "RECEIVE DATA meanwhile")
expect((CHECK, (5, 0x00, 0x16)), outcome(start(list_id=5)), "another copy of that list identifier")
begin = time.monotonic()
expect(GOOD, one.answer(one.read(60000, lun=1)).status, "status of a read of the slow disk")
expect(GOOD, one.answer(one.start(bytes(6), attr=ORDERED, lun=1)).status,
       "status of an ORDERED command to the slow disk")
print(f"    a read and an ORDERED command: {time.monotonic() - begin:.2f} s", flush=True)
expect(None, one.answers[tag].status, "status of the copy, for whose end neither waits")

print("== COPY ABORT", flush=True)
answer = timed("COPY ABORT", lambda: one.do(copy_abort(5)))
expect(GOOD, answer.status, "status of COPY ABORT")
expect((CHECK, (0x0A, 0x2F, 2)), outcome(tag), "how the copy ends")
no_more_writes("COPY ABORT")

print("== ABORT TASK", flush=True)
tag = start()
under_way()
expect(COMPLETE, timed("ABORT TASK", lambda: one.manage(ABORT_TASK, tag)), "response to ABORT TASK")
no_more_writes("ABORT TASK")
expect(None, outcome(tag, seconds=1), "an answer to the copy")
gone()

print("== LOGICAL UNIT RESET of the disk that it was sent to", flush=True)
tag = start()
under_way()
expect(COMPLETE, timed("reset", lambda: one.manage(LUN_RESET)), "response to the reset")
no_more_writes("the reset")
gone()
one.clear_attentions()

print("== LOGICAL UNIT RESET of the destination", flush=True)
tag = start()
under_way()
expect(COMPLETE, timed("reset", lambda: one.manage(LUN_RESET, lun=1)), "response to the reset")
expect((CHECK, (0x0A, 0x0D, 1)), outcome(tag), "how the copy ends")
expect(0x40, one.answers[tag].sense[18], "the destination's status: TASK ABORTED")
one.clear_attentions()
one.clear_attentions(1)

print("== an ORDERED command to the disk that it was sent to", flush=True)
delay(0.2)
tag = start(segments=[segment(0, 1, 8192)])
under_way()
ordered = one.start(bytes(6), attr=ORDERED)
expect((GOOD, None), outcome(tag), "how the copy ends")
expect((GOOD, None), outcome(ordered), "how the ORDERED command ends")
expect(True, one.answers[ordered].when >= one.answers[tag].when, "the copy is over first")
delay(0.3)

print("== as many as are allowed", flush=True)
delay(1)
copies = [start(list_id=n) for n in range(10, 18)]
all_copying(8)
expect((BUSY, None), outcome(start(list_id=18)), "one more")
second, third, stranger = login(isid=2), login(isid=3), login(isid=4, name="iqn.2024-01.test:stranger")
started = [(one, tag, n) for n, tag in zip(range(10, 18), copies)]
started += [(second, start(second, list_id=n), n) for n in range(8)]
all_copying(16)
expect((BUSY, None), outcome(start(third), third), "one more, by a third session of the initiator's")
started.append((stranger, start(stranger, list_id=1), 1))
for session, _, n in started:
    expect(GOOD, session.do(copy_abort(n)).status, "COPY ABORT")
for session, tag, _ in started:
    expect((CHECK, (0x0A, 0x2F, 2)), outcome(tag, session), "how each ends")
for session in second, third, stranger:
    session.logout()
gone()
delay(0.3)

print("== the destination is taken away", flush=True)
tag = start()
under_way()
timed("offline-lu", lambda: run("stmfadm", "offline-lu", SLOW))
expect((CHECK, (0x0A, 0x0D, 2)), outcome(tag), "how the copy ends")
no_more_writes("offline-lu")
run("stmfadm", "online-lu", SLOW)
for lun in (0, 1):
    one.clear_attentions(lun)
tag = start()
under_way()
timed("remove-view", lambda: run("stmfadm", "remove-view", "-l", SLOW, "0"))
expect((CHECK, (0x0A, 0x0D, 2)), outcome(tag), "how the copy ends")
run("stmfadm", "add-view", "-n", "1", SLOW)
for lun in (0, 1):
    one.clear_attentions(lun)

print("== the disk that it was sent to is taken away", flush=True)
tag = start()
under_way()
timed("offline-lu", lambda: run("stmfadm", "offline-lu", HOME))
expect((CHECK, (2, 4, 0x12)), outcome(tag), "how the copy ends")
no_more_writes("offline-lu")
run("stmfadm", "online-lu", HOME)
one.clear_attentions()

print("== the initiator goes", flush=True)
start()
under_way()
expect(True, timed("logout", lambda: one.logout()), "logout is answered")
gone()
no_more_writes("logout")
one = login()
start()
under_way()
timed("offline-target", lambda: run("stmfadm", "offline-target", TARGET))
gone()
no_more_writes("offline-target")
run("stmfadm", "online-target", TARGET)
one = login()

print("== a device that stands still", flush=True)
delay(0)
with held("slow"):
    tag = start()
    under_way()
    expect(REJECTED, timed("ABORT TASK", lambda: one.manage(ABORT_TASK, tag)),
           "response to ABORT TASK of a copy that may still write")
    end = time.monotonic() + bound(LIMIT)
    while tasks(HOME) and time.monotonic() < end:
        time.sleep(0.05)
    expect([], tasks(HOME), "commands of the disk that it was sent to")
    expect(True, all(" detached " in f" {row} " for row in tasks(SLOW)), "pieces are detached")
    for row in tasks(SLOW):
        print(f"    {row}")
    expect((BUSY, None), outcome(one.write(0, b"C" * 512, lun=1)), "a write that would overtake it")
    tag = start(list_id=30, segments=[segment(0, 1, 8, 0, 50000)])
    under_way()
    answer = timed("COPY ABORT", lambda: one.do(copy_abort(30)))
    expect(BUSY, answer.status, "status of COPY ABORT of a copy that may still write")
    expect((CHECK, (0x0A, 0x2F, 2)), outcome(tag), "how the copy ends")
    # It is quick to take offline now: nothing of the copy is left there.
    timed("offline-lu", lambda: run("stmfadm", "offline-lu", HOME))
    run("stmfadm", "online-lu", HOME)
    one.clear_attentions()
    other = login(isid=2)
    start(other, segments=[segment(0, 1, 2048, 0, 40000)])
    under_way()
    timed("offline-lu with a piece in the other's device",
          lambda: run("stmfadm", "offline-lu", HOME))
    run("stmfadm", "online-lu", HOME)
    expect(True, timed("logout", lambda: other.logout()), "logout is answered")
    timed("delete-target", lambda: run("itadm", "delete-target", "-f", TARGET))
gone(15)
run("itadm", "create-target", "-n", TARGET)
one = login()
expect((GOOD, None), outcome(start()), "a copy, all being well again")
for lba in range(0, BLOCKS, 1024):
    source = one.answer(one.read(lba, 256)).data
    expect(True, source == one.answer(one.read(lba, 256, lun=1)).data, f"the same blocks at {lba}")

print("== the destination is deleted", flush=True)
delay(0.3)
tag = start()
under_way()
timed("delete-lu", lambda: run("stmfadm", "delete-lu", SLOW))
expect((CHECK, (0x0A, 0x0D, 2)), outcome(tag), "how the copy ends")
no_more_writes("delete-lu")
delay(0)
one.logout()
