#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/portal_groups.sh: `portal_groups.py TARGET`, which is in the groups of ports 3260 and 3261."""

import sys
import time

from raw_session import GOOD, Session
from steps import expect

TARGET = sys.argv[1]
CONFLICT = 0x18
RESERVE = bytes([0x16, 0, 0, 0, 0, 0])
WRITE_ECHO_BUFFER = bytes([0x3B, 0x0A, 0, 0, 0, 0, 0, 0, 4, 0])
ECHO_BUFFERS = 64  # That an initiator has of a disk at the same time.

stranger = Session(TARGET, name="iqn.2024-01.test:stranger")
stranger.clear_attentions()
for last in 3260, 3261:
    sessions = {port: Session(TARGET, isid=1, address=("127.0.0.1", port)) for port in (3260, 3261)}
    for session in sessions.values():
        session.clear_attentions()
    expect(GOOD, sessions[3260].do(RESERVE).status, "RESERVE")
    expect(CONFLICT, stranger.do(bytes(6)).status, "TEST UNIT READY of another, when the disk is reserved")
    stays = sessions.pop(last)
    for session in sessions.values():
        session.logout()
    expect(GOOD, stays.do(bytes(6)).status, "TEST UNIT READY of the session that stays")
    expect(CONFLICT, stranger.do(bytes(6)).status, f"TEST UNIT READY of another, when only port {last} is left")
    stays.logout()
    # A session's end is told before it is quite over.
    end = time.monotonic() + 20
    while (status := stranger.do(bytes(6)).status) == CONFLICT and time.monotonic() < end:
        time.sleep(0.05)
    expect(GOOD, status, "TEST UNIT READY of another, when no session is left")
stranger.logout()

print("== what is kept for a session goes with it, when its nexus stays, too", flush=True)
stays = Session(TARGET, isid=1, address=("127.0.0.1", 3260))
for number in range(ECHO_BUFFERS + 1):
    one = Session(TARGET, isid=1, address=("127.0.0.1", 3261))
    one.clear_attentions()
    expect(GOOD, one.do(WRITE_ECHO_BUFFER, write=b"echo").status, f"WRITE BUFFER of session {number + 1}")
    one.logout()
stays.logout()
