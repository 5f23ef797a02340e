#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Sends cut and bent netlink messages: `bent_netlink.py flawed|any COUNT SEED`.

With `flawed` each has one thing at least that must be refused: it is cut, has an
attribute of an unknown type or of a wrong length, or asks for a command or an
object that isn't there. None may change anything, whoever sends it. With `any`
some are as they should be, and only the sender's lack of privilege protects the
state. Each must be answered. Prints how many had which answer.
"""

import collections
import os
import random
import socket
import struct
import sys

GENL_CONTROLLER = 0x10
GET_FAMILY = 3
FAMILY_ID, FAMILY_NAME = 1, 2
REQUEST, ACK, DUMP = 1, 4, 0x300
ERROR, DONE = 2, 3
NESTED = 0x8000
FAMILIES = ("stmf", "stmf-sbd", "stmf-iscsi", "stmf-loopback")


def attribute(kind, payload):
    """One attribute, padded."""
    data = struct.pack("=HH", len(payload) + 4, kind) + payload
    return data + bytes(-len(data) % 4)


def attributes(data):
    """The attributes in some bytes, by type."""
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found[kind] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


class Link:
    """A generic netlink socket."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.socket.settimeout(10)
        self.socket.bind((0, 0))
        self.sequence = 0

    def send(self, family, flags, body):
        """Sends one message in a header that is right."""
        self.sequence += 1
        head = struct.pack("=IHHII", len(body) + 16, family, flags | REQUEST, self.sequence, 0)
        self.socket.send(head + body)

    def answer(self):
        """Reads up to the end of the answer; returns its error number, 0 for none."""
        while True:
            data = self.socket.recv(1 << 16)
            while len(data) >= 16:
                length, kind, _, sequence, _ = struct.unpack_from("=IHHII", data)
                if sequence == self.sequence and kind in (ERROR, DONE):
                    return -struct.unpack_from("=i", data, 16)[0]
                data = data[max(16, (length + 3) & ~3) :]

    def family(self, name):
        """The number of a family."""
        body = struct.pack("=BBH", GET_FAMILY, 1, 0)
        self.send(GENL_CONTROLLER, 0, body + attribute(FAMILY_NAME, name.encode() + b"\0"))
        data = self.socket.recv(1 << 16)
        return struct.unpack("=H", attributes(data[20:])[FAMILY_ID])[0]


def payload(chance):
    """Some value: of a wrong length or content as often as not."""
    length = chance.choice((0, 1, 2, 4, 8, 16, 16, 17, 40, 255, 300))
    return chance.choice(
        (
            chance.randbytes(length),
            b"iqn.2026-11.bent:" + chance.randbytes(4).hex().encode() + b"\0",
            struct.pack("=I", chance.choice((0, 1, 2, 0x7FFFFFFF, 0xFFFFFFFF))),
            b"x" * length,
        )
    )


def some(chance):
    """A command's body of attributes that may be right."""
    kinds = (0, 0, 0, NESTED)
    body = struct.pack("=BBH", chance.randrange(1, 20), 1, 0)
    for _ in range(chance.randrange(0, 6)):
        kind = chance.randrange(1, 30) | chance.choice(kinds)
        body += attribute(kind, payload(chance))
    return body


def cut(chance, body):
    """The last attribute reaches beyond the message."""
    length = chance.randrange(5, 1 << 16)
    return body + struct.pack("=HH", length, chance.randrange(1, 30)) + bytes(min(length - 5, 8))


def short(chance, body):
    """The last attribute is shorter than its own header."""
    return body + struct.pack("=HH", chance.randrange(4), chance.randrange(1, 30))


def unknown_type(chance, body):
    """An attribute has a type that nothing has."""
    return body + attribute(chance.randrange(200, 0x3FFF), payload(chance))


def unknown_command(chance, body):
    """No family has that command."""
    return bytes([chance.randrange(100, 256)]) + body[1:]


# Commands that change something, by family, and the type of what they name it by: a GUID or a name.
CHANGES = (
    ("stmf", 3, 1, True),
    ("stmf", 5, 1, True),
    ("stmf-sbd", 2, 1, True),
    ("stmf-sbd", 4, 1, True),
    ("stmf-iscsi", 2, 1, False),
    ("stmf-iscsi", 7, 1, False),
    ("stmf-iscsi", 11, 1, False),
    ("stmf-iscsi", 14, 1, False),
    ("stmf-iscsi", 15, 1, False),
)


def missing(chance):
    """A change of something that isn't there: its family and the message."""
    family, command, kind, is_guid = chance.choice(CHANGES)
    name = b"\x60" + chance.randbytes(15)
    if not is_guid:
        name = b"iqn.2026-11.bent:" + name.hex().encode() + b"\0"
    return family, struct.pack("=BBH", command, 1, 0) + attribute(kind, name)


def message(chance, flawed):
    """A family and a message for it."""
    if chance.randrange(4) == 0:
        return missing(chance)
    family, body = chance.choice(FAMILIES), some(chance)
    if flawed or chance.randrange(2):
        body = chance.choice((cut, short, unknown_type, unknown_command))(chance, body)
    return family, body


def main():
    """Returns 0 when each message was answered, and nearly all were refused."""
    flawed, count, seed = sys.argv[1] == "flawed", int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    link = Link()
    numbers = {name: link.family(name) for name in FAMILIES}
    answers = collections.Counter()
    for _ in range(count):
        flags = ACK | (DUMP if chance.randrange(4) == 0 else 0)
        family, body = message(chance, flawed)
        link.send(numbers[family], flags, body)
        number = link.answer()
        answers[os.strerror(number) if number else "accepted"] += 1
    for name, times in answers.most_common():
        print(f"{times:7} {name}")
    print(f"{count} answered")
    # What takes no attributes looks at none: get and dump commands.
    return 0 if answers["accepted"] < count // 4 else 1


if __name__ == "__main__":
    sys.exit(main())
