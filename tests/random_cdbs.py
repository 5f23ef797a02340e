#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Sends random commands with random data: `random_cdbs.py DEVICE COUNT SEED`.

DEVICE is a generic SCSI device. What a command may look like is asked of the
logical unit: most have bits where its usage data say that it looks. Each must be
answered in time, with a status of SCSI, sense data that can be read, and no more
data than was asked for. Prints how many had which answer.
"""

import collections
import ctypes
import os
import random
import struct
import sys

import sg_io
from sg_io import FROM, NONE, TO
from steps import fail

GOOD, CHECK = 0x00, 0x02
STATUSES = {GOOD: "good", CHECK: "check", 0x08: "busy", 0x18: "conflict", 0x28: "full"}
DID_OK, DID_TIME_OUT = 0, 3
PATIENCE_MS = 30000
ROOM = 128 << 10
GUARD = 4096  # Behind the room, never to be written.
MARK = 0xA5
INTERNAL_FAILURE = (4, 0x44, 0)


class Device:
    """A generic SCSI device."""

    def __init__(self, path):
        self.file = os.open(path, os.O_RDWR)
        self.room = ctypes.create_string_buffer(ROOM + GUARD)
        self.address = ctypes.addressof(self.room)

    def send(self, cdb, direction, length):
        """Sends a command; its data are in `room`."""
        return sg_io.send(self.file, cdb, direction, self.address, length, PATIENCE_MS)

    def fill(self, data):
        """Puts data into the room, and the mark behind it."""
        ctypes.memmove(self.address, data, len(data))
        ctypes.memset(self.address + len(data), MARK, GUARD)

    def is_overrun(self, length):
        """Whether more of the room was written to."""
        return ctypes.string_at(self.address + length, GUARD) != bytes([MARK]) * GUARD

    def read(self, cdb, length):
        """A command that must go well, and its data."""
        for _ in range(8):  # Unit attentions come first.
            answer = self.send(cdb, FROM, length)
            if answer.status == GOOD:
                return self.room.raw[: length - answer.residual]
        return fail(f"{cdb.hex()}: expected it to go well, got {answer.status:02x} {answer.sense.hex()}")


def usage(device):
    """What each supported command may have set: its usage data, whose fixed bits are ours to keep."""
    masks = []
    listed = device.read(bytes([0xA3, 0x0C, 0, 0, 0, 0]) + struct.pack(">I", 16384) + bytes(2), 16384)
    for at in range(4, 4 + int.from_bytes(listed[:4], "big"), 8):
        code, action, flags, length = struct.unpack_from(">BxHxBH", listed, at)
        options = 2 if flags & 1 else 1
        query = struct.pack(">BBBBHIxx", 0xA3, 0x0C, options, code, action if flags & 1 else 0, 512)
        masks.append((code, device.read(query, 512)[4 : 4 + length]))
    return masks


def number(chance, mask):
    """Bytes within a mask: small numbers as often as any, and the largest."""
    size = len(mask)
    value = chance.choice((chance.getrandbits(8 * size), chance.randrange(64), 0, (1 << 8 * size) - 1))
    return bytes(a & b for a, b in zip((value % (1 << 8 * size)).to_bytes(size, "big"), mask))


def command(chance, masks):
    """Some CDB."""
    if chance.randrange(5) == 0:
        return chance.randbytes(chance.choice((6, 10, 12, 16, 32)))
    code, mask = chance.choice(masks)
    cdb = bytearray(len(mask))
    # Fields are whole bytes often enough; the service action is a fixed one, in the mask itself.
    at = 1
    while at < len(mask):
        size = min(chance.choice((1, 2, 4, 8)), len(mask) - at)
        cdb[at : at + size] = number(chance, mask[at : at + size])
        at += size
    cdb[0] = code
    if code in (0x9E, 0x9F, 0xA3, 0xA4, 0x5E, 0x5F, 0x83, 0x84):
        cdb[1] = cdb[1] & 0xE0 | mask[1] & 0x1F
    elif code == 0x7F:
        cdb[7:10] = mask[7:10]
    if chance.randrange(8) == 0:
        cdb[chance.randrange(1, len(cdb))] ^= 1 << chance.randrange(8)
    return bytes(cdb)


def storm(device, count, seed):
    """Sends so many commands."""
    chance = random.Random(seed)
    masks = usage(device)
    # Data are cut from these: to make them anew would take longer than the commands.
    zeros, noise = bytes(2 * ROOM), chance.randbytes(2 * ROOM)
    answers = collections.Counter()
    for _ in range(count):
        cdb = command(chance, masks)
        direction = chance.choice((NONE, TO, TO, FROM, FROM))
        length = 0 if direction == NONE else chance.choice((4, 24, 96, 512, 1024, 4096, 65536, chance.randrange(1, ROOM)))
        at = chance.randrange(ROOM)
        device.fill(chance.choice((zeros, noise))[at : at + length])
        what = f"seed {seed}, {cdb.hex()}, direction {direction}, {length} bytes"
        try:
            answer = device.send(cdb, direction, length)
        except OSError as error:
            answers[error.strerror] += 1  # The SCSI midlayer sends no such thing.
            continue
        if answer.host == DID_TIME_OUT:
            fail(f"{what}: no answer within {PATIENCE_MS // 1000} s")
        if answer.host == DID_OK and answer.status not in STATUSES:
            fail(f"{what}: status {answer.status:02x}")
        if answer.status == CHECK and answer.code is None:
            fail(f"{what}: no sense data: {answer.sense.hex()}")
        if answer.code == INTERNAL_FAILURE:
            fail(f"{what}: INTERNAL TARGET FAILURE")
        if device.is_overrun(length):
            fail(f"{what}: expected no data behind what was asked for")
        if not 0 <= answer.residual <= length:
            fail(f"{what}: a residual of {answer.residual}")
        answers[STATUSES.get(answer.status) if answer.host == DID_OK else f"host {answer.host}"] += 1
    return masks, answers


def main():
    path, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    masks, answers = storm(Device(path), count, seed)
    print(f"    seed {seed}, {len(masks)} commands known:",
          ", ".join(f"{n} {answer}" for answer, n in answers.most_common()))
    if not answers["good"] or not answers["check"]:
        fail("expected some commands to go well and some to be refused")


if __name__ == "__main__":
    main()
