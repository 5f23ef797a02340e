#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/cold_reset.sh: `cold_reset.py shared TARGET OTHER` or `cold_reset.py masked TARGET`."""

import sys

from raw_session import COMPLETE, GOOD, TARGET_COLD_RESET, Session
from steps import expect, fail

STEP, TARGET, *OTHER = sys.argv[1:]
REPORT_LUNS = bytes.fromhex("a00000000000000001000000")


def expect_end(session, who):
    """The target closes the connection by itself."""
    try:
        while session.take(5):
            pass
    except ConnectionError:
        return
    fail(f"expected the session of {who} to end within 5 s")


def shared():
    """All see the same logical unit."""
    one, two = Session(TARGET, isid=1), Session(TARGET, isid=2)
    away = Session(*OTHER, isid=1)
    for each in (one, two, away):
        each.clear_attentions()
    expect(COMPLETE, one.manage(TARGET_COLD_RESET), "response to TARGET COLD RESET")
    expect_end(one, "who sent it")
    expect_end(two, "another initiator port")
    expect([(0x29, 3)], away.clear_attentions(), "what a session of another target is told of the LU")
    expect(GOOD, away.do(bytes(6)).status, "status of TEST UNIT READY by the other target")
    one = Session(TARGET, isid=1)
    expect([(0x29, 0)], one.clear_attentions(), "what a new session is told")
    one.logout()
    away.logout()


def masked():
    """The host groups of `a` and `b` show each of them one logical unit, and nobody else any."""
    def of(name, isid=1):
        return Session(TARGET, name=f"iqn.2024-01.test:{name}", isid=isid)

    ours, theirs, blind = [of("a"), of("a", 2)], of("b"), of("blind")
    seeing = (*ours, theirs)
    for each in seeing:
        each.clear_attentions()
    expect(COMPLETE, blind.manage(TARGET_COLD_RESET), "response to a TARGET COLD RESET of who sees nothing")
    expect_end(blind, "who sees nothing and sent it")
    for each in seeing:
        expect(GOOD, each.do(bytes(6)).status, "status of TEST UNIT READY after that of another")
    blind = of("blind")
    expect(COMPLETE, ours[0].manage(TARGET_COLD_RESET), "response to a TARGET COLD RESET of who sees a unit")
    expect_end(ours[0], "who sent it")
    expect_end(ours[1], "who sees the same unit")
    expect(GOOD, theirs.do(bytes(6)).status, "status of TEST UNIT READY of who sees another unit")
    expect(GOOD, blind.do(REPORT_LUNS, read=256).status, "status of REPORT LUNS of who sees nothing")
    theirs.logout()
    blind.logout()


globals()[STEP]()
