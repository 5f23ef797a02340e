#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/held_threads.sh: `held_threads.py STEP TARGET`.

LUN 0 is that of stmf_faulty: a read of block 4 holds up the thread that executes it for four seconds.
Somebody who wants the place of its connection has to wait for its end, but for two seconds at most.
"""

import json
import sys
import threading
import time

from raw_session import ABORT_TASK, CHECK, GOOD, NO_TASK, REJECTED, UNAVAILABLE, Refused, Session
from steps import executing, expect, fail, run, wait_executing

STEP, TARGET = sys.argv[1:]
MANY = ("MaxConnections=4",)
CLEANUP_FAILED = 3
HELD = 4  # Seconds, by which the thread is held up.


def connections(count):
    first = Session(TARGET, more=MANY)
    return [first, *(Session(TARGET, of=first, cid=cid) for cid in range(1, count))]


def hold(link):
    """From here on the thread of a connection is held up. Gives the time before it began."""
    while link.do(bytes(6)).status == CHECK:
        pass
    others = executing()
    begin = time.monotonic()
    link.read(4, 1)
    wait_executing(others + 1)
    # The second login that waits two seconds isn't to give up just when the thread goes on.
    time.sleep(0.3)
    return begin


def listed():
    """The connections of the target's sessions."""
    sessions = json.loads(run("itadm", "list-session", "--json", TARGET))
    return sorted((one["tsih"], one["cid"]) for one in sessions)


def expect_later(what, old, **how):
    """A login is refused for now, while the thread of the old connection is held up, and then succeeds."""
    # To list them takes long on a busy machine, too long for the two seconds in which a login has to come then.
    before = listed()
    begin, refused = hold(old), 0
    while True:
        try:
            new = Session(TARGET, **how)
            break
        except Refused as refusal:
            expect(f"{UNAVAILABLE:04x}", f"{refusal.status:04x}", f"status of {what}")
            now = listed()
            # By now, on a busy machine, the old connection may have ended.
            if time.monotonic() - begin < HELD:
                expect(before, now, f"connections when {what} was refused")
            refused += 1
        if time.monotonic() - begin > 20:
            fail(f"expected {what} to succeed when the old one has ended")
    if not refused:
        fail(f"expected {what} to be refused while the old connection's thread is held up")
    if time.monotonic() - begin < HELD:
        fail(f"expected {what} to succeed no sooner than the thread goes on")
    while new.do(bytes(6)).status == CHECK:
        pass
    expect(GOOD, new.do(bytes(6)).status, f"status of a command after {what}")
    return new


def session():
    """Of a session, whether it may have several connections or not."""
    for more in ((), MANY):
        old = Session(TARGET, more=more)
        new = expect_later("a login for the place of a session", old, more=more)
        expect(1, len(listed()), "connections")
        new.logout()
        old.close()


def connection():
    """Of a connection, of a session with one or several."""
    for count in (1, 2):
        links = connections(count)
        how = {"of": links[0], "cid": count - 1}
        new = expect_later("a login for the place of a connection", links[-1], **how)
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
        time.sleep(HELD)


def functions():
    """The answer to a function waits for a thread that is held up: not for who was refused its place, nor for ever."""
    one, two = connections(2)
    hold(two)
    refusals = []
    login = threading.Thread(target=lambda: refusals.append(refusal(of=one, cid=1)))
    login.start()
    time.sleep(0.5)
    expect(NO_TASK, one.manage(ABORT_TASK, tag=4711, seconds=15), "response when the thread goes on")
    login.join(10)
    expect([UNAVAILABLE], refusals, "status of a login for the place of a connection")
    one.close()
    two.close()
    run("itadm", "modify-target", "--limit", "NopInInterval=2", TARGET)
    # From here on no tool is run: who says nothing for four seconds is gone.
    one, two = connections(2)
    hold(two)
    number = two.cmd_sn - 1
    two.read(4, 1)
    begin = time.monotonic()
    answer = one.manage(ABORT_TASK, tag=4711, ref_cmd_sn=number, seconds=15)
    expect(REJECTED, answer, "response while the thread is held up")
    if time.monotonic() - begin < 3.9:
        fail("expected the others to have four seconds")
    one.close()
    two.close()
    run("itadm", "modify-target", "--limit", "NopInInterval=default", TARGET)


def refusal(**how):
    """The status with which a login is refused; `None` if it isn't."""
    try:
        Session(TARGET, **how).close()
    except Refused as refused:
        return refused.status
    return None


globals()[STEP]()
