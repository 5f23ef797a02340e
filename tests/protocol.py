#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What stock initiators don't do, but may: `protocol.py ADDRESS PORT TARGET [CASE...]`.

LUN 0 of the target has to be a disk of 1 MiB or more. Prints a line for each
case, and ends with an error at the first that goes wrong.
"""

import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import time

import raw_session
from raw_session import crc32c

ADDRESS, PORT, TARGET = sys.argv[1], int(sys.argv[2]), sys.argv[3]
TRACING = pathlib.Path("/sys/kernel/tracing")
NONE = 0xFFFFFFFF
WRITE = bytes([0x2A, 0, 0, 0, 0, 0, 0, 0, 8])  # 4 KiB at block 0.
READ = bytes([0x28, 0, 0, 0, 0, 0, 0, 0, 8])


class Session:
    """A session with one connection: a new one, or `link`, which hasn't logged in yet."""

    def __init__(self, host, isid=0, status=0, link=None, **keys):
        self.socket = link or connect()
        self.digests = (False, False)
        self.cmd_sn = 1
        names = {"InitiatorName": f"iqn.2024-01.test:{host}", "TargetName": TARGET}
        text = "".join(f"{key}={value}\0" for key, value in (names | keys).items()).encode()
        lead = bytes([0x80, 0, 0, 0]) + isid.to_bytes(2, "big") + bytes(2)
        self.send(0x43, 0x87, lead, (1, 0, self.cmd_sn, 0), data=text)
        header, _ = self.receive()
        got = (header[0], int.from_bytes(header[36:38], "big"))
        check(got == (0x23, status), f"a login with status {status:#06x}, got {got}")
        self.digests = tuple(keys.get(key) == "CRC32C" for key in ("HeaderDigest", "DataDigest"))

    def send(self, opcode, flags, lun, words, tail=b"", data=b"", damage=()):
        """A PDU: `words` are bytes 16 to 31, `tail` what follows them; `damage` the digests."""
        header = bytes([opcode, flags, 0, 0, 0]) + len(data).to_bytes(3, "big") + lun
        header += struct.pack(">IIII", *words) + tail.ljust(16, b"\0")
        data += bytes(-len(data) % 4)
        for kind, part in enumerate((header, data)):
            self.socket.sendall(part)
            if self.digests[kind] and part:
                digest = bytearray(crc32c(part))
                digest[3] ^= kind in damage
                self.socket.sendall(digest)

    def receive(self):
        """The next PDU's header and data; a target that asks in between whether this is there is told so."""
        while True:
            header = self.take_sealed(48, self.digests[0])
            length = int.from_bytes(header[5:8], "big")
            data = self.take_sealed(length + -length % 4, self.digests[1])[:length]
            tag, ttt = struct.unpack(">II", header[16:24])
            if (header[0], tag) != (0x20, NONE):
                return header, data
            self.send(0x40, 0x80, header[8:16], (NONE, ttt, self.cmd_sn, 0))

    def take_sealed(self, length, has_digest):
        """So many bytes, and their digest if they have one."""
        got = self.take(length)
        if has_digest and got:
            check(self.take(4) == crc32c(got), "the digest is right")
        return got

    def take(self, length):
        """Exactly so many bytes."""
        got = b""
        while len(got) < length:
            more = self.socket.recv(length - len(got))
            if not more:
                raise EOFError("the target closed the connection")
            got += more
        return got

    def command(self, tag, cdb, flags=0x80, edtl=0, data=b"", damage=()):
        """A SCSI command to LUN 0."""
        self.send(0x01, flags, bytes(8), (tag, edtl, self.cmd_sn, 0), cdb, data, damage)
        self.cmd_sn += 1

    def extended(self, tag, cdb, ahs, flags, edtl=0):
        """A SCSI command to LUN 0 with additional header segments."""
        header = bytes([0x01, flags, 0, 0, len(ahs) // 4, 0, 0, 0]) + bytes(8)
        header += struct.pack(">IIII", tag, edtl, self.cmd_sn, 0) + cdb.ljust(16, b"\0")
        self.socket.sendall(header + ahs)
        self.cmd_sn += 1

    def data_out(self, tag, ttt, sn, offset, data, final=True, damage=()):
        """A piece of data for a write."""
        tail = bytes(4) + struct.pack(">II", sn, offset) + bytes(4)
        self.send(0x05, 0x80 if final else 0, bytes(8), (tag, ttt, 0, 0), tail, data, damage)

    def manage(self, tag, function, referenced=NONE, ref_cmd_sn=0):
        """A task management request, for immediate delivery."""
        words = (tag, referenced, self.cmd_sn, 0)
        self.send(0x42, 0x80 | function, bytes(8), words, struct.pack(">I", ref_cmd_sn))
        return self.expect(0x22, tag)[0][2]

    def expect(self, opcode, tag):
        """The next PDU, which has to be this."""
        header, data = self.receive()
        got = (header[0], int.from_bytes(header[16:20], "big"))
        check(got == (opcode, tag), f"expected PDU {opcode:#x} of {tag}, got {got}")
        return header, data

    def status(self, tag):
        """The SCSI status of a command, and its sense key, ASC and ASCQ."""
        header, data = self.expect(0x21, tag)
        sense = data[2:]
        return header[3], (sense[2] & 15, sense[12], sense[13]) if sense else None

    def r2t(self, tag):
        """An R2T: its tag, offset and length."""
        header, _ = self.expect(0x31, tag)
        return struct.unpack(">I", header[20:24]) + struct.unpack(">II", header[40:48])


def connect():
    """A connection on which nothing was said yet."""
    return socket.create_connection((ADDRESS, PORT), timeout=10)


def check(condition, what):
    """Ends the test unless the condition holds."""
    if not condition:
        sys.exit(f"protocol.py: not so: {what}")


def use_up_attentions(session):
    """Until commands are carried out: a new session has unit attentions."""
    for tag in range(100, 108):
        session.command(tag, bytes(6))
        if session.status(tag)[0] == 0:
            return
    check(False, "the disk becomes ready")


def reinstatement():
    """The same initiator port again: the old session ends, the new one works."""
    old = Session("port")
    new = Session("port")
    other = Session("port", isid=1)
    check(old.socket.recv(1) == b"", "the old connection is closed")
    use_up_attentions(new)
    use_up_attentions(other)


def writing():
    """Immediate, unsolicited and solicited data, in one command and in several bursts."""
    session = Session(
        "writer", InitialR2T="No", FirstBurstLength=1024, MaxBurstLength=1024, MaxOutstandingR2T=2
    )
    use_up_attentions(session)
    pattern = os.urandom(4096)
    session.command(1, WRITE, flags=0x20, edtl=4096, data=pattern[:512])
    session.data_out(1, NONE, 0, 512, pattern[512:1024])
    wanted = [session.r2t(1), session.r2t(1)]
    check([r[1:] for r in wanted] == [(1024, 1024), (2048, 1024)], "two R2Ts at a time")
    half = pattern[1024:1536]
    session.data_out(1, wanted[0][0], 0, 1024, half, final=False)
    session.data_out(1, wanted[0][0], 1, 1536, pattern[1536:2048])
    last = session.r2t(1)
    session.data_out(1, wanted[1][0], 0, 2048, pattern[2048:3072])
    session.data_out(1, last[0], 0, 3072, pattern[3072:])
    check(session.status(1)[0] == 0, "the write succeeds")
    session.command(2, READ, flags=0xC0, edtl=4096)
    got = [session.expect(0x25, 2) for _ in range(4)]
    check(b"".join(data for _, data in got) == pattern, "the data comes back")
    numbers = [struct.unpack(">II", header[36:44]) for header, _ in got]
    check(numbers == [(n, n * 1024) for n in range(4)], "in order, one burst after the other")
    flags = [header[1] for header, _ in got]
    check(flags == [0x80, 0x80, 0x80, 0x81], "the status comes with the last")


def bad_data():
    """Data that breaks the rules ends its command, not the session."""
    session = Session("bad", ImmediateData="No")
    use_up_attentions(session)
    session.command(1, WRITE, flags=0xA0, edtl=4096, data=bytes(512))
    check(session.status(1) == (2, (11, 12, 12)), "immediate data where none was agreed")
    session.command(2, WRITE, flags=0xA0, edtl=4096)
    ttt, _, _ = session.r2t(2)
    session.data_out(2, ttt, 5, 0, bytes(4096))
    check(session.status(2) == (2, (11, 12, 13)), "a DataSN out of order")
    session.data_out(2, ttt, 0, 0, bytes(4096))
    use_up_attentions(session)


def damage():
    """Damaged data is rejected and ends its command; a damaged header ends the connection."""
    keys = {"HeaderDigest": "CRC32C", "DataDigest": "CRC32C", "FirstBurstLength": 4096}
    session = Session("damaged", MaxBurstLength=4096, **keys)
    use_up_attentions(session)
    pattern = os.urandom(4096)
    session.command(1, WRITE, flags=0xA0, edtl=4096, data=pattern[:509], damage=[1])
    header, data = session.expect(0x3F, NONE)
    check(header[2] == 2 and data[16:20] == b"\0\0\0\1", "immediate data is rejected by its digest")
    session.cmd_sn -= 1
    session.command(2, WRITE, flags=0xA0, edtl=4096, data=pattern[:509])
    ttt, offset, length = session.r2t(2)
    check((offset, length) == (509, 3587), "the same number is taken again")
    session.data_out(2, ttt, 0, 509, pattern[509:2048], final=False, damage=[1])
    check(session.expect(0x3F, NONE)[0][2] == 2, "a Data-Out is rejected by its digest")
    session.data_out(2, ttt, 1, 2048, pattern[2048:])
    check(session.status(2) == (2, (11, 0x47, 5)), "the command ends when all has come")
    session.command(3, WRITE, flags=0xA0, edtl=4096, data=pattern)
    check(session.status(3)[0] == 0, "good data is written")
    session.command(4, READ, flags=0xC0, edtl=4096)
    check(session.expect(0x25, 4)[1] == pattern, "and read")
    session.send(0x40, 0x80, bytes(8), (5, NONE, session.cmd_sn, 0), data=b"hel", damage=[1])
    check(session.expect(0x3F, NONE)[0][2] == 2, "a ping is rejected by its digest")
    session.command(6, bytes(6), damage=[0])
    check(session.socket.recv(1) == b"", "a header digest error ends the connection")


def damage_of_no_account():
    """Damaged data that wasn't wanted is rejected, and changes nothing of what was said to its header."""
    session = Session("unconcerned", ImmediateData="No", DataDigest="CRC32C")
    use_up_attentions(session)
    session.command(1, WRITE, flags=0xA0, edtl=4096, data=bytes(512), damage=[1])
    # Its status may come before the digest.
    got = {header[0]: header for header, _ in (session.receive(), session.receive())}
    check(got.keys() == {0x21, 0x3F}, "a status and a reject for immediate data where none was agreed")
    check((got[0x21][3], got[0x3F][2]) == (2, 2), "CHECK CONDITION, and the data rejected by its digest")
    session.command(2, bytes(6))
    check(session.status(2)[0] == 0, "the number of the refused command is used up")
    session.cmd_sn -= 1
    session.command(3, WRITE, flags=0xA0, edtl=4096, data=bytes(512), damage=[1])
    check(session.expect(0x3F, NONE)[0][2] == 2, "data of one that is ignored is rejected by its digest")
    session.command(4, bytes(6))
    check(session.status(4)[0] == 0, "and so is one that came twice")
    session.command(5, WRITE, flags=0xA7, edtl=4096, data=bytes(512), damage=[1])
    check(session.expect(0x3F, NONE)[0][2] == 9, "there is no such task attribute")
    check(session.expect(0x3F, NONE)[0][2] == 2, "data of a rejected command is rejected by its digest")
    session.cmd_sn -= 1
    session.command(6, bytes(6))
    check(session.status(6)[0] == 0, "the number of a rejected command is still free")


def aborting():
    """Commands that wait for data are aborted; data that comes late is ignored."""
    session = Session("aborter", ImmediateData="No")
    use_up_attentions(session)
    session.command(1, WRITE, flags=0xA0, edtl=4096)
    ttt, _, _ = session.r2t(1)
    check(session.manage(2, 1, referenced=1) == 0, "ABORT TASK is complete")
    check(session.manage(3, 1, referenced=1) == 1, "then the task does not exist")
    session.data_out(1, ttt, 0, 0, bytes(4096))
    for tag in (4, 5):
        session.command(tag, WRITE, flags=0xA0, edtl=4096)
        session.r2t(tag)
    check(session.manage(6, 5) == 0, "LOGICAL UNIT RESET is complete")
    session.command(7, bytes(6))
    check(session.status(7)[1] == (6, 0x29, 3), "the reset is reported")
    check(session.manage(8, 8) == 4, "TASK REASSIGN is not supported")
    check(session.manage(9, 99) == 5, "an unknown function is not supported")
    # An immediate command takes no number: the one that it names is that of a command still to come.
    session.send(0x41, 0xA0, bytes(8), (10, 4096, session.cmd_sn, 0), WRITE)
    session.r2t(10)
    session.cmd_sn += 1
    check(session.manage(11, 1, referenced=10, ref_cmd_sn=session.cmd_sn - 1) == 0, "ABORT TASK is complete")
    check(session.manage(12, 1, referenced=10) == 1, "the task was aborted, not the number of another")
    session.cmd_sn -= 1
    session.command(13, bytes(6))
    check(session.status(13)[0] == 0, "which that one has still")
    use_up_attentions(session)


def gaps():
    """Commands wait for those before them, which come late or are aborted."""
    session = Session("gaps", InitialR2T="No", FirstBurstLength=4096)
    use_up_attentions(session)
    first = session.cmd_sn
    pattern = os.urandom(4096)
    session.cmd_sn = first + 1
    session.command(2, WRITE, flags=0x20, edtl=4096, data=pattern[:512])
    session.data_out(2, NONE, 0, 512, pattern[512:])
    # ORDERED, so that it comes after the write whatever the disk does first.
    session.command(3, READ, flags=0xC2, edtl=4096)
    session.send(0x40, 0x80, bytes(8), (9, NONE, session.cmd_sn, 0))
    header, _ = session.expect(0x20, 9)
    check(struct.unpack(">I", header[28:32])[0] == first, "nothing was carried out yet")
    session.cmd_sn = first
    session.command(1, bytes(6))
    check(session.status(1)[0] == 0, "first the command that was missing")
    check(session.status(2)[0] == 0, "then the write")
    header, data = session.expect(0x25, 3)
    check(header[1] == 0x81 and len(data) == 4096, "then the read")
    first += 3
    waits = []
    for tag in (20, 30, 40):
        session.cmd_sn = first + 1
        session.command(tag, bytes(6))
        response = session.manage(tag + 1, 1, referenced=tag + 2, ref_cmd_sn=first)
        check(response == 0, "a missing command is aborted")
        aborted = time.monotonic()
        check(session.status(tag)[0] == 0, "and not waited for any more")
        waits.append(time.monotonic() - aborted)
        first += 2
    check(min(waits) < 0.3, f"the command behind it is carried out at once, {waits}")
    session.command(7, bytes(6), flags=0x87)
    check(session.expect(0x3F, NONE)[0][2] == 9, "there is no such task attribute")
    session.cmd_sn -= 1
    session.command(7, bytes(6))
    check(session.status(7)[0] == 0, "the number of a rejected command is still free")
    session.send(0x04, 0x80, bytes(8), (8, 1, session.cmd_sn, 0))
    check(session.expect(0x3F, NONE)[0][2] == 9, "there is no such exchange of texts")
    session.command(9, bytes(6))
    check(session.status(9)[0] == 0, "and the number of that request is free, too")
    # Out of the window, and a number that was there: ignored.
    session.send(0x01, 0x80, bytes(8), (8, 0, session.cmd_sn + 1000, 0))
    session.send(0x01, 0x80, bytes(8), (8, 0, session.cmd_sn - 1, 0))
    use_up_attentions(session)


def data_behind_gaps():
    """Data waits with its command, in several pieces, damaged, or with none that it is for."""
    session = Session("early", InitialR2T="No", FirstBurstLength=4096, DataDigest="CRC32C")
    use_up_attentions(session)
    first = session.cmd_sn
    session.send(0x00, 0x80, bytes(8), (2, NONE, first + 1, 0))
    for sn in range(2):
        session.data_out(2, NONE, sn, 0, b"")
    session.command(1, bytes(6))
    check(session.status(1)[0] == 0, "the command that was missing")
    session.expect(0x20, 2)
    session.cmd_sn = first + 3
    pattern = os.urandom(4096)
    session.command(4, WRITE, flags=0x20, edtl=4096, data=pattern[:512])
    for sn in range(7):
        piece = pattern[512 * (sn + 1):512 * (sn + 2)]
        session.data_out(4, NONE, sn, 512 * (sn + 1), piece, final=sn == 6)
    session.cmd_sn = first + 2
    session.command(3, bytes(6))
    check([session.status(tag)[0] for tag in (3, 4)] == [0, 0], "a write with several pieces")
    session.cmd_sn = first + 4
    session.command(5, READ, flags=0xC0, edtl=4096)
    check(session.expect(0x25, 5)[1] == pattern, "and all of them are written")
    for tag, damaged in ((10, 0), (20, 1)):
        first = session.cmd_sn
        session.cmd_sn = first + 1
        session.command(tag + 1, WRITE, flags=0x20, edtl=4096, data=bytes(512))
        session.data_out(tag + 1, NONE, 0, 512, bytes(512), False, [1] if damaged == 0 else ())
        session.data_out(tag + 1, NONE, 1, 1024, bytes(3072), True, [1] if damaged == 1 else ())
        check(session.expect(0x3F, NONE)[0][2] == 2, "a Data-Out is rejected by its digest")
        session.cmd_sn = first
        session.command(tag, bytes(6))
        check(session.status(tag)[0] == 0, "the command before it is carried out")
        check(session.status(tag + 1) == (2, (11, 0x47, 5)), "its command ends")
        session.cmd_sn = first + 2
    use_up_attentions(session)


def discovery():
    """What is for sessions with a target is rejected in one without, and its number free."""
    session = Session("curious", SessionType="Discovery")
    session.command(1, bytes(6))
    check(session.expect(0x3F, NONE)[0][2] == 4, "a command is a protocol error")
    session.data_out(1, NONE, 0, 0, bytes(512))
    check(session.expect(0x3F, NONE)[0][2] == 4, "and so is data")
    session.cmd_sn -= 1
    session.send(0x04, 0x80, bytes(8), (2, NONE, session.cmd_sn, 0), data=b"SendTargets=All\0")
    check(TARGET.encode() in session.expect(0x24, 2)[1], "the target is listed")


def frugal_discovery():
    """Who only discovers has nothing kept for it: neither what it sends too early, nor more than texts have."""
    for opcode, flags, what in ((0x00, 0x80, "a ping"), (0x04, 0x80, "a text"), (0x06, 0x81, "a logout")):
        session = Session("hasty", SessionType="Discovery")
        header = bytes([opcode, flags, 0, 0, 0]) + (8192).to_bytes(3, "big") + bytes(8)
        # Of the data it has nothing follow.
        session.socket.sendall(header + struct.pack(">IIII", 3, NONE, session.cmd_sn + 1, 0) + bytes(16))
        expect_end(session, f"{what} behind a gap")
    session = Session("talkative", SessionType="Discovery")
    session.send(0x40, 0x80, bytes(8), (4, NONE, session.cmd_sn, 0), data=bytes(8192))
    check(session.expect(0x20, 4)[1] == bytes(8192), "a ping of 8 KiB is answered")
    session.send(0x40, 0x80, bytes(8), (5, NONE, session.cmd_sn, 0), data=bytes(8196))
    expect_end(session, "a longer ping")


def expect_end(session, what):
    """The target closes the connection, at once."""
    begin = time.monotonic()
    try:
        while session.socket.recv(65536):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        check(False, f"{what} ends the connection")
    check(time.monotonic() - begin < 8, f"{what} ends the connection at once")


def functions_behind_gaps():
    """A function that has to wait for others ends what was sent before it, and nothing behind it."""
    session = Session("functions")
    use_up_attentions(session)
    for tag, function in ((10, 2), (20, 5)):
        first = session.cmd_sn
        session.send(0x02, 0x80 | function, bytes(8), (tag + 1, NONE, first + 1, 0))
        session.cmd_sn = first + 2
        session.command(tag + 2, bytes(6))
        session.cmd_sn = first
        session.command(tag, bytes(6))
        session.cmd_sn = first + 3
        check(session.status(tag)[0] == 0, "the command that was missing")
        answers = {}
        for _ in range(2):
            header, _ = session.receive()
            answers[int.from_bytes(header[16:20], "big")] = header[0], header[2]
        check(answers == {tag + 1: (0x22, 0), tag + 2: (0x21, 0)}, f"function {function} and then a command, got {answers}")
    use_up_attentions(session)


def names_of_tasks():
    """A tag is used once at a time; long CDBs and commands in both directions are refused."""
    session = Session("tags", ImmediateData="No")
    use_up_attentions(session)
    session.command(1, WRITE, flags=0xA0, edtl=4096)
    ttt, _, _ = session.r2t(1)
    session.command(1, bytes(6))
    header, data = session.expect(0x3F, NONE)
    check(header[2] == 7 and data[16:20] == b"\0\0\0\1", "the tag is in use")
    session.cmd_sn -= 1
    session.data_out(1, ttt, 0, 0, bytes(4096))
    check(session.status(1)[0] == 0, "the first command goes on")
    session.command(1, bytes(6))
    check(session.status(1)[0] == 0, "and then the tag is free")
    session.command(2, WRITE, flags=0xA0, edtl=4096)
    session.r2t(2)
    check(session.manage(3, 1, referenced=2) == 0, "an abort is complete")
    session.command(2, bytes(6))
    check(session.status(2)[0] == 0, "and the tag of an aborted command is free")
    # A CDB of 32 bytes that no disk has, and one in both directions.
    ahs = bytes([0, 17, 1, 0]) + bytes(16)
    session.extended(4, bytes([0x7F, 0, 0, 0, 0, 0, 0, 24, 0x7F, 0xFF]), ahs, flags=0x80)
    check(session.status(4)[1][0] == 5, "an unknown long CDB is an illegal request")
    ahs = bytes([0, 5, 2, 0, 0, 0, 16, 0])
    session.extended(5, WRITE, ahs, flags=0xE0, edtl=4096)
    check(session.status(5)[1] == (5, 0x20, 0), "a command in both directions is refused")


def wrong_directions():
    """Data that go the other way than the initiator says don't go, and nobody says that they were written."""
    session = raw_session.Session(TARGET, isid=7)
    session.clear_attentions()
    read, write = (bytes([code, 0, 0, 0, 0, 0, 0, 0, 8, 0]) for code in (0x28, 0x2A))
    luns = bytes([0xA0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0])
    for cdb, what in ((read, "READ(10)"), (bytes([0x12, 0, 0, 0, 96, 0]), "INQUIRY"), (luns, "REPORT LUNS")):
        answer = session.do(cdb, write=bytes(4096))
        check((answer.status, answer.data) == (0, b""), f"{what} with W answers nothing")
    check(session.do(write, read=4096).code == (5, 0x0E, 3), "WRITE(10) with R is refused")
    check(session.do(read, read=4096).status == 0, "and the session goes on")
    session.logout()


def long_cdbs():
    """CDBs longer than 16 bytes, in an additional header segment. No disk has such a command."""
    session = Session("long")
    use_up_attentions(session)
    read = bytes([0x7F, 0, 0, 0, 0, 0, 0, 24, 0, 9, 0, 0, 0, 0, 0, 0])
    block_3 = bytes([0, 0, 0, 3]) + bytes(11) + b"\1"
    for tag, ahs, what in (
        (1, bytes([0, 17, 1, 0]) + block_3, "READ (32)"),
        (2, b"", "half a CDB"),
        (3, bytes([0, 16, 1, 0]) + block_3, "one that lacks a byte"),
        (4, bytes([0, 33, 1, 0]) + block_3 + bytes(16), "one of 48 bytes"),
    ):
        session.extended(tag, read, ahs, flags=0xC0, edtl=512)
        check(session.status(tag)[1] == (5, 0x20, 0), f"{what} is an illegal request")
    for ahs, what in (
        (bytes([0, 1, 1, 0]), "without a CDB"),
        (bytes([0, 33, 1, 0]) + block_3, "that is cut"),
        (bytes([0, 17, 3, 0]) + block_3, "of no known type"),
        ((bytes([0, 5, 1, 0]) + bytes(4)) * 2, "that is there twice"),
        (bytes([0, 5, 2, 0]) + bytes(4), "for both directions, of a read"),
    ):
        session.extended(5, read, ahs, flags=0xC0, edtl=512)
        header, _ = session.expect(0x3F, NONE)
        check(header[2] == 9, f"a header segment {what} is rejected")
        session.cmd_sn -= 1
    session.command(6, bytes(6))
    check(session.status(6)[0] == 0, "and the session goes on")


def many_r2ts():
    """Up to 64 R2Ts at a time."""
    session = Session(
        "many", ImmediateData="No", MaxBurstLength=512, FirstBurstLength=512, MaxOutstandingR2T=64
    )
    use_up_attentions(session)
    cdb = WRITE[:8] + bytes([128])
    session.command(1, cdb, flags=0xA0, edtl=65536)
    wanted = [session.r2t(1) for _ in range(16)]
    check([r[1] for r in wanted] == [n * 512 for n in range(16)], "R2Ts in order")
    done = 0
    while done < 128:
        ttt, offset, length = wanted.pop(0)
        session.data_out(1, ttt, 0, offset, bytes(length))
        done += 1
        if done + len(wanted) < 128:
            wanted.append(session.r2t(1))
    check(session.status(1)[0] == 0, "the write succeeds")


def small_talk():
    """Pings, texts, SNACKs and logouts."""
    session = Session("talker")
    number = session.cmd_sn
    session.send(0x40, 0x80, bytes(8), (1, NONE, number, 0), data=b"hello")
    check(session.expect(0x20, 1)[1] == b"hello", "ping data comes back")
    few, data = Session("few", MaxRecvDataSegmentLength=512), os.urandom(5000)
    few.send(0x40, 0x80, bytes(8), (1, NONE, few.cmd_sn, 0), data=data)
    check(few.expect(0x20, 1)[1] == data[:512], "as much of it as the initiator takes")
    use_up_attentions(few)
    session.send(0x44, 0x80, bytes(8), (2, NONE, number, 0), data=b"SendTargets=\0")
    text = session.expect(0x24, 2)[1]
    check(text.startswith(b"TargetName=" + TARGET.encode() + b"\0TargetAddress="), "SendTargets")
    session.send(0x10, 0x80, bytes(8), (NONE, NONE, 0, 0))
    check(session.expect(0x3F, NONE)[0][2] == 3, "a SNACK is rejected")
    session.send(0x46, 0x82, bytes(8), (3, 0, number, 0))
    check(session.expect(0x26, 3)[0][2] == 2, "a logout for recovery is not supported")
    session.send(0x46, 0x81, bytes(8), (4, 7 << 16, number, 0))
    check(session.expect(0x26, 4)[0][2] == 1, "there is no such connection")
    session.send(0x46, 0x80, bytes(8), (5, 0, number, 0))
    check(session.expect(0x26, 5)[0][2] == 0, "a logout succeeds")
    check(session.socket.recv(1) == b"", "and the target closes the connection")


def unsent_answers():
    """Pings whose answers can't be sent hold as much memory as those have bytes."""
    sessions = [Session("deaf", isid=isid, MaxRecvDataSegmentLength=512) for isid in range(8)]
    for session in sessions:
        use_up_attentions(session)
        session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        for tag in range(6):
            # A MiB: more than the target's end of the connection has room for, all in all.
            session.command(tag, bytes([0x28, 0, 0, 0, 0, 0, 0, 8, 0]), flags=0xC0, edtl=1 << 20)
    before = available_at_rest()
    end = time.monotonic() + 20
    for session in sessions:
        for tag in range(100, 130):
            session.send(0x40, 0x80, bytes(8), (tag, NONE, session.cmd_sn, 0), data=bytes(262144))
    time.sleep(1)
    # Until it is read, it is in the target's end of the connection.
    while before - available() > 20 and time.monotonic() < end:
        time.sleep(0.1)
    check(before - available() <= 20, f"60 MiB of pings take at most 20 MiB, got {before - available()}")


def many_pings():
    """Pings that come together are answered together, though one turn has no room for so many answers."""
    session = Session("pings")
    use_up_attentions(session)
    tags = range(200, 280)
    words = [struct.pack(">IIII", tag, NONE, session.cmd_sn, 0) for tag in tags]
    begin = time.monotonic()
    session.socket.sendall(b"".join(bytes([0x40, 0x80]) + bytes(14) + four + bytes(16) for four in words))
    for tag in tags:
        session.expect(0x20, tag)
    took = time.monotonic() - begin
    check(took < 5, f"{len(tags)} pings are answered within 5 s, it took {took:.1f} s")


def available():
    """The memory that is available, in MiB."""
    lines = pathlib.Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("MemAvailable"))


def available_at_rest():
    """The same, once nothing takes or gives back any more."""
    now, end = available(), time.monotonic() + 60
    while time.monotonic() < end:
        before = now
        time.sleep(2)
        now = available()
        if abs(now - before) <= 1:
            break
    return now


def strangers():
    """Connections that don't log in don't keep out those that do, and may still do it themselves."""
    idle = [connect() for _ in range(300)]
    use_up_attentions(Session("among-strangers"))
    # Of those from one address 64 may stay, and one more had to leave for that session: these are the oldest and
    # the newest of those that are left.
    for isid, link in enumerate((idle[-63], idle[-1])):
        use_up_attentions(Session("no-stranger", isid=isid, link=link))


def crowd():
    """An initiator has 256 sessions at most, and others come in all the same."""
    sessions = [Session("crowd", isid=isid) for isid in range(256)]
    Session("crowd", isid=256, status=0x0302)
    use_up_attentions(Session("beside-the-crowd"))
    sessions[7] = Session("crowd", isid=7)
    for session in sessions:
        use_up_attentions(session)


def aliases():
    """What an initiator calls itself is shown, but for what isn't to be seen."""
    session = Session("alias", InitiatorAlias="\x1b[31mred\r\nname \x7f\u0085\u00fc")
    listed = subprocess.check_output(["stmfadm", "list-target", "--json", TARGET])
    shown = [one["alias"] for one in json.loads(listed)[0]["sessions"] if "alias" in one]
    check("?[31mred??name ??\u00fc" in shown, f"the alias without control characters, got {shown}")
    use_up_attentions(session)


def unwanted():
    """Data that is for nothing comes in by as much as there is room for."""
    session = Session("unwanted", MaxRecvDataSegmentLength=262144)
    use_up_attentions(session)
    if not (TRACING / "kprobe_events").exists():
        subprocess.check_call(["mount", "-t", "tracefs", "tracefs", TRACING])
    probes, enable = TRACING / "kprobe_events", TRACING / "events/kprobes/enable"
    probes.write_text("p:stmf_test_receive tcp_recvmsg\n", encoding="ascii")
    try:
        enable.write_text("1", encoding="ascii")
        for _ in range(64):
            session.data_out(4711, NONE, 0, 0, bytes(65536))
        session.send(0x40, 0x80, bytes(8), (1, NONE, session.cmd_sn, 0), data=bytes(65536))
        session.expect(0x20, 1)
        profile = (TRACING / "kprobe_profile").read_text(encoding="ascii").split()
        calls = int(profile[1])
    finally:
        enable.write_text("0", encoding="ascii")
        probes.write_text("", encoding="ascii")
    print(f"    {calls} calls for 4 MiB")
    check(calls < 4000, f"less than 4000 calls for 4 MiB that nobody wants, got {calls}")


def main():
    """All cases, or some."""
    cases = (reinstatement, writing, bad_data, damage, damage_of_no_account, aborting, gaps, data_behind_gaps)
    cases += (functions_behind_gaps, discovery, frugal_discovery, names_of_tasks, many_r2ts)
    cases += (wrong_directions, long_cdbs, small_talk, many_pings, unsent_answers, strangers, crowd, aliases, unwanted)
    some = [case for case in cases if case.__name__ in sys.argv[4:]]
    for case in some or cases:
        case()
        print(f"ok: {case.__doc__}")


main()
