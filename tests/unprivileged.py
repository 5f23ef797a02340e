#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tries every command of our netlink families, for somebody who may not: `unprivileged.py SECRET`.

What is for the administrator must be refused with EPERM, before anything is looked at; what is for everybody
is in the list here, and must not tell the secret.
"""

import errno
import struct
import sys

from bent_netlink import (
    ACK,
    DUMP,
    FAMILIES,
    FAMILY_NAME,
    GENL_CONTROLLER,
    GET_FAMILY,
    Link,
    attribute,
    attributes,
)

OPS, OP_ID, OP_FLAGS = 6, 1, 2
CAP_DO, CAP_DUMP = 2, 4

# What is for everybody, by number, as in Documentation/netlink/specs. It tells of the state and changes nothing;
# whoever adds a command to it has thought about what it tells.
FOR_EVERYBODY = {
    "stmf": {
        1: "state-get", 2: "lu-get", 6: "view-get", 7: "target-get", 9: "session-get", 10: "task-get",
        13: "group-get", 16: "group-member-get", 21: "access-get", 22: "statistics-get",
    },
    "stmf-sbd": {3: "lu-get"},
    "stmf-iscsi": {
        3: "target-get", 4: "portal-get", 9: "defaults-get", 12: "tpg-get", 16: "initiator-get", 17: "session-get",
    },
    "stmf-loopback": {3: "target-get"},
}


def commands(link, name):
    """The commands of a family and their flags."""
    body = struct.pack("=BBH", GET_FAMILY, 1, 0)
    link.send(GENL_CONTROLLER, 0, body + attribute(FAMILY_NAME, name.encode() + b"\0"))
    data = link.socket.recv(1 << 16)
    for op in attributes(attributes(data[20:])[OPS]).values():
        fields = attributes(op)
        yield (struct.unpack("=I", fields[kind])[0] for kind in (OP_ID, OP_FLAGS))


def listen(link, family, command, flags):
    """All that a command answers, and its error number."""
    link.send(family, flags, struct.pack("=BBH", command, 1, 0))
    seen = b""
    while True:
        data = link.socket.recv(1 << 16)
        seen += data
        while len(data) >= 16:
            length, kind, _, _, _ = struct.unpack_from("=IHHII", data)
            if kind in (2, 3):
                return -struct.unpack_from("=i", data, 16)[0], seen
            data = data[max(16, (length + 3) & ~3) :]


def main():
    """Returns 0 when nothing was allowed that shouldn't be."""
    secret = sys.argv[1].encode()
    link = Link()
    wrong, refused, allowed = [], 0, 0
    for name in FAMILIES:
        family = link.family(name)
        for command, flags in commands(link, name):
            ways = [way for bit, way in ((CAP_DO, ACK), (CAP_DUMP, DUMP)) if flags & bit]
            for way in ways:
                error, seen = listen(link, family, command, way)
                if secret in seen:
                    wrong.append(f"{name}, command {command}: tells the secret")
                if command in FOR_EVERYBODY[name]:
                    allowed += error != errno.EPERM
                elif error == errno.EPERM:
                    refused += 1
                else:
                    wrong.append(f"{name}, command {command}: expected EPERM, got {error}")
    print(f"{refused} ways refused, {allowed} for everybody")
    print("\n".join(wrong))
    return 1 if wrong or not refused or not allowed else 0


if __name__ == "__main__":
    sys.exit(main())
