#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/held_threads.sh: `held_threads.py STEP TARGET`.

LUN 0 is that of stmf_faulty: a read of block 4 holds up the thread that executes it for four seconds.
Somebody who wants the place of its connection has to wait for its end, but for two seconds at most.
"""

import json
import sys
import time

from raw_session import CHECK, GOOD, Refused, Session
from steps import expect, fail, run

STEP, TARGET = sys.argv[1:]
MANY = ("MaxConnections=4",)
UNAVAILABLE, CLEANUP_FAILED = 0x0301, 3


def connections(count):
    first = Session(TARGET, more=MANY)
    return [first, *(Session(TARGET, of=first, cid=cid) for cid in range(1, count))]


def hold(link):
    """From here on the thread of a connection is held up."""
    while link.do(bytes(6)).status == CHECK:
        pass
    link.read(4, 1)
    time.sleep(0.3)


def listed():
    """The connections of the target's sessions."""
    sessions = json.loads(run("itadm", "list-session", "--json", TARGET))
    return sorted((one["tsih"], one["cid"]) for one in sessions)


def expect_later(what, **how):
    """A login is refused for now, as long as the old connection is there, and then succeeds."""
    before, refused = listed(), 0
    begin = time.monotonic()
    while True:
        try:
            new = Session(TARGET, **how)
            break
        except Refused as refusal:
            expect(f"{UNAVAILABLE:04x}", f"{refusal.status:04x}", f"status of {what}")
            if not refused:
                expect(before, listed(), f"connections when {what} was refused")
            refused += 1
        if time.monotonic() - begin > 15:
            fail(f"expected {what} to succeed when the old one has ended")
    if not refused:
        fail(f"expected {what} to be refused while the old connection's thread is held up")
    if time.monotonic() - begin < 3:
        fail(f"expected {what} to succeed no sooner than the thread goes on")
    while new.do(bytes(6)).status == CHECK:
        pass
    expect(GOOD, new.do(bytes(6)).status, f"status of a command after {what}")
    return new


def session():
    """Of a session, whether it may have several connections or not."""
    for more in ((), MANY):
        old = Session(TARGET, more=more)
        hold(old)
        new = expect_later("a login for the place of a session", more=more)
        expect(1, len(listed()), "connections")
        new.logout()
        old.close()


def connection():
    """Of a connection, of a session with one or several."""
    for count in (1, 2):
        links = connections(count)
        hold(links[-1])
        how = {"of": links[0], "cid": count - 1}
        new = expect_later("a login for the place of a connection", **how)
        expect(count, len(listed()), "connections")
        new.logout()
        for link in links:
            link.close()


def logouts():
    """A logout that doesn't end what it should says so."""
    for what in ({"cid": 1}, {"reason": 0}):
        one, two = connections(2)
        hold(two)
        expect(CLEANUP_FAILED, one.leave(**what), f"response to a logout with {what}")
        one.close()
        two.close()
        time.sleep(4)


globals()[STEP]()
