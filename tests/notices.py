#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/notices.sh: `notices.py TARGET GUID`."""

import subprocess
import sys
import time

from raw_session import Session
from steps import expect, fail, run

TARGET, GUID = sys.argv[1:3]
SCSI_EVENT, LOGOUT_REQUEST, DROP_CONNECTION = 0, 1, 2
LUNS_CHANGED = (0x3F, 0x0E)


def changes(session, seconds):
    """How often a session is told within so many seconds that its LUNs are others."""
    before = len(session.notices)
    session.until(lambda: False, seconds)
    news = session.notices[before:]
    for event, *parameters, sense in news:
        expect((SCSI_EVENT, [0, 0, 0]), (event, parameters), "event and parameters")
        expect((0x70, 6, *LUNS_CHANGED), (sense[0], sense[2], *sense[12:14]), "sense data")
    return len(news)


def lun_changes():
    """A view that comes or goes is told at once; many within a second are told once more."""
    session = Session(TARGET)
    expect(0, changes(session, 1.5), "news without a change")
    run("stmfadm", "add-view", "-n", "7", GUID)
    expect(1, changes(session, 2), "news of a view")
    began = time.monotonic()
    for _ in range(4):
        run("stmfadm", "remove-view", "-l", GUID, "-a")
        run("stmfadm", "add-view", "-n", "7", GUID)
    took = time.monotonic() - began
    # One a second at most, however long the tool takes.
    if not 1 <= (told := changes(session, 3)) <= took + 2:
        fail(f"expected 8 changes within {took:.1f} s to be told once or a few times, got {told}")
    session.logout()


def expect_request(session):
    """The tool that has it sent takes a while to start."""
    if not session.until(lambda: session.notices, 20):
        fail("expected a request to log out within 20 s")
    expect((LOGOUT_REQUEST, 0, 0, 3, b""), session.notices[0], "request to log out")


def logout_request():
    """An initiator is asked to leave before its target does, and told when it has not."""
    polite, deaf = Session(TARGET, isid=1), Session(TARGET, isid=2)
    began = time.monotonic()
    # The target waits for both.
    away = subprocess.Popen(["stmfadm", "offline-target", TARGET])
    for session in (polite, deaf):
        expect_request(session)
    asked = time.monotonic()
    if not polite.logout():
        fail("expected the logout to be answered")
    if not deaf.until(lambda: len(deaf.notices) > 1, 20):
        fail("expected to be told that the connection is dropped")
    expect((DROP_CONNECTION, 0, 2, 0, b""), deaf.notices[1], "news of the drop")
    try:
        deaf.until(lambda: False, 20)
        fail("expected the connection to be closed")
    except ConnectionError:
        pass
    expect(0, away.wait(20), "exit status of offline-target")
    now = time.monotonic()
    if now - began < 3 or now - asked > 8:
        fail(f"expected offline-target to wait 3 s for who doesn't leave, it took {now - asked:.1f} s")
    run("stmfadm", "online-target", TARGET)


def leave_at_once():
    """Who leaves when asked to keeps nobody waiting."""
    took = [seconds_to_leave() for _ in range(3)]
    # Waiting for the one that has left it would take 3 s each time; on a busy machine the tool may take as long.
    if min(took) >= 2.5:
        fail(f"expected offline-target not to wait, it took {', '.join(f'{seconds:.1f}' for seconds in took)} s")


def seconds_to_leave():
    """How long after the logout of the one session the target is offline."""
    session = Session(TARGET)
    away = subprocess.Popen(["stmfadm", "offline-target", TARGET])
    expect_request(session)
    asked = time.monotonic()
    session.logout()
    expect(0, away.wait(20), "exit status of offline-target")
    took = time.monotonic() - asked
    run("stmfadm", "online-target", TARGET)
    return took


def silence(seconds):
    """Who doesn't answer a ping is given up; says after how long."""
    began = time.monotonic()
    session = Session(TARGET)
    session.socket.settimeout(30)
    ping, _ = session.receive_pdu()
    expect((0x20, b"\xff" * 4), (ping[0], ping[16:20]), "a NOP-In of the target's own")
    asked = time.monotonic() - began
    try:
        session.receive_pdu()
        fail("expected the session to end")
    except ConnectionError:
        pass
    ended = time.monotonic() - began
    for what, got, least in (("asked", asked, seconds), ("given up", ended, 2 * seconds)):
        if not least - 0.5 <= got < least + 8:
            fail(f"expected to be {what} after {least} s, it was {got:.1f} s")


lun_changes()
logout_request()
leave_at_once()
run("itadm", "modify-target", "--limit", "NopInInterval=2", TARGET)
silence(2)
run("itadm", "modify-target", "--limit", "NopInInterval=default", TARGET)
run("itadm", "modify-defaults", "--limit", "NopInInterval=1")
silence(1)
run("itadm", "modify-defaults", "--limit", "NopInInterval=default")
