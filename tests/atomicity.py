#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""COMPARE AND WRITE and ORWRITE against commands that aren't like them, on the same blocks:
`atomicity.py TARGET SECONDS`.  A step of tests/guest/atomic_commands.sh.

One initiator writes values that are written once only, by whichever command, and looks what is there a while
later.  Others replace what they read by new values, with COMPARE AND WRITE: so each of their values is known to
follow one other at once.  What is there has to follow, over any number of these, the last that the first one wrote.
"""

import random
import struct
import sys
import threading
import time

from raw_session import BUSY, GOOD, Session
from steps import expect, fail

TARGET, SECONDS = sys.argv[1], float(sys.argv[2])
MOST = SECONDS + 60  # On a slow machine.
LUN, LBA, BLOCKS = 1, 64, 8
BEHIND = LBA + BLOCKS  # Where ORWRITE is tried.
MISCOMPARE = (14, 0x1D, 0)
OVER = threading.Event()
# What was there at once before a value that COMPARE AND WRITE has written.
BEFORE = {}


def blocks(value):
    """So many blocks of one value."""
    return struct.pack(">Q", value) * (BLOCKS * 512 // 8)


def value_of(data):
    """The value that all the blocks have."""
    values = {value for (value,) in struct.iter_unpack(">Q", data)}
    if len(values) != 1:
        fail(f"expected blocks of one value, got a mixture of {sorted(values)}")
    return values.pop()


def do(session, cdb, **how):
    """A command, again while blocks are busy."""
    answer = session.do(cdb, lun=LUN, **how)
    while answer.status == BUSY:
        time.sleep(0.01)
        answer = session.do(cdb, lun=LUN, **how)
    return answer


def read(session):
    answer = do(session, struct.pack(">BBIBHB", 0x28, 0, LBA, 0, BLOCKS, 0), read=BLOCKS * 512)
    expect(GOOD, answer.status, "status of a read")
    return value_of(answer.data)


def write_10(session, code, value):
    return do(session, struct.pack(">BBIBHB", code, 0, LBA, 0, BLOCKS, 0), write=blocks(value))


def write_same(session, value):
    return do(session, struct.pack(">BBQIBB", 0x93, 0, LBA, BLOCKS, 0, 0), write=blocks(value)[:512])


WAYS = (lambda session, value: write_10(session, 0x2A, value), lambda session, value: write_10(session, 0x2E, value),
        write_same)


def replace(session, number):
    """Replaces what is there, again and again."""
    value = number << 32
    while not OVER.is_set():
        old = read(session)
        value += 1
        answer = do(session, struct.pack(">BBQIBB", 0x89, 0, LBA, BLOCKS, 0, 0), write=blocks(old) + blocks(value))
        if answer.status == GOOD:
            BEFORE[value] = old
        else:
            expect(MISCOMPARE, answer.code, "sense data of COMPARE AND WRITE")


def add_bits(session, number):
    """Sets a bit of its own after the other, by ORWRITE; nobody clears any."""
    for bit in range(number * 64, number * 64 + 64):
        data = bytearray(512)
        data[bit // 8] = 1 << bit % 8
        answer = do(session, struct.pack(">BBQIBB", 0x8B, 0, BEHIND, 1, 0, 0), write=bytes(data))
        expect(GOOD, answer.status, "status of ORWRITE")
        if OVER.is_set():
            fail(f"expected ORWRITE of 64 bits within {MOST:.0f} s, got {bit - number * 64}")


def origin(value):
    """What COMPARE AND WRITE began with that led to a value."""
    while value in BEFORE:
        value = BEFORE[value]
    return value


def overwrite(session, beside):
    """Writes values, and looks what has become of them, until those beside are done and enough was replaced."""
    seen, value = [], 0
    begin = time.monotonic()
    while (took := time.monotonic() - begin) < MOST:
        replaced = sum(written != found for written, found in seen)
        if took > SECONDS and 5 <= replaced < len(seen) and not any(thread.is_alive() for thread in beside):
            break
        value += 1
        answer = random.choice(WAYS)(session, value)
        expect(GOOD, answer.status, "status of a write")
        time.sleep(random.uniform(0, 0.1))
        seen.append((value, read(session)))
    OVER.set()
    return seen


failures = []


def guarded(what, *arguments):
    try:
        what(*arguments)
    except (Exception, SystemExit) as failure:  # pylint: disable=broad-exception-caught
        failures.append(repr(failure))


sessions = [Session(TARGET, isid=isid) for isid in range(1, 7)]
for one in sessions:
    one.clear_attentions(LUN)
threads = [threading.Thread(target=guarded, args=(replace, sessions[number], number)) for number in (1, 2, 3)]
adders = [threading.Thread(target=guarded, args=(add_bits, sessions[number], number - 4)) for number in (4, 5)]
threads += adders
expect(GOOD, write_10(sessions[0], 0x2A, 0).status, "status of a write")
for thread in threads:
    thread.start()
history = overwrite(sessions[0], adders)
for thread in threads:
    thread.join()
if failures:
    fail("\n".join(failures))
for written, found in history:
    expect(written, origin(found), f"what led to the value {found:#x}")
bits = do(sessions[0], struct.pack(">BBIBHB", 0x28, 0, BEHIND, 0, 1, 0), read=512).data
expect(b"\xff" * 16, bits[:16], "the bits that two initiators have set by ORWRITE")
followed = sum(written != found for written, found in history)
print(f"    {len(history)} values written, {followed} of them replaced, {len(BEFORE)} by COMPARE AND WRITE", flush=True)
if followed < 5 or followed == len(history):
    fail("expected COMPARE AND WRITE to replace some of the values, and not all")
for one in sessions:
    one.logout()
