#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Connections that don't log in, from one address and from another: `visitors.py TARGET`."""

import contextlib
import glob
import socket
import struct
import sys
import time

from raw_session import Session

TARGET = sys.argv[1]
EACH, CROWD = 64, 90
ALL, SEEKERS = 256, 260
LOGINS = 300


def check(condition, what):
    if not condition:
        sys.exit(f"visitors.py: expected that {what}")
    print(f"    {what}")


def visit(address):
    visitor = socket.create_connection(("127.0.0.1", 3260), 10, (address, 0))
    visitor.setblocking(False)
    return visitor


def seek(address):
    """A discovery session, in which nothing is asked for."""
    seeker = socket.create_connection(("127.0.0.1", 3260), 10, (address, 0))
    keys = b"InitiatorName=iqn.2024-01.test:seeker\0SessionType=Discovery\0"
    header = bytes([0x43, 0x87, 0, 0, 0]) + len(keys).to_bytes(3, "big") + bytes(8)
    header += struct.pack(">IIII", 1, 0, 1, 0) + bytes(16)
    seeker.sendall(header + keys + bytes(-len(keys) % 4))
    answer = seeker.recv(4096)
    if answer[0] != 0x23 or answer[36:38] != b"\0\0":
        sys.exit(f"visitors.py: expected a discovery session, got {answer.hex()}")
    seeker.setblocking(False)
    return seeker


def is_open(visitor):
    try:
        return visitor.recv(4096) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def log_in():
    """Sends a login that takes the place of the session that there is of its initiator port, and doesn't wait."""
    keys = f"InitiatorName=iqn.2024-01.test:again\0TargetName={TARGET}\0SessionType=Normal\0".encode()
    header = bytes([0x43, 0x87, 0, 0, 0]) + len(keys).to_bytes(3, "big") + bytes([0x80, 0, 0, 0, 0, 9, 0, 0])
    header += struct.pack(">IIII", 1, 0, 1, 0) + bytes(16)
    visitor = visit("127.0.0.9")
    visitor.sendall(header + keys + bytes(-len(keys) % 4))
    return visitor


def served():
    """The connections that have a thread."""
    names = []
    for comm in glob.glob("/proc/[0-9]*/comm"):
        with contextlib.suppress(OSError), open(comm, encoding="ascii") as file:
            names.append(file.read())
    return sum(name.startswith("iscsit/conn") for name in names)


before = served()
logins = [log_in() for _ in range(LOGINS)]
since = time.monotonic()
# Less than a login waits for the session whose place it takes.
while (now := served() - before) > EACH + 8 and time.monotonic() - since < 1:
    time.sleep(0.1)
check(now <= EACH + 8, f"of {LOGINS} logins in each other's place at most {EACH} are served, got {now}")
for visitor in logins:
    visitor.close()

# These have more time than who doesn't log in.
seekers = [seek(f"127.0.0.{2 + number % 5}") for number in range(SEEKERS)]
since = time.monotonic()
while sum(map(is_open, seekers)) > ALL and time.monotonic() - since < 12:
    time.sleep(0.1)
check(sum(map(is_open, seekers)) == ALL, f"{ALL} of {SEEKERS} from several addresses stay")
check(all(map(is_open, seekers[-ALL:])), "they are those that came last, too")

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
while is_open(seekers[-1]) and time.monotonic() - since < 75:
    time.sleep(0.5)
check(59 < time.monotonic() - since < 75, "a discovery session in which nothing is asked for is ended after 60 s")
