#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/task_order.sh: `task_order.py TARGET GUID DEVICE`.

DEVICE is a dm device, which is held and let go to have commands in flight.
"""

import sys
import time

from raw_session import (ABORT_TASK, ABORT_TASK_SET, ACA, BUSY, CHECK, CLEAR_ACA, CLEAR_TASK_SET,
                         COMPLETE, CONFLICT, GOOD, HEAD_OF_QUEUE, LUN_RESET, NO_TASK, ORDERED, UNSUPPORTED,
                         Session)
from steps import expect, expect_stages, held, run

TARGET, GUID, DEVICE = sys.argv[1:4]
TEST_UNIT_READY = bytes(6)


def good(session, tag, what):
    answer = session.answer(tag)
    expect(GOOD, answer and answer.status, f"status of {what}")
    return answer


def pay(session, tag):
    """Sends the data of a write that was held; gives its answer."""
    session.until(lambda: session.answers[tag].r2t, 5)
    session.send_data(tag, session.answers[tag].r2t)
    return session.answer(tag)


one = Session(TARGET, isid=1)
two = Session(TARGET, isid=2)
one.clear_attentions()
two.clear_attentions()

print("== SIMPLE, ORDERED, HEAD OF QUEUE", flush=True)
with held(DEVICE):
    first, ordered, last = one.read(0), one.read(8, attr=ORDERED), one.read(16)
    expect_stages(GUID, "executing", "queued", "queued")
    other = two.read(24)
    expect_stages(GUID, "executing", "queued", "queued", "queued")
    tag = two.start(TEST_UNIT_READY, attr=HEAD_OF_QUEUE)
    good(two, tag, "a HEAD OF QUEUE command, which waits for none")
for tag in (first, ordered, last):
    good(one, tag, "a command after the device is let go")
good(two, other, "the other nexus's command")
times = [one.answers[tag].when for tag in (first, ordered, last)]
expect(sorted(times), times, "times of the answers, in the order of the commands")

print("== a queued command is aborted, those behind it go on", flush=True)
with held(DEVICE):
    first, ordered, last = one.read(0), one.read(8, attr=ORDERED), one.read(16)
    expect_stages(GUID, "executing", "queued", "queued")
    expect(COMPLETE, one.manage(ABORT_TASK, ordered), "response to ABORT TASK")
    expect_stages(GUID, "executing", "executing")
    expect(NO_TASK, one.manage(ABORT_TASK, ordered), "response to ABORT TASK of it once more")
good(one, first, "the older command")
good(one, last, "the younger command")
expect(None, one.answers[ordered].status, "answer to the aborted command")

print("== what waited for a write that was aborted doesn't overtake it", flush=True)
lost = Session(TARGET, name="iqn.2024-01.test:lost", isid=3)
lost.clear_attentions()
with held(DEVICE):
    lost.write(64, b"L" * 4096, attr=ORDERED)
    expect_stages(GUID, "executing")
    waiting, elsewhere = two.write(64, b"M" * 4096), two.read(128)
    # The second one has never been dormant.
    owed, refused = one.owe(68, 2048), one.owe(68, 2048, attr=HEAD_OF_QUEUE)
    expect_stages(GUID, "data-out", "data-out", "executing", "queued", "queued")
    lost.close()
    expect_stages(GUID, "data-out", "data-out", "detached", "queued", "queued")
    reserve = two.start(b"\x16" + bytes(5), attr=HEAD_OF_QUEUE)
    good(two, reserve, "RESERVE, for which the other write is refused from here on")
    expect(BUSY, pay(one, refused).status, "status of a write that would be refused, whose data came late")
    good(two, two.start(b"\x17" + bytes(5), attr=HEAD_OF_QUEUE), "RELEASE")
    expect(BUSY, two.answer(waiting).status, "status of a write to the same blocks")
    expect(BUSY, pay(one, owed).status, "status of a write to the same blocks whose data came late")
    expect_stages(GUID, "detached", "executing")
good(two, elsewhere, "a read of other blocks")
two.clear_attentions()
good(two, two.write(64, b"M" * 4096), "the write once more")
expect(b"M" * 4096, good(two, two.read(64), "a read").data, "what is there")

print("== a command that waits for its data has its place all the same", flush=True)
slow = one.write(32, b"W" * 4096, data=b"")
ordered = one.read(32, attr=ORDERED)
expect_stages(GUID, "data-out", "queued")
good(one, slow, "the write")
expect(b"W" * 4096, good(one, ordered, "the ordered read").data, "what the ordered read sees")
ordered = one.read(32, attr=ORDERED)
slow = one.write(32, b"X" * 4096, data=b"", attr=ORDERED)
last = one.read(32)
expect(b"W" * 4096, good(one, ordered, "the ordered read").data, "what an older read sees")
good(one, slow, "the ordered write")
expect(b"X" * 4096, good(one, last, "a simple read").data, "what a younger read sees")

print("== an ORDERED command goes on when a REQUEST SENSE before it has told a unit attention", flush=True)
expect(COMPLETE, one.manage(LUN_RESET), "response to LOGICAL UNIT RESET")
one.clear_attentions()
# It waits for data that it doesn't want.
slow = two.start(b"\x03\0\0\0\xfc\0", write=bytes(512), data=b"", final=False)
expect_stages(GUID, "data-out")
ordered = one.read(8, attr=ORDERED)
expect_stages(GUID, "data-out", "queued")
two.send_unsolicited(slow)
good(two, slow, "the REQUEST SENSE")
good(one, ordered, "the ordered read")
expect([], two.clear_attentions(), "unit attentions after REQUEST SENSE")

print("== what waited is refused when the command before it has reserved the disk", flush=True)
with held(DEVICE):
    first = one.read(0)
    expect_stages(GUID, "executing")
    reserve = two.start(b"\x16" + bytes(5), attr=ORDERED)
    expect_stages(GUID, "executing", "queued")
    last, owed = one.write(16, b"R" * 4096), one.owe(24, 4096)
    erasing = one.start(b"\x04" + bytes(5), write=bytes(4), data=b"", final=False)
    expect_stages(GUID, "executing", "queued", "data-out", "data-out", "queued")
good(one, first, "the older command")
good(two, reserve, "RESERVE")
expect(CONFLICT, one.answer(last).status, "status of a write that came before the disk was reserved")
expect(CONFLICT, pay(one, owed).status, "status of a write whose data came after it was reserved")
one.send_unsolicited(erasing)
expect(CONFLICT, one.answer(erasing).status, "status of FORMAT UNIT, whose data came then, which it doesn't want")
good(two, two.start(b"\x17" + bytes(5)), "RELEASE")

print("== ABORT TASK SET is about one nexus, CLEAR TASK SET about all", flush=True)
with held(DEVICE):
    mine, ordered = one.read(0), one.read(8, attr=ORDERED)
    expect_stages(GUID, "executing", "queued")
    theirs = two.read(16)
    expect_stages(GUID, "executing", "queued", "queued")
    expect(COMPLETE, one.manage(ABORT_TASK_SET), "response to ABORT TASK SET")
    # The read that the device has can do no harm.
    expect_stages(GUID, "detached", "executing")
good(two, theirs, "the other nexus's command")
with held(DEVICE):
    theirs, ordered = one.read(0), one.read(8, attr=ORDERED)
    expect_stages(GUID, "executing", "queued")
    expect(COMPLETE, two.manage(CLEAR_TASK_SET), "response to CLEAR TASK SET")
expect([(0x2F, 0)], one.clear_attentions(), "unit attentions of who lost commands")
expect([], two.clear_attentions(), "unit attentions of who cleared")
expect_stages(GUID)

print("== there is no ACA", flush=True)
answer = one.do(TEST_UNIT_READY, attr=ACA)
expect((CHECK, (5, 0x49, 0)), (answer.status, answer.code), "a command with the ACA attribute")
answer = one.do(bytes(5) + b"\x04")
expect((CHECK, (5, 0x24, 0)), (answer.status, answer.code), "a command with NACA")
expect(UNSUPPORTED, one.manage(CLEAR_ACA), "response to CLEAR ACA")

print("== an LU that goes offline answers what waits", flush=True)
with held(DEVICE):
    first, ordered = one.read(0), one.read(8, attr=ORDERED)
    expect_stages(GUID, "executing", "queued")
    run("stmfadm", "offline-lu", GUID, good=False)
    answer = one.answer(ordered)
    expect((CHECK, (2, 0x04, 0x12)), (answer.status, answer.code), "the queued command")
good(one, first, "the command that the device had")
run("stmfadm", "online-lu", GUID)
one.clear_attentions()
two.clear_attentions()

print("== a session ends with commands in line", flush=True)
with held(DEVICE):
    three = Session(TARGET, isid=3)
    three.clear_attentions()
    first, ordered = three.read(0), three.read(8, attr=ORDERED)
    slow = three.write(8, b"Y" * 512, data=b"")
    expect_stages(GUID, "executing", "queued", "data-out")
    behind = one.read(16)
    expect_stages(GUID, "executing", "queued", "data-out", "queued")
    three.close()
    expect_stages(GUID, "detached", "executing")
good(one, behind, "a command behind them")

print("== ordered writes to one block, none waited for", flush=True)
for n in range(400):
    attr = ORDERED if n % 3 else HEAD_OF_QUEUE if n % 7 == 0 else ORDERED
    tags = [one.write(40, bytes([n % 256]) * 512, attr=ORDERED)]
    if attr == HEAD_OF_QUEUE:
        tags.append(two.start(TEST_UNIT_READY, attr=attr))
    if n % 60 == 59:
        seen = good(one, one.read(40, 1), "a read").data
        expect(bytes([n % 256]) * 512, seen, f"content after {n + 1} ordered writes")
good(one, tags[0], "the last write")
expect_stages(GUID)
begin = time.monotonic()
for n in range(300):
    good(one, one.read(n), "a simple read")
print(f"    300 simple reads: {time.monotonic() - begin:.2f} s")
