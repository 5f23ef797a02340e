#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Sends what no initiator should: `hostile.py ADDRESS PORT TARGET`.

Each case is one connection. The target may answer, reject or close; what counts
is that it is still there afterwards, which the last case checks by a proper
login.
"""

import random
import socket
import struct
import sys

ADDRESS, PORT, TARGET = sys.argv[1], int(sys.argv[2]), sys.argv[3]
rng = random.Random(7143)


def pdu(opcode, flags=0, data=b"", length=None, ahs=0, rest=bytes(40), lead=b"\0\0"):
    """A PDU whose header may lie about its lengths."""
    length = len(data) if length is None else length
    header = bytes([opcode, flags]) + lead + bytes([ahs]) + length.to_bytes(3, "big") + rest
    return header + data + bytes(-len(data) % 4)


def login(keys, flags=0x87, **lies):
    """A login request: ISID and TSIH zero, CSG 1, NSG 3."""
    text = b"".join(key + b"\0" for key in keys)
    rest = bytes(8) + struct.pack(">IIII", 1, 0, 1, 0) + bytes(16)
    return pdu(0x43, flags, text, rest=rest, **lies)


def names(*more):
    """The keys that every login has, and others."""
    return [
        b"InitiatorName=iqn.2024-01.test:hostile",
        b"TargetName=" + TARGET.encode(),
        b"SessionType=Normal",
        *more,
    ]


def command(cdb, flags=0xC1, edtl=4096, data=b"", tag=2, sn=1, **lies):
    """A SCSI command."""
    rest = bytes(8) + struct.pack(">IIII", tag, edtl, sn, 0) + cdb.ljust(16, b"\0")
    return pdu(0x01, flags, data, rest=rest, **lies)


def talk(*messages, answer=False):
    """Sends on one connection and reads what comes until it is quiet or closed."""
    got = b""
    try:
        with socket.create_connection((ADDRESS, PORT), timeout=5) as connection:
            for message in messages:
                connection.sendall(message)
            connection.settimeout(5 if answer else 0.2)
            while data := connection.recv(65536):
                got += data
                if answer:
                    break
    except OSError:
        pass
    return got


def garbage():
    """Random bytes, and random headers with valid operation codes."""
    for _ in range(40):
        yield (rng.randbytes(rng.randrange(1, 2000)),)
    for opcode in range(64):
        yield (bytes([opcode]) + rng.randbytes(47),)


def bad_logins():
    """Logins that are wrong in one respect each."""
    yield (login(names(), length=0xFFFFFF),)
    yield (login(names(), ahs=255),)
    yield (login([b"X" * 8000]),)
    yield (login([b"=nothing"]),)
    yield (login([b"InitiatorName="]),)
    yield (login([b"InitiatorName=" + b"a" * 300]),)
    yield (login(names(*[b"X-key%d=1" % n for n in range(2048)])),)
    yield (login(names(*[b"Unknown%d=1" % n for n in range(600)])),)
    yield (login(names(b"MaxBurstLength=99999999999999999999")),)
    yield (login(names(b"MaxBurstLength=-1", b"FirstBurstLength=0x")),)
    yield (login(names(b"HeaderDigest=" + b"CRC32C," * 1000)),)
    yield (login(names(b"MaxConnections=4", b"MaxConnections=4")),)
    yield (login(names(), flags=0x40),) * 40
    yield (login(names(), flags=0x87), login(names(), flags=0x87))
    yield (pdu(0x43, 0x87, b"InitiatorName=iqn.no-nul"),)


def bad_commands():
    """After a login: commands, data and lengths that don't fit."""
    first = login(names())
    read = bytes.fromhex("28000000000000000800")
    write = bytes.fromhex("2a000000000000000800")
    yield (first, command(read, edtl=0xFFFFFFFF))
    yield (first, command(bytes.fromhex("88") + bytes(9) + b"\xff\xff\xff\xff", edtl=0xFFFFFFFF))
    yield (first, command(write, flags=0xA1, edtl=4096, data=bytes(65536)))
    yield (first, command(write, flags=0xA1, edtl=4096, length=0xFFFFFF))
    yield (first, command(read, flags=0xE1))
    yield (first, command(read, ahs=255))
    yield (first, command(read, sn=0x80000000))
    yield (first, pdu(0x05, 0x80, bytes(512), rest=rng.randbytes(40)))
    yield (first, pdu(0x02, 0x81, rest=rng.randbytes(40)))
    yield (first, pdu(0x10, 0x80, rest=rng.randbytes(40)))
    yield (first, pdu(0x04, 0x80, b"SendTargets=" + b"A" * 4000, rest=rng.randbytes(40)))
    for _ in range(60):
        cdb = rng.randbytes(16)
        yield (first, command(cdb, flags=rng.randrange(256), edtl=rng.randrange(1 << 32)))


cases = 0
for messages in (*garbage(), *bad_logins(), *bad_commands()):
    talk(*messages)
    cases += 1

reply = talk(login(names()), answer=True)
if len(reply) < 48 or reply[0] & 0x3F != 0x23 or reply[36] != 0:
    sys.exit(f"expected a login to succeed after {cases} hostile connections, got {reply[:48].hex()}")
print(f"{cases} hostile connections, and a proper login after them")
