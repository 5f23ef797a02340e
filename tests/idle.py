#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Holds idle sessions: `idle.py ADDRESS PORT TARGET COUNT`.

Says `ready`, waits for a line, makes the sessions and says `logged in`; they end
with its standard input.
"""

import socket
import struct
import sys

ADDRESS, PORT, TARGET, COUNT = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])


def login(number):
    """A session of an initiator of its own."""
    names = (f"InitiatorName=iqn.2024-01.test:idle{number}\0TargetName={TARGET}\0").encode()
    header = bytes([0x43, 0x87, 0, 0, 0]) + len(names).to_bytes(3, "big") + bytes(8)
    header += struct.pack(">IIII", 1, 0, 1, 0) + bytes(16)
    connection = socket.create_connection((ADDRESS, PORT), timeout=30)
    connection.sendall(header + names + bytes(-len(names) % 4))
    answer = connection.recv(4096)
    if answer[0] != 0x23 or answer[36:38] != b"\0\0":
        sys.exit(f"idle.py: login {number} was refused: {answer[36:38].hex()}")
    return connection


print("ready", flush=True)
sys.stdin.readline()
sessions = [login(number) for number in range(COUNT)]
print("logged in", flush=True)
sys.stdin.read()
