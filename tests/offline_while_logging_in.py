#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/offline_while_logging_in.sh: `offline_while_logging_in.py TARGET GUID`."""

import collections
import sys
import threading
import time

from raw_session import Session
from steps import expect, fail, run, timed, tried

TARGET, GUID = sys.argv[1:3]
ROUNDS, GUESTS, MOST = 20, 3, 50
END = threading.Event()
COUNT = collections.Counter()


def log_in(number):
    """Has an initiator log in all the time; its sessions stay until after the round in which they began."""
    there, isid = collections.deque(), 0
    while not END.is_set():
        isid += 1
        name = f"iqn.2024-01.test:guest{number}"
        there.append((COUNT["rounds"], Session(TARGET, name=name, isid=isid)))
        COUNT["logins"] += 1
        while len(there) > MOST and there[0][0] == COUNT["rounds"] and not END.is_set():
            time.sleep(0.01)
        if there[0][0] != COUNT["rounds"]:
            there.popleft()[1].logout()
    for _, session in there:
        session.logout()
    COUNT["guests"] += 1


guests = [threading.Thread(target=log_in, args=(number,)) for number in range(GUESTS)]
for guest in guests:
    guest.start()
try:
    for _ in range(ROUNDS):
        # A unit that is in use is waited for, four seconds, and then that is an error.
        timed("offline-lu", lambda: run("stmfadm", "offline-lu", GUID), 10)
        if GUID in run("stmfadm", "stats", "-b", "nexus"):
            fail("expected that no session sees the disk once it is offline")
        run("stmfadm", "online-lu", GUID)
        COUNT["rounds"] += 1
finally:
    END.set()
    for guest in guests:
        guest.join()
expect(GUESTS, COUNT["guests"], "initiators that could log in all the time")
if COUNT["logins"] < 2 * ROUNDS:
    fail(f"expected at least {2 * ROUNDS} logins meanwhile, got {COUNT['logins']}")
tried(ROUNDS, "a disk taken offline while initiators log in")
print(f"    {COUNT['logins']} logins", flush=True)
