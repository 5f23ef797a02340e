#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/owed_data.sh: `owed_data.py TARGET GUID FILE`."""

import os
import struct
import sys
import time

from raw_session import ABORT_TASK, CLEAR_TASK_SET, COMPLETE, GOOD, LUN_RESET, NO_LUN, NOBODY, Session
from steps import expect, expect_stages, fail, run

TARGET, GUID, FILE = sys.argv[1:4]
OLD, NEW = b"O" * 4096, b"N" * 4096


def write_without_data(session):
    """Sends a write whose data is never sent, however the target asks; gives its tag."""
    tag = session.owe(0, len(NEW))
    expect_stages(GUID, "data-out")
    return tag


def offline():
    begin = time.monotonic()
    run("stmfadm", "offline-lu", GUID)
    if time.monotonic() - begin > 10:
        fail(f"offline-lu: expected an end within 10 s, it took {time.monotonic() - begin:.1f} s")
    expect_stages(GUID)


def goes_on(session, tag):
    """The session is as good as before; the write has no answer, and no effect."""
    session.clear_attentions()
    answer = session.answer(session.read(0))
    expect((GOOD, OLD), (answer.status, answer.data), "a read of the session that owes the data")
    expect(None, session.answers[tag].status, "status of the write")


one, two = Session(TARGET, isid=1), Session(TARGET, isid=2)
one.clear_attentions()
two.clear_attentions()
expect(GOOD, one.answer(one.write(0, OLD)).status, "status of a write")

print("== the disk goes offline, and comes back", flush=True)
owed = write_without_data(one)
offline()
run("stmfadm", "online-lu", GUID)
goes_on(one, owed)

print("== the data comes after all: it is nobody's any more", flush=True)
expect(True, one.until(lambda: one.answers[owed].r2t, 1), "that the target has asked for the data")
one.send_data(owed, one.answers[owed].r2t)
goes_on(one, owed)

print("== it stops in the middle of a PDU", flush=True)
for upto in 48, 48 + 100:
    owed = one.write(0, NEW, upto=upto)
    unsent = one.unsent
    expect_stages(GUID, "data-out")
    offline()
    run("stmfadm", "online-lu", GUID)
    one.socket.sendall(unsent)
    goes_on(one, owed)

print("== the data is owed by another connection of the session", flush=True)
three = Session(TARGET, isid=3, more=("MaxConnections=8",))
more = Session(TARGET, isid=3, of=three, cid=1)
three.clear_attentions()
write_without_data(more)
offline()
run("stmfadm", "online-lu", GUID)
more.clear_attentions()
answer = more.answer(more.read(0))
expect((GOOD, OLD), (answer.status, answer.data), "a read by it")
more.close()
three.close()
one.clear_attentions()

print("== it loses sight of the disk: what comes then is for nobody", flush=True)
owed = write_without_data(one)
one.answers[owed].held = True
expect(True, one.until(lambda: one.answers[owed].r2t, 5), "that the target has asked for the data")
erasing = one.start(b"\x04" + bytes(5), write=bytes(4), data=b"", final=False)
expect_stages(GUID, "data-out", "data-out")
run("stmfadm", "remove-view", "-l", GUID, "0")
one.send_data(owed, one.answers[owed].r2t)
one.send_unsolicited(erasing)
for tag, name in (owed, "a write to"), (erasing, "FORMAT UNIT, which wants no data, of"):
    answer = one.answer(tag)
    expect((5, 0x25, 0), answer and answer.code, f"sense data of {name} a disk that isn't seen any more")
run("stmfadm", "add-view", "-n", "0", GUID)
one.clear_attentions()
two.clear_attentions()
expect(OLD, one.answer(one.read(0)).data, "what the disk has")

print("== another initiator resets the disk: the command is gone at once", flush=True)
owed = write_without_data(one)
expect(COMPLETE, two.manage(LUN_RESET), "response to LUN RESET")
expect_stages(GUID)
goes_on(one, owed)

print("== so with TAS, but then the initiator is to be told, behind its data: until the disk goes", flush=True)
two.clear_attentions()
expect(GOOD, two.set_control(tas=1), "status of MODE SELECT")
one.clear_attentions()
for function, tag in (ABORT_TASK, True), (CLEAR_TASK_SET, False):
    owed = write_without_data(one)
    expect(COMPLETE, two.manage(CLEAR_TASK_SET), "response to CLEAR TASK SET")
    expect_stages(GUID, "aborting")
    print(f"    unless it aborts it itself, by function {function}", flush=True)
    expect(COMPLETE, one.manage(function, owed if tag else NOBODY), "response to the initiator's own function")
    expect_stages(GUID)
    goes_on(one, owed)
owed = write_without_data(one)
expect(COMPLETE, two.manage(LUN_RESET), "response to LUN RESET")
expect_stages(GUID, "aborting")
offline()
run("stmfadm", "online-lu", GUID)
goes_on(one, owed)

print("== the disk becomes smaller: no command goes beyond its end", flush=True)
one.clear_attentions()
two.clear_attentions()
END = 16 << 11  # In blocks.
LAST = struct.pack(">IBHB", END - 8, 0, 8, 0)
LONG = struct.pack(">QI", END - 8, 8) + bytes(2)
for name, cdb, length in (
    ("WRITE(10)", b"\x2a\0" + LAST, 4096),
    ("WRITE AND VERIFY(10)", b"\x2e\0" + LAST, 4096),
    ("VERIFY(10), BYTCHK 1", b"\x2f\x02" + LAST, 4096),
    ("ORWRITE(16)", b"\x8b\0" + LONG, 4096),
    ("COMPARE AND WRITE", b"\x89\0" + struct.pack(">QIBB", END - 8, 8, 0, 0), 8192),
    ("WRITE SAME(16)", b"\x93\0" + LONG, 512),
):
    owed = one.start(cdb, write=bytes(length), data=b"")
    one.answers[owed].held = True
    expect(True, one.until(lambda: one.answers[owed].r2t, 5), f"that the data of {name} is asked for")
    run("stmfadm", "modify-lu", "-s", "8m", GUID)
    one.send_data(owed, one.answers[owed].r2t)
    answer = one.answer(owed)
    expect((5, 0x21, 0), answer and answer.code, f"sense data of {name}")
    expect(8 << 20, os.stat(FILE).st_size, f"the file's size after {name}")
    run("stmfadm", "modify-lu", "-s", "16m", GUID)
    one.clear_attentions()
two.clear_attentions()

print("== the disk is deleted", flush=True)
write_without_data(one)
run("stmfadm", "delete-lu", GUID)
expect(NO_LUN, one.manage(LUN_RESET), "response to LUN RESET, of a disk that there isn't")
one.logout()
two.logout()
