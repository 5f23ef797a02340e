#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/memory_limit.sh: `memory_limit.py TARGET`."""

import pathlib
import sys
import time

from raw_session import ABORT_TASK, BUSY, COMPLETE, FULL, GOOD, Session
from steps import expect, fail

TARGET = sys.argv[1]
SESSIONS, LARGE = 60, 8 << 20


def memory(what):
    """In MiB."""
    lines = pathlib.Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith(what))


# A quarter of the machine's memory, and what else changes meanwhile.
LIMIT = memory("MemTotal") // 4 + 150
before = memory("MemAvailable")
greedy, held, refused = [], 0, 0
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
            held += 1
            owed.append(tag)
        else:
            refused += 1
            statuses.add(answer.status)
            expect(FULL if owed else BUSY, answer.status, f"status of a write of a session with {len(owed)}")
    if before - memory("MemAvailable") > LIMIT:
        fail(f"expected at most {LIMIT} MiB to be taken, {before - memory('MemAvailable')} are after {number + 1} sessions")
print(f"    {held} writes of {LARGE >> 20} MiB were admitted, {refused} refused; "
      f"{before - memory('MemAvailable')} of {before} MiB taken", flush=True)
if BUSY not in statuses or held < 4:
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
other.logout()
