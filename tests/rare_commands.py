#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/rare_commands.sh: `rare_commands.py TARGET OTHER`.

OTHER is a second target with the same disk.
"""

import struct
import sys

from raw_session import CHECK, CONFLICT, GOOD, Session
from steps import expect, run

TARGET, OTHER, GUID = sys.argv[1:4]
NAME = "iqn.2024-01.test:rare"
KEY, MOVED = 0xA5A5, 0x5A5A
REGISTER, RESERVE, CLEAR, REGISTER_AND_MOVE = 0, 1, 3, 7
WRITE_EXCLUSIVE = 1


def login(target, isid):
    session = Session(target, name=NAME, isid=isid)
    session.clear_attentions()
    return session


def expect_good(answer, what):
    expect((GOOD, None), (answer.status, answer.code), what)


def persistent_reserve(session, action, key=0, new=0, flags=0, kind=WRITE_EXCLUSIVE):
    """PERSISTENT RESERVE OUT (SPC-5) with its basic parameter list."""
    parameters = struct.pack(">QQIBxH", key, new, 0, flags, 0)
    return session.do(struct.pack(">BBB2xIB", 0x5F, action, kind, len(parameters), 0), write=parameters)


def write(session, lba=0):
    return session.answer(session.write(lba, bytes(4096)))


one = login(TARGET, 1)

print("== VERIFY of many blocks against one (BYTCHK 11b)", flush=True)
block = bytes(range(256)) * 2
expect_good(one.answer(one.write(16, block * 8)), "a write")
verify = b"\x2f\x06" + struct.pack(">IBHB", 16, 0, 8, 0)
expect_good(one.do(verify, write=block), "VERIFY of equal blocks")
other = bytearray(block)
other[300] ^= 1
expect_good(one.answer(one.write(16 + 5, bytes(other))), "a write of another block")
answer = one.do(verify, write=block)
expect((14, 0x1D, 0), answer.code, "VERIFY when the sixth block differs")
expect(300, int.from_bytes(answer.sense[3:7], "big"), "where the first difference is, in the block")
expect_good(one.do(b"\x2f\x06" + struct.pack(">IBHB", 16, 0, 5, 0), write=block), "VERIFY of those before it")

print("== six-byte CDBs", flush=True)
expect_good(one.do(bytes([0x0A, 0, 0, 40, 2, 0]), write=block + bytes(512)), "WRITE(6)")
expect(block + bytes(512), one.do(bytes([0x08, 0, 0, 40, 2, 0]), read=1024).data, "what READ(6) reads")
expect_good(one.do(bytes([0x0A, 0, 1, 0, 0, 0]), write=block * 256, data=b""), "WRITE(6) of 256 blocks, which is 0")
expect(block * 256, one.do(bytes([0x08, 0, 1, 0, 0, 0]), read=256 * 512).data, "what READ(6) of as many reads")

print("== MODE SENSE(10) with LLBAA", flush=True)
for llbaa, is_long, length in ((0, 0, 8), (0x10, 1, 16)):
    data = one.do(bytes([0x5A, llbaa, 0x0A]) + bytes(4) + b"\x01\x00\x00", read=256).data
    expect(is_long, data[4] & 1, f"LONGLBA with LLBAA {llbaa >> 4}")
    expect(length, int.from_bytes(data[6:8], "big"), f"the length of the block descriptor with LLBAA {llbaa >> 4}")
blocks, size = int.from_bytes(data[8:16], "big"), int.from_bytes(data[20:24], "big")
expect((16 << 11, 512), (blocks, size), "blocks and their length in the long descriptor")

print("== where a device's physical blocks begin is passed on", flush=True)
one.clear_attentions(1)
data = one.do(b"\x9e\x10" + bytes(8) + struct.pack(">I", 32) + bytes(2), read=32, lun=1).data
expect((3, 5), (data[13] & 15, int.from_bytes(data[14:16], "big") & 0x3FFF),
       "the exponent of physical blocks and the lowest aligned block in READ CAPACITY(16)")

print("== which task management functions there are", flush=True)
# ATS, ATSS, CTSS, LURS, QTS; QAES, QTSS, ITNRS (SPC-5, REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS).
for repd, length in ((0, 4), (0x80, 16)):
    data = one.do(b"\xa3\x0d" + bytes([repd]) + bytes(3) + struct.pack(">I", 64) + bytes(2), read=64).data
    expect((length, 0xD8 | 0x04, 0x07), (len(data), data[0], data[1]), f"the answer with REPD {repd >> 7}")

print("== a volatile cache is told", flush=True)
data = one.do(b"\x12\x01\x86\x00\xff\x00", read=255).data
expect(1, data[6] & 3, "V_SUP and NV_SUP in VPD page 86h")

print("== RESERVE(10) and RELEASE(10)", flush=True)
two = login(TARGET, 2)
expect_good(one.do(bytes([0x56]) + bytes(9)), "RESERVE(10)")
expect(CONFLICT, write(two).status, "a write by another")
expect_good(two.do(bytes([0x57]) + bytes(9)), "RELEASE(10) by another, which does nothing")
expect(CONFLICT, write(two).status, "a write by another, still")
expect_good(one.do(bytes([0x57]) + bytes(9)), "RELEASE(10)")
expect_good(write(two), "a write by another")

print("== ALL_TG_PT registers at all target ports", flush=True)
far = login(OTHER, 1)
expect_good(persistent_reserve(one, REGISTER, new=KEY), "REGISTER")
expect(CONFLICT, persistent_reserve(far, RESERVE, key=KEY).status, "RESERVE through another port")
expect_good(persistent_reserve(one, REGISTER, key=KEY, new=KEY, flags=0x04), "REGISTER with ALL_TG_PT")
expect_good(persistent_reserve(far, RESERVE, key=KEY), "RESERVE through another port")
expect(CONFLICT, write(two).status, "a write by another initiator port")
expect_good(persistent_reserve(far, CLEAR, key=KEY), "CLEAR")
for session in one, two, far:
    session.clear_attentions()

print("== REGISTER AND MOVE to another relative port", flush=True)
data = far.do(b"\x12\x01\x83\x00\xff\x00", read=255).data
at, relative = 4, None
while at < len(data):
    if data[at + 1] & 0x3F == 0x14:
        relative = int.from_bytes(data[at + 6:at + 8], "big")
    at += 4 + data[at + 3]
there = f"{NAME},i,0x00023d000001\0".encode()
there += bytes(-len(there) % 4)
transport_id = struct.pack(">BBH", 0x45, 0, len(there)) + there
expect_good(persistent_reserve(one, REGISTER, new=KEY), "REGISTER")
expect_good(persistent_reserve(one, RESERVE, key=KEY), "RESERVE")
parameters = struct.pack(">QQBBHI", KEY, MOVED, 0, 0, relative, len(transport_id)) + transport_id
expect_good(one.do(struct.pack(">BBB2xIB", 0x5F, REGISTER_AND_MOVE, WRITE_EXCLUSIVE, len(parameters), 0),
                   write=parameters), "REGISTER AND MOVE")
expect(CONFLICT, write(one).status, "a write by who has given the reservation away")
expect_good(write(far), "a write through the port that has it now")
expect_good(persistent_reserve(far, CLEAR, key=MOVED), "CLEAR with the new key")
for session in one, two, far:
    session.clear_attentions()
expect(CHECK, one.do(struct.pack(">BBB2xIB", 0x5F, REGISTER_AND_MOVE, WRITE_EXCLUSIVE, len(parameters), 0),
                     write=parameters[:-4]).status, "REGISTER AND MOVE with less data than it says")
two.logout()
far.logout()


def gone_and_back(how):
    """The disk goes out of sight and comes back."""
    if how == "offline-lu":
        run("stmfadm", "offline-lu", GUID)
        yield
        run("stmfadm", "online-lu", GUID)
    else:
        run("stmfadm", "remove-view", "-l", GUID, "-a")
        yield
        run("stmfadm", "add-view", "-n", "0", GUID)


print("== RESERVE doesn't outlive who left while the disk was out of sight", flush=True)
for how in "offline-lu", "remove-view":
    holder = login(TARGET, 4)
    expect_good(holder.do(bytes([0x16, 0, 0, 0, 0, 0])), "RESERVE(6)")
    expect(CONFLICT, write(one).status, "a write of another nexus")
    steps = gone_and_back(how)
    next(steps)
    holder.logout()
    next(steps, None)
    one.clear_attentions()
    expect_good(write(one), f"a write of another nexus, after {how}")
one.logout()
