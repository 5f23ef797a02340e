#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/deaf_initiators.sh: `deaf.py TARGET OTHER GUID FILE PATIENCE`.

OTHER is a target through which somebody else uses the disk meanwhile.
"""

import contextlib
import socket
import struct
import sys
import time

from raw_session import GOOD, NOBODY, Session
from steps import expect, expect_stages, fail, run, stages, timed, tried

TARGET, OTHER, GUID, FILE, PATIENCE = *sys.argv[1:5], int(sys.argv[5])
READS = 16  # Of a MiB: more than the target's end of a connection has room for.
BLOCKS = 2048  # That is a MiB.
MARGIN = 8  # Seconds, for a machine that is busy.
LIMIT = 2 * PATIENCE + MARGIN  # Seconds until who doesn't read is gone.


def deafen(session):
    """It asks for more than it reads, so its window is closed; gives the tags."""
    works()
    tags = [session.read(number * BLOCKS, BLOCKS) for number in range(READS)]
    end = time.monotonic() + MARGIN
    while set(stages(GUID)) != {"data-in"} and time.monotonic() < end:
        time.sleep(0.1)
    if set(stages(GUID)) != {"data-in"}:
        fail(f"expected answers that can't be sent, got {stages(GUID)}")
    return tags


def hears(session, tags):
    """It reads again: each answer is there, with the right data."""
    with open(FILE, "rb") as file:
        for number, tag in enumerate(tags):
            answer = session.answer(tag)
            expect(GOOD, answer and answer.status, f"status of read {number}")
            expect(True, answer.data == file.read(BLOCKS * 512), f"that the data of read {number} are those of the disk")


def sessions():
    return run("itadm", "list-session", TARGET).count("iqn.2024-01.test:raw")


def works():
    """Another initiator is served all the time."""
    answer = other.answer(other.read(0), 5)
    expect(GOOD, answer and answer.status, "status of a read by another, within 5 s")


def ping(session):
    """A NOP-Out that wants an answer, if there is room for it."""
    session.tag += 1
    rest = bytes(8) + struct.pack(">IIII", session.tag, NOBODY, session.cmd_sn, session.exp_stat_sn)
    with contextlib.suppress(OSError):
        session.send(0x40, 0x80, rest + bytes(16))


def goes(session, what, say):
    """Its session ends, in time, and with it what the target keeps for it."""

    def wait():
        end = time.monotonic() + LIMIT
        while sessions() and time.monotonic() < end:
            say(session)
            works()
            time.sleep(0.3)

    expect(1, sessions(), "sessions")
    session.socket.settimeout(0.5)
    timed(f"the end of one that doesn't read, and {what}", wait, LIMIT)
    expect(0, sessions(), "sessions of who doesn't read")
    expect_stages(GUID)
    session.close()


other = Session(OTHER, isid=1)
other.clear_attentions()


def deaf_session():
    session = Session(TARGET, isid=2)
    # TCP would give one that has read fast room for all of it.
    session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    session.clear_attentions()
    return session


print("== who reads late gets all of it", flush=True)
deaf = deaf_session()
late = deafen(deaf)
time.sleep(PATIENCE / 2)
works()
hears(deaf, late)

print("== the disk goes offline, and is deleted, as if nothing were to be sent", flush=True)
late = deafen(deaf)
timed("offline-lu", lambda: run("stmfadm", "offline-lu", GUID), 10)
expect_stages(GUID)
hears(deaf, late)
run("stmfadm", "online-lu", GUID)
deaf.clear_attentions()
other.clear_attentions()
late = deafen(deaf)
timed("delete-lu", lambda: run("stmfadm", "delete-lu", "-k", GUID), 10)
hears(deaf, late)
run("stmfadm", "create-lu", "-p", f"guid={GUID}", FILE)
deaf.clear_attentions()
other.clear_attentions()

for what, say in ("says nothing", lambda session: None), ("pings", ping):
    print(f"== who doesn't read, and {what}, has to go", flush=True)
    deafen(deaf)
    goes(deaf, what, say)
    deaf = deaf_session()
deaf.logout()
other.logout()
tried(5, "an initiator that doesn't read what it asked for")
