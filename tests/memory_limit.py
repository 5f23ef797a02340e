#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/memory_limit.sh: `memory_limit.py TARGET DEVICE`.

LUN 1 is on DEVICE, a dm device.
"""

from collections import Counter
import pathlib
import struct
import sys
import time

from raw_session import ABORT_TASK, BUSY, COMPLETE, FULL, GOOD, Session
from steps import expect, fail, held

TARGET, DEVICE = sys.argv[1:3]
SESSIONS, LARGE = 60, 8 << 20


def memory(what):
    """In MiB."""
    lines = pathlib.Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith(what))


# A quarter of the machine's memory, and what else changes meanwhile.
LIMIT = memory("MemTotal") // 4 + 150
before = memory("MemAvailable")
greedy, admitted, refused = [], 0, 0
statuses = set()
for number in range(SESSIONS):
    session = Session(TARGET, name="iqn.2024-01.test:greedy", isid=1 + number)
    session.clear_attentions()
    owed = []
    greedy.append((session, owed))
    for tag in [session.owe(0, LARGE) for _ in range(4)]:
        # It is asked for its data, or refused.
        answer = session.answers[tag]
        if not session.until(lambda answer=answer: answer.r2t or answer.status is not None, 20):
            fail("expected an R2T or an answer within 20 s")
        if answer.status is None:
            admitted += 1
            owed.append(tag)
        else:
            refused += 1
            statuses.add(answer.status)
            expect(FULL if owed else BUSY, answer.status, f"status of a write of a session with {len(owed)}")
    if before - memory("MemAvailable") > LIMIT:
        fail(f"expected at most {LIMIT} MiB to be taken, {before - memory('MemAvailable')} are after {number + 1} sessions")
print(f"    {admitted} writes of {LARGE >> 20} MiB were admitted, {refused} refused; "
      f"{before - memory('MemAvailable')} of {before} MiB taken", flush=True)
if BUSY not in statuses or admitted < 4:
    fail("expected some to be admitted, and all of a session to be refused")

print("== somebody else's commands are carried out", flush=True)
other = Session(TARGET, name="iqn.2024-01.test:modest", isid=999)
other.clear_attentions()
data = b"modest  " * 8192
expect(GOOD, other.answer(other.write(0, data)).status, "a write of 64 KiB")
expect(True, other.answer(other.read(0, 128)).data == data, "that a read sees it")


def write_large():
    """In a while, when the commands that were aborted have gone."""
    for _ in range(50):
        answer = other.answer(other.write(0, bytes(LARGE), data=bytes(65536)))
        if answer.status == GOOD:
            break
        time.sleep(0.1)
    expect(GOOD, answer.status, f"a write of {LARGE >> 20} MiB")


print("== what waits behind a gap counts, too, unless it is little", flush=True)
keepers, ended = [], 0
for number in range(16):
    session = Session(TARGET, name="iqn.2024-01.test:keeper", isid=2000 + number, more=("FirstBurstLength=262144",))
    session.clear_attentions()
    session.cmd_sn += 1
    keepers.append(session)
    try:
        for _ in range(3):
            session.write(0, bytes(262144))
        session.take(0.2)
    except OSError:
        ended += 1
print(f"    {ended} of {len(keepers)} connections that keep 768 KiB have ended", flush=True)
if not ended:
    fail("expected some connections to end")
other.cmd_sn += 1
late = other.write(0, data)
before_it = other.start(bytes(6), cmd_sn=other.cmd_sn - 2)
ends = [other.answer(tag).status for tag in (before_it, late)]
expect([GOOD] * 2, ends, "a write of 64 KiB behind a gap, and what fills it")
for session in keepers:
    session.close()

print("== large ones are, too, when the greedy have only small ones left", flush=True)
for session, owed in greedy:
    for tag in owed[1:]:
        expect(COMPLETE, session.manage(ABORT_TASK, tag), "response to ABORT TASK")
    small = session.owe(0, 4096)
    for tag in owed[:1]:
        expect(COMPLETE, session.manage(ABORT_TASK, tag), "response to ABORT TASK")
    answer = session.answers[small]
    if not session.until(lambda answer=answer: answer.r2t, 20):
        fail("expected an R2T for a small write within 20 s")
write_large()

print("== and when they have gone", flush=True)
for session, _ in greedy:
    session.close()
write_large()

print("== answers that a full socket doesn't take count, too, when their commands are over", flush=True)
# So that it is full soon.
WMEM = pathlib.Path("/proc/sys/net/ipv4/tcp_wmem")
usual = WMEM.read_text(encoding="ascii")
WMEM.write_text("4096 16384 65536", encoding="ascii")
before, deaf, status = memory("MemAvailable"), [], GOOD
while status == GOOD and len(deaf) < 600:
    for _ in range(10):
        one = Session(TARGET, name=f"iqn.2024-01.test:deaf{len(deaf) // 200}", isid=4000 + len(deaf))
        one.clear_attentions()
        # As much as is under way at a time.
        for blocks in 2048, 1024:
            one.read(0, blocks)
        deaf.append(one)
    status = other.answer(other.write(0, bytes(LARGE), data=bytes(65536))).status
print(f"    {len(deaf)} sessions don't read 1.5 MiB; {before - memory('MemAvailable')} MiB taken", flush=True)
WMEM.write_text(usual, encoding="ascii")
expect(BUSY, status, "status of a large write when others don't read their answers")
for one in deaf:
    one.close()
write_large()

print("== what a disk needs to carry commands out counts, too", flush=True)
WRITE_SAME = {"cdb": struct.pack(">BBIBHB", 0x41, 0, 0, 0, 512, 0), "write": b"same" * 128}
VERIFY = {"cdb": struct.pack(">BBIBHB", 0x2F, 0, 0, 0, 256, 0)}
SELF_TEST = {"cdb": bytes([0x1D, 4, 0, 0, 0, 0])}


def start(number, count, command):
    """Has a session of its own start so many of a command on the disk that stands still; gives it, and their tags."""
    one = Session(TARGET, name="iqn.2024-01.test:taker", isid=3000 + number)
    one.clear_attentions(1)
    tags = [one.start(**command, lun=1) for _ in range(count)]
    # Carried out when those before it have what they need.
    expect(GOOD, one.do(bytes(6), lun=1).status, "TEST UNIT READY")
    return one, tags


def refusals(started):
    one, tags = started
    return sum(one.answers[tag].status is not None for tag in tags)


before = memory("MemAvailable")
with held(DEVICE):
    takers = [start(number, 100, WRITE_SAME) for number in range(40)]
    taken = before - memory("MemAvailable")
    print(f"    {sum(map(refusals, takers))} of 4000 WRITE SAME were refused; {taken} MiB taken", flush=True)
    if taken > LIMIT:
        fail(f"expected at most {LIMIT} MiB to be taken, {taken} are")
    # Each session may have a little all the same.
    for command in VERIFY, SELF_TEST:
        takers.append(start(len(takers), 8, command))
        if refusals(takers[-1]) not in range(5, 8):
            fail(f"expected most of 8 commands to be refused, {refusals(takers[-1])} were: {command}")
ends = Counter(one.answer(tag, 60).status for one, tags in takers for tag in tags)
if set(ends) - {GOOD, FULL, BUSY} or not ends[GOOD]:
    fail(f"expected what was admitted to be carried out when the device goes on, got {ends}")
for one, _ in takers:
    one.close()
write_large()
other.logout()
