#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Connections that don't log in, from one address and from another: `visitors.py TARGET`."""

import socket
import sys
import time

from raw_session import Session

TARGET = sys.argv[1]
EACH, CROWD = 64, 300


def check(condition, what):
    if not condition:
        sys.exit(f"visitors.py: expected that {what}")
    print(f"    {what}")


def visit(address):
    visitor = socket.create_connection(("127.0.0.1", 3260), 10, (address, 0))
    visitor.setblocking(False)
    return visitor


def is_open(visitor):
    try:
        return visitor.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


start = time.monotonic()
slow = visit("127.0.0.2")
crowd = [visit("127.0.0.1") for _ in range(CROWD)]
while sum(map(is_open, crowd)) > EACH and time.monotonic() - start < 12:
    time.sleep(0.1)
check(sum(map(is_open, crowd)) == EACH, f"{EACH} of {CROWD} from one address stay")
check(all(map(is_open, crowd[-EACH:])), "they are those that came last")
check(is_open(slow), "one from another address stays")
Session(TARGET).close()
check(True, "who logs in is let in, from the crowd's address too")
while is_open(slow) and time.monotonic() - start < 25:
    # A login that never gets on.
    slow.send(b"\x43")
    time.sleep(0.5)
check(14 < time.monotonic() - start < 20, "a login that trickles in is ended after 15 s")
