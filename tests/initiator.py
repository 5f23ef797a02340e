#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Plain initiators: `initiator.py ADDRESS PORT`.

For each line of its standard input it does one thing and prints one line,
without any of the cleverness that real initiators have, which swallow unit
attentions.  The lines are

        login SESSION INITIATOR TARGET
        logout SESSION              closes the connection
        SESSION tur LUN             TEST UNIT READY
        SESSION luns                REPORT LUNS, to LUN 0: the numbers
        SESSION cdb LUN LENGTH HEX  a command that reads at most so many bytes
        SESSION out LUN HEX HEX     a command that writes the bytes of the second HEX

and the answers `good`, `good` and the data, `check KEY/ASC/ASCQ`,
`status XX`, all in hexadecimal, `refused XXXX` for a login, or `closed`.
"""

import select
import socket
import struct
import sys


class Initiator:
    """One session of one connection."""

    def __init__(self, name, address, port, target, isid):
        self.socket = socket.create_connection((address, int(port)), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tag, self.sn, self.acknowledged = 0, 1, 0
        self.login(name, target, isid)

    def send(self, header, data=b""):
        """Sends a PDU whose header lacks only the length of its data."""
        header = header[:4] + bytes([0]) + len(data).to_bytes(3, "big") + header[8:]
        self.socket.sendall(header + data + bytes(-len(data) % 4))

    def read(self, length):
        """Exactly so many bytes."""
        got = b""
        while len(got) < length:
            more = self.socket.recv(length - len(got))
            if not more:
                raise EOFError
            got += more
        return got

    def receive(self):
        """A PDU: header and data."""
        header = self.read(48)
        length = int.from_bytes(header[5:8], "big")
        data = self.read(length + -length % 4)[:length]
        if header[0] & 0x3F != 0x31:  # R2T has no StatSN of its own.
            self.acknowledged = int.from_bytes(header[24:28], "big") + 1
        return header, data

    def login(self, name, target, isid):
        """Without authentication, everything else as the standard has it."""
        keys = [
            f"InitiatorName={name}",
            f"TargetName={target}",
            "SessionType=Normal",
            "ErrorRecoveryLevel=0",
            "ImmediateData=Yes",
        ]
        text = b"".join(key.encode() + b"\0" for key in keys)
        head = bytes([0x43, 0x87, 0, 0, 0, 0, 0, 0])
        rest = bytes([0x80, 0, 0, 0]) + int(isid).to_bytes(2, "big") + bytes(2)
        self.send(head + rest + struct.pack(">IIII", 0, 0, self.sn, 0) + bytes(16), text)
        while True:
            header, _ = self.receive()
            if header[36]:
                raise ConnectionRefusedError(header[36:38].hex())
            if header[1] & 0x83 == 0x83:
                return
            self.send(head + rest + struct.pack(">IIII", 0, 0, self.sn, self.acknowledged) + bytes(16))

    def command(self, lun, cdb, length=0, data=b""):
        """Sends a command and returns the line that tells its outcome."""
        self.tag += 1
        flags = 0x81 | (0x40 if length else 0) | (0x20 if data else 0)
        address = bytes([0x40 | lun >> 8, lun & 255]) if lun > 255 else bytes([0, lun])
        numbers = struct.pack(">IIII", self.tag, length or len(data), self.sn, self.acknowledged)
        self.sn += 1
        self.send(bytes([1, flags]) + bytes(6) + address + bytes(6) + numbers + cdb.ljust(16, b"\0"), data)
        got = bytearray(length)
        end = 0
        while True:
            header, data = self.receive()
            opcode = header[0] & 0x3F
            if opcode == 0x20:
                self.answer_ping(header)
            elif opcode == 0x25:
                offset = int.from_bytes(header[40:44], "big")
                got[offset : offset + len(data)] = data
                end = max(end, offset + len(data))
                if header[1] & 1:
                    return self.outcome(header[3], b"", bytes(got[:end]))
            elif opcode == 0x21:
                return self.outcome(header[3], data, bytes(got[:end]))
            elif opcode == 0x32:
                self.heed(header)

    def answer_ping(self, header):
        """Answers a NOP-In that wants to be answered."""
        if header[20:24] != b"\xff\xff\xff\xff":
            self.send(b"\x40\x80" + bytes(6) + header[8:16] + b"\xff" * 4 + header[20:24]
                      + struct.pack(">II", self.sn, self.acknowledged) + bytes(16))

    def heed(self, header):
        """Leaves when an asynchronous message asks for it; the others tell what is seen anyway."""
        if header[36] == 1:
            self.socket.shutdown(socket.SHUT_RDWR)
            raise EOFError

    def idle(self):
        """Takes what comes while nothing is asked for; says whether the session is there still."""
        try:
            header, _ = self.receive()
            if header[0] & 0x3F == 0x32:
                self.heed(header)
        except (EOFError, OSError):
            return False
        if header[0] & 0x3F == 0x20:
            self.answer_ping(header)
        return True

    @staticmethod
    def outcome(status, data, got):
        """The line for a status, sense data with its length in front, and data."""
        if status == 0:
            return f"good {got.hex()}".strip()
        if status != 2:
            return f"status {status:02x}"
        sense = data[2:]
        if sense[0] & 0x7F in (0x72, 0x73):
            return f"check {sense[1] & 15:x}/{sense[2]:02x}/{sense[3]:02x}"
        return f"check {sense[2] & 15:x}/{sense[12]:02x}/{sense[13]:02x}"

    def luns(self):
        """What REPORT LUNS lists, as numbers."""
        line = self.command(0, bytes([0xA0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]), 131072)
        if not line.startswith("good "):
            return line
        data = bytes.fromhex(line[5:])
        fields = struct.iter_unpack(">HHHH", data[8 : 8 + int.from_bytes(data[:4], "big")])
        return " ".join(["good", *(str(lun[0] & 0x3FFF) for lun in fields)])

    def line(self, words):
        """Carries out the rest of a line of the standard input."""
        match words:
            case ["tur", lun]:
                return self.command(int(lun), bytes(6))
            case ["luns"]:
                return self.luns()
            case ["cdb", lun, length, cdb]:
                return self.command(int(lun), bytes.fromhex(cdb), int(length))
            case ["out", lun, cdb, data]:
                return self.command(int(lun), bytes.fromhex(cdb), data=bytes.fromhex(data))
        return f"no such line: {words}"


def carry_out(words, sessions, isid):
    """Carries out a line of the standard input."""
    try:
        match words:
            case ["login", session, initiator, target]:
                sessions[session] = Initiator(initiator, *sys.argv[1:3], target, isid)
                return "good"
            case ["logout", session]:
                sessions.pop(session).socket.close()
                return "good"
            case [session, *rest]:
                return sessions[session].line(rest)
    except ConnectionRefusedError as error:
        return f"refused {error}"
    except (EOFError, ConnectionError):
        return "closed"
    return "no such line"


def wait_for_line(sessions):
    """Lets no session be silent meanwhile: the target would give it up."""
    silent = set()
    while True:
        live = {session.socket: session for session in sessions.values() if session not in silent}
        ready, _, _ = select.select([sys.stdin, *live], [], [])
        for socket_ in ready:
            if socket_ is sys.stdin:
                return sys.stdin.readline()
            if not live[socket_].idle():
                silent.add(live[socket_])


def main():
    """Reads lines, each sent when the one before was answered, until there are no more."""
    sessions = {}
    number = 0
    while line := wait_for_line(sessions):
        print(carry_out(line.split(), sessions, number & 0xFFFF), flush=True)
        number += 1


if __name__ == "__main__":
    main()
