#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""One initiator can't take all places for echo buffers and aliases: `echo_buffers.py TARGET`.  A step of
tests/guest/buffers.sh.
"""

import struct
import sys
import time

from blocks import said
from raw_session import GOOD, Session
from steps import expect

TARGET = sys.argv[1]
PLACES, REFUSED = 64, (5, 0x55, 3)  # Of 256; INSUFFICIENT RESOURCES.


def write_echo(name, isid):
    """Has a new session write its echo buffer; gives it, and how that ended."""
    session = Session(TARGET, name=f"iqn.2024-01.test:{name}", isid=isid)
    session.clear_attentions()
    return session, said(session.do(bytes([0x3B, 0x0A, 0, 0, 0, 0, 0, 0, 4, 0]), write=b"echo"))


def change_aliases(session, count):
    """CHANGE ALIASES with so many; gives how it ended."""
    entries = b"".join(struct.pack(">QBxxxxxH8s", 1 + n, 5, 8, b"iqn.a") for n in range(count))
    parameters = struct.pack(">II", 4 + len(entries), 0) + entries
    return said(session.do(struct.pack(">BB4xIxx", 0xA4, 0x0B, len(parameters)), write=parameters))


greedy = []
for number in range(PLACES + 1):
    expected = GOOD if number < PLACES else REFUSED
    one, end = write_echo("greedy", 1 + number)
    greedy.append(one)
    expect(expected, end, f"WRITE BUFFER of session {number + 1} of an initiator")
    expect(expected, change_aliases(one, 16), f"CHANGE ALIASES of session {number + 1} of an initiator")
expect(REFUSED, change_aliases(greedy[0], 17), "CHANGE ALIASES with more aliases than a session may have")
other, end = write_echo("modest", 1)
expect(GOOD, end, "WRITE BUFFER of another initiator")
greedy[0].logout()
for number in range(50):
    # It ends when its logout has been answered.
    one, end = write_echo("greedy", 100 + number)
    greedy.append(one)
    if end == GOOD:
        break
    time.sleep(0.1)
expect(GOOD, end, "WRITE BUFFER when a session has ended")
for session in (*greedy[1:], other):
    session.close()
