#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A session with what Linux's initiator seldom sends, and with the answers: `rare_pdus.py TARGET GUID`.

A text request and a ping with data, in a normal session; an abort and a reset; a SNACK, which is rejected; a
view that is new, of which the session is told; a logout.
"""

import struct
import sys

from raw_session import ABORT_TASK, LUN_RESET, NO_TASK, COMPLETE, Session
from steps import expect, fail, run

TARGET, GUID = sys.argv[1:3]
TEXT_REQUEST, TEXT_RESPONSE, NOP_OUT, NOP_IN, SNACK, REJECT = 0x04, 0x24, 0x40, 0x20, 0x10, 0x3F
SNACK_REJECT = 3


def exchange(session, opcode, flags, rest, answer, data=b""):
    """Sends a PDU with a tag of its own and the numbers of the session; the header and data of the answer."""
    session.tag += 1
    session.send(opcode, flags, bytes(8) + struct.pack(">I", session.tag) + rest, data)
    header, data = session.receive_pdu()
    expect(answer, header[0] & 0x3F, f"opcode of what answers {opcode:#x}")
    session.exp_stat_sn = int.from_bytes(header[24:28], "big") + 1
    return header, data


def numbers(session):
    """TargetTransferTag, CmdSN, ExpStatSN and what follows, of an immediate request."""
    return struct.pack(">III", 0xFFFFFFFF, session.cmd_sn, session.exp_stat_sn) + bytes(16)


def main():
    session = Session(TARGET)
    session.clear_attentions()
    _, text = exchange(session, TEXT_REQUEST | 0x40, 0x80, numbers(session), TEXT_RESPONSE, b"SendTargets=\0")
    expect(True, f"TargetName={TARGET}\0".encode() in text, "whether SendTargets names the target")
    _, echo = exchange(session, NOP_OUT, 0x80, numbers(session), NOP_IN, b"ping of some length")
    expect(b"ping of some length", echo, "data of the NOP-In")
    expect(NO_TASK, session.manage(ABORT_TASK, tag=0x1234), "abort of a task that isn't there")
    expect(COMPLETE, session.manage(LUN_RESET), "reset")
    session.clear_attentions()
    header, _ = exchange(session, SNACK, 0x80, bytes(28), REJECT)
    expect(SNACK_REJECT, header[2], "reason of the reject")
    run("stmfadm", "add-view", "-n", "7", GUID)
    if not session.until(lambda: session.notices, 5):
        fail("expected to be told of a new view within 5 s")
    expect(True, session.logout(), "whether the logout was answered")


if __name__ == "__main__":
    main()
