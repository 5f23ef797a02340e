#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/cold_reset.sh: `cold_reset.py TARGET OTHER`."""

import sys

from raw_session import COMPLETE, GOOD, TARGET_COLD_RESET, Session
from steps import expect, fail

TARGET, OTHER = sys.argv[1:3]


def expect_end(session, who):
    """The target closes the connection by itself."""
    try:
        while session.take(5):
            pass
    except ConnectionError:
        return
    fail(f"expected the session of {who} to end within 5 s")


one, two = Session(TARGET, isid=1), Session(TARGET, isid=2)
away = Session(OTHER, isid=1)
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
