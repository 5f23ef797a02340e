#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Holds idle sessions: `idle.py ADDRESS PORT TARGET COUNT`.

Says `ready`, waits for a line, makes the sessions, has one more be refused, and says
`logged in`; they end with its standard input. Until then they do nothing but answer the
target's pings.
"""

import selectors
import socket
import struct
import sys

ADDRESS, PORT, TARGET, COUNT = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])


FULL = b"\x03\x02"


def login(number, status=b"\0\0"):
    """A session of an initiator of its own, or a login that ends with another status."""
    names = (f"InitiatorName=iqn.2024-01.test:idle{number}\0TargetName={TARGET}\0").encode()
    header = bytes([0x43, 0x87, 0, 0, 0]) + len(names).to_bytes(3, "big") + bytes(8)
    header += struct.pack(">IIII", 1, 0, 1, 0) + bytes(16)
    connection = socket.create_connection((ADDRESS, PORT), timeout=30)
    connection.sendall(header + names + bytes(-len(names) % 4))
    answer = connection.recv(4096)
    if answer[0] != 0x23 or answer[36:38] != status:
        sys.exit(f"idle.py: login {number}: expected status {status.hex()}, got {answer[36:38].hex()}")
    return connection


def answer(connection):
    """Answers the target's ping (RFC 7143, 11.19)."""
    ping = connection.recv(48)
    if len(ping) < 48:
        sys.exit("idle.py: the target has closed a connection")
    if ping[0] & 0x3F == 0x20 and ping[20:24] != b"\xff\xff\xff\xff":
        status = int.from_bytes(ping[24:28], "big")
        header = bytes([0x40, 0x80]) + bytes(6) + ping[8:16] + b"\xff" * 4 + ping[20:24]
        header += ping[28:32] + struct.pack(">I", status) + bytes(16)
        connection.sendall(header)


def main():
    """Logs in, and answers until the end of standard input."""
    print("ready", flush=True)
    sys.stdin.readline()
    links = selectors.DefaultSelector()
    for number in range(COUNT):
        links.register(login(number), selectors.EVENT_READ)
        for key, _ in links.select(timeout=0):
            answer(key.fileobj)
    login(COUNT, FULL).close()
    print("logged in", flush=True)
    links.register(sys.stdin, selectors.EVENT_READ)
    while True:
        for key, _ in links.select():
            if key.fileobj is sys.stdin:
                return
            answer(key.fileobj)


if __name__ == "__main__":
    main()
