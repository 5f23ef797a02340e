#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/session_counters.sh: `session_counters.py STEP TARGET`."""

import json
import sys
import time

from raw_session import CHECK, GOOD, Session
from steps import expect, fail, run

STEP, TARGET = sys.argv[1:]
MANY = ("MaxConnections=4",)
DIGESTS = ("HeaderDigest=CRC32C", "DataDigest=CRC32C")
NOTHING = {"CmdPDUs": 0, "RspPDUs": 0, "TxDataOctets": 0, "RxDataOctets": 0, "DigestErrors": 0,
           "FormatErrors": 0}
NO_TIMEOUTS = {"CxnTimeoutErrors": 0}
BLOCK = 512


def listed(session):
    """The connections of a session, by their identifiers."""
    rows = json.loads(run("itadm", "list-session", "--json", TARGET))
    return {row["cid"]: row for row in rows if row["tsih"] == session.tsih}


def calm(session):
    """Reads what there is to report, and says what was counted then."""
    session.clear_attentions()
    return listed(session)[session.cid]["counted"]


def expect_counted(session, before, what, **more):
    """What was counted of a connection beyond what was `before`."""
    now = listed(session)[session.cid]["counted"]
    expect(NOTHING | more, {name: now[name] - before[name] for name in now}, what)


def expect_session(session, what, **all_of_it):
    """What was counted of the session of a connection."""
    now = listed(session)[session.cid]["session"]["counted"]
    expect(NOTHING | NO_TIMEOUTS | all_of_it, now, what)


def expect_gone(session, other):
    """The target closes the connection by itself, and `other` stays."""
    try:
        session.until(lambda: False, 5)
        fail("expected the connection to end within 5 s")
    except ConnectionError:
        session.close()
    end = time.monotonic() + 20
    while session.cid in listed(other) and time.monotonic() < end:
        time.sleep(0.05)
    expect([other.cid], list(listed(other)), "connections that are left")


def expect_good(session, tag):
    answer = session.answer(tag)
    expect(GOOD, answer and answer.status, "status of a command")


def commands():
    """Commands are counted as they come, data as it goes over the wire."""
    session = Session(TARGET)
    now = listed(session)[0]
    expect(NOTHING, now["counted"], "what was counted at the login")
    expect(now["login_time"], now["session"]["login_time"], "when the session began")
    before = calm(session)
    session.do(bytes(6))
    expect_counted(session, before, "of TEST UNIT READY", CmdPDUs=1, RspPDUs=1)

    before = calm(session)
    # Some of the data comes with the command, the rest when it is asked for.
    expect_good(session, session.write(0, bytes(16 * BLOCK), data=bytes(3 * BLOCK)))
    expect_good(session, session.read(0, 16))
    expect_counted(session, before, "of a write and a read of 16 blocks", CmdPDUs=2, RspPDUs=2,
                   TxDataOctets=16 * BLOCK, RxDataOctets=16 * BLOCK)

    before = calm(session)
    answer = session.do(bytes(6), lun=9)
    expect(CHECK, answer.status, "status of a command to no logical unit")
    expect_counted(session, before, "of a command that is refused", CmdPDUs=1, RspPDUs=1)

    before = calm(session)
    session.write(0, bytes(16 * BLOCK), data=bytes(BLOCK))
    session.answers[session.tag].held = True
    session.do(bytes(6))
    expect_counted(session, before, "of a write that waits for its data, and of another command",
                   CmdPDUs=2, RspPDUs=1, RxDataOctets=BLOCK)
    again = Session(TARGET)
    expect(NOTHING, listed(again)[0]["counted"], "what was counted of a session in place of another")
    expect_session(again, "of that session")
    again.logout()


def digests():
    """Damaged data is counted, and a damaged header, which ends the connection."""
    first = Session(TARGET, more=(*MANY, *DIGESTS))
    second = Session(TARGET, of=first, cid=1, more=DIGESTS)
    before = calm(first)
    number = first.cmd_sn
    first.write(0, bytes(BLOCK), damage=[1])
    first.until(lambda: first.rejects, 5)
    expect([2], first.rejects, "reasons of rejects: a data digest error")
    expect_counted(first, before, "of a write with damaged data", CmdPDUs=1, RxDataOctets=BLOCK,
                   DigestErrors=1)
    # It counts as not received.
    expect_good(first, first.write(0, bytes(BLOCK), cmd_sn=number))
    now = listed(first)[0]["counted"]
    second.start(bytes(6), damage=[0])
    first.cmd_sn -= 1
    expect_gone(second, first)
    # Of the header that was damaged nothing is believed.
    expect_session(first, "with the connection that is gone", **(now | {"DigestErrors": 2}))
    first.logout()


def connections():
    """A session counts all of its connections, those that are gone too."""
    links = [Session(TARGET, more=MANY)]
    links += [Session(TARGET, of=links[0], cid=cid) for cid in (1, 2)]
    before = calm(links[0])
    for number, link in enumerate(links):
        for _ in range(number + 1):
            expect_good(link, link.write(0, bytes((number + 1) * BLOCK)))
    rows = listed(links[0])
    expect({1: 2, 2: 3}, {cid: rows[cid]["counted"]["CmdPDUs"] for cid in (1, 2)}, "CmdPDUs")
    whole = dict(before)
    for name, more in (("CmdPDUs", 6), ("RspPDUs", 6), ("RxDataOctets", 14 * BLOCK)):
        whole[name] += more
    for link in links:
        expect_session(link, f"of all, as connection {link.cid} has it", **whole)
    links[1].leave(reason=1, cid=1)
    links[1].close()
    expect_session(links[0], "after a logout of one", **whole)
    new = Session(TARGET, of=links[0], cid=2)
    expect(NOTHING, listed(new)[2]["counted"], "of a connection in place of another")
    expect_session(new, "after one has taken the place of another", **whole)
    new.do(bytes(6))
    whole["CmdPDUs"] += 1
    whole["RspPDUs"] += 1
    expect_session(links[0], "after one more command", **whole)
    links[0].logout()


def format():  # pylint: disable=redefined-builtin
    """PDUs that say what they may not are counted, also if they end their connection."""
    first = Session(TARGET, more=MANY)
    second = Session(TARGET, of=first, cid=1)
    before = calm(first)
    number = first.cmd_sn
    # There is no such task attribute.
    first.start(bytes(6), attr=7)
    first.until(lambda: first.rejects, 5)
    expect([9], first.rejects, "reasons of rejects: an invalid PDU field")
    expect_counted(first, before, "of a command that is rejected", CmdPDUs=1, FormatErrors=1)
    first.cmd_sn = number
    now = listed(first)[0]["counted"]
    second.socket.sendall(bytes([0x40, 0x80, 0, 0, 0, 0xFF, 0xFF, 0xFF]) + bytes(40))
    expect_gone(second, first)
    expect_session(first, "with the connection that is gone", **(now | {"FormatErrors": 2}))
    first.logout()


def silence():
    """A connection that doesn't answer ends, and its session counts that."""
    first = Session(TARGET, more=MANY)
    second = Session(TARGET, of=first, cid=1)
    before = calm(first)
    # The first answers when it is asked whether it is there.
    first.until(lambda: False, 9)
    end = time.monotonic() + 20
    while 1 in listed(first) and time.monotonic() < end:
        first.take(0.2)
    expect([0], list(listed(first)), "connections that are left")
    expect_session(first, "with the connection that is gone", **before, CxnTimeoutErrors=1)
    second.close()
    first.logout()


if __name__ == "__main__":
    {name.__name__: name for name in (commands, digests, connections, format, silence)}[STEP]()
