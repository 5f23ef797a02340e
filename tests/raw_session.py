# SPDX-License-Identifier: GPL-2.0
"""A small iSCSI initiator for tests that must say exactly what is sent when.

No authentication, and no digests unless asked for.  What is sent is not waited
for unless asked: commands can be left in the target.  A session has one connection; one that
joins it is made like a session, and has its numbers and tags in common with it.
"""

import select
import socket
import struct
import time

SIMPLE, ORDERED, HEAD_OF_QUEUE, ACA = 1, 2, 3, 4
ABORT_TASK, ABORT_TASK_SET, CLEAR_ACA, CLEAR_TASK_SET, LUN_RESET = 1, 2, 3, 4, 5
TARGET_WARM_RESET, TARGET_COLD_RESET = 6, 7
QUERY_TASK, QUERY_TASK_SET, NEXUS_RESET, QUERY_ASYNC_EVENT = 9, 10, 11, 12
COMPLETE, NO_TASK, NO_LUN, UNSUPPORTED, SUCCEEDED, REJECTED = 0, 1, 2, 5, 7, 255
GOOD, CHECK, BUSY, CONFLICT, FULL, ABORTED = 0x00, 0x02, 0x08, 0x18, 0x28, 0x40
NOBODY = 0xFFFFFFFF


def crc32c(data):
    """The digest of RFC 7143, as it goes on the wire."""
    crc = NOBODY
    for byte in data:
        crc = CRC32C[(crc ^ byte) & 255] ^ crc >> 8
    return struct.pack("<I", crc ^ NOBODY)


def crc32c_of(byte):
    """An entry of the table."""
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


CRC32C = [crc32c_of(byte) for byte in range(256)]


class Answer:
    """What came back for a command."""

    def __init__(self):
        self.status = None
        self.sense = b""
        self.data = b""
        self.when = None
        # Whether the data that the target asks for is not sent.
        self.held = False
        # The last R2T.
        self.r2t = None

    @property
    def code(self):
        """Sense key, additional sense code and qualifier."""
        if len(self.sense) < 4:
            return None
        if self.sense[0] & 0x7F >= 0x72:
            return tuple(self.sense[1:4])
        return (self.sense[2] & 0x0F, self.sense[12], self.sense[13])


UNAVAILABLE = 0x0301  # "Service unavailable", for now.


class Refused(RuntimeError):
    """A login that failed, with this status."""

    def __init__(self, status):
        super().__init__(f"login refused: {status:04x}")
        self.status = status


def log_in_again(target, **how):
    """A login for the place of a connection that may still be there: who is refused for now tries again."""
    end = time.monotonic() + 20
    while True:
        try:
            return Session(target, **how)
        except Refused as refused:
            if refused.status != UNAVAILABLE or time.monotonic() > end:
                raise
            time.sleep(0.1)


class Numbers:
    """What the connections of a session have in common."""

    def __init__(self):
        self.cmd_sn, self.tag = 1, 16


class Session:
    """A session with a target, logged in; or one more connection, `cid`, of the session that `of` is."""

    def __init__(self, target, name="iqn.2024-01.test:raw", isid=1, address=("127.0.0.1", 3260),
                 of=None, cid=0, tsih=None, more=()):
        self.socket = socket.create_connection(address, timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.numbers = of.numbers if of else Numbers()
        self.target, self.cid, self.exp_stat_sn = target, cid, 0
        self.exp_cmd_sn = self.max_cmd_sn = None
        self.answers, self.functions, self.notices, self.rejects = {}, {}, [], []
        # The Additional Response Information of the last function that was answered.
        self.information = None
        # Whether the target's own pings are answered.
        self.answers_pings = True
        # Of headers and of data, once logged in.
        self.digests = (False, False)
        self.logged_out = None
        keys = (f"InitiatorName={name}", f"TargetName={target}", "SessionType=Normal",
                "InitialR2T=No", "ImmediateData=Yes", "MaxRecvDataSegmentLength=262144")
        if of or tsih:
            # What holds for the session is said by its first connection.
            keys = (*keys[:3], keys[-1])
        text = b"".join(key.encode() + b"\0" for key in (*keys, *more))
        tsih = tsih or (of.tsih if of else 0)
        rest = b"\0\x02\x3d" + isid.to_bytes(3, "big") + struct.pack(">H", tsih)
        rest += struct.pack(">IHHII", 1, cid, 0, self.cmd_sn, 0) + bytes(16)
        self.send(0x43, 0x87, rest, text)
        header, data = self.receive_pdu()
        if header[0] & 0x3F == 0x23 and header[36] != 0:
            self.close()
            raise Refused(int.from_bytes(header[36:38], "big"))
        if header[0] & 0x3F != 0x23 or header[1] & 0x87 != 0x87:
            raise RuntimeError(f"login failed: {header.hex()} {data}")
        self.tsih = int.from_bytes(header[14:16], "big")
        # What the target said to the keys.
        self.keys = dict(pair.split("=", 1) for pair in data.decode().split("\0") if pair)
        self.exp_stat_sn = int.from_bytes(header[24:28], "big") + 1
        self.digests = tuple(f"{kind}Digest=CRC32C" in more for kind in ("Header", "Data"))

    @property
    def cmd_sn(self):
        return self.numbers.cmd_sn

    @cmd_sn.setter
    def cmd_sn(self, value):
        self.numbers.cmd_sn = value

    @property
    def tag(self):
        return self.numbers.tag

    @tag.setter
    def tag(self, value):
        self.numbers.tag = value

    # --- PDUs ---------------------------------------------------------------

    def send(self, opcode, flags, rest, data=b"", damage=(), upto=None):
        """A PDU; `damage` says which digests are wrong: 0 that of the header, 1 that of the data.

        What comes after `upto` bytes isn't sent, but kept in `unsent`.
        """
        header = bytes([opcode, flags, 0, 0, 0]) + len(data).to_bytes(3, "big") + rest
        message = b""
        for kind, part in enumerate((header, data + bytes(-len(data) % 4))):
            message += part
            if self.digests[kind] and part:
                digest = int.from_bytes(crc32c(part), "big") ^ (kind in damage)
                message += digest.to_bytes(4, "big")
        self.socket.sendall(message[:upto])
        self.unsent = message[upto:] if upto else b""

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise ConnectionError("the target has closed the connection")
            data += more
        return data

    def receive_pdu(self):
        header = self.sealed(48, self.digests[0])
        length = int.from_bytes(header[5:8], "big")
        return header, self.sealed(length + -length % 4, self.digests[1])[:length]

    def sealed(self, count, has_digest):
        """So many bytes, and their digest if they have one."""
        data = self.exactly(count)
        if has_digest and data and self.exactly(4) != crc32c(data):
            raise RuntimeError(f"a digest error in {data[:48].hex()}")
        return data

    def take(self, seconds):
        """Takes one PDU; says whether one began to come in time."""
        if not select.select([self.socket], [], [], max(seconds, 0.001))[0]:
            return False
        header, data = self.receive_pdu()
        opcode, tag = header[0] & 0x3F, int.from_bytes(header[16:20], "big")
        answer = self.answers.get(tag)
        self.exp_cmd_sn, self.max_cmd_sn = struct.unpack(">II", header[28:36])
        if opcode in (0x21, 0x22, 0x26, 0x32, 0x3F) or (opcode == 0x20 and tag != NOBODY):
            self.exp_stat_sn = int.from_bytes(header[24:28], "big") + 1
        if opcode == 0x20 and header[20:24] != b"\xff" * 4:
            if not self.answers_pings:
                return True
            rest = header[8:16] + b"\xff" * 4 + header[20:24]
            rest += struct.pack(">II", self.cmd_sn, self.exp_stat_sn) + bytes(16)
            self.send(0x40, 0x80, rest)
        elif opcode == 0x21 and answer:
            answer.status, answer.when = header[3], time.monotonic()
            answer.sense = data[2:2 + int.from_bytes(data[:2], "big")] if data else b""
        elif opcode == 0x25 and answer:
            answer.data += data
            if header[1] & 1:
                self.exp_stat_sn = int.from_bytes(header[24:28], "big") + 1
                answer.status, answer.when = header[3], time.monotonic()
        elif opcode == 0x22:
            self.functions[tag], self.information = header[2], header[8:11]
        elif opcode == 0x26:
            self.logged_out = header[2]
        elif opcode == 0x3F:
            self.rejects.append(header[2])
        elif opcode == 0x32:
            # AsyncEvent, its three parameters, and the sense data without its length.
            self.notices.append((header[36], *struct.unpack(">HHH", header[38:44]), data[2:]))
        elif opcode == 0x31 and answer:
            answer.r2t = header
            if not answer.held:
                self.send_data(tag, header)
        return True

    def send_data(self, tag, r2t):
        """Answers an R2T with one PDU."""
        offset, length = struct.unpack(">II", r2t[40:48])
        rest = r2t[8:16] + struct.pack(">I", tag) + r2t[20:24] + bytes(4)
        rest += struct.pack(">IIIII", self.exp_stat_sn, 0, 0, offset, 0)
        self.send(0x05, 0x80, rest, self.answers[tag].out[offset:offset + length])

    def send_unsolicited(self, tag, upto=None, start=0):
        """All data of a write from `start` on, in one PDU that nobody has asked for."""
        rest = bytes(8) + struct.pack(">III", tag, NOBODY, 0)
        rest += struct.pack(">IIIII", self.exp_stat_sn, 0, 0, start, 0)
        self.send(0x05, 0x80, rest, self.answers[tag].out[start:], upto=upto)

    def until(self, condition, seconds):
        """Takes PDUs until a condition holds; says whether it does in time."""
        end = time.monotonic() + seconds
        while not condition():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self.take(left)
        return True

    # --- commands -----------------------------------------------------------

    def start(self, cdb, read=0, write=b"", attr=SIMPLE, lun=0, data=None, cmd_sn=None, damage=(),
              upto=None, final=True):
        """Sends a command and returns its tag.

        `data` is what is sent at once of `write`; all of it unless said. `cmd_sn` is the next number
        unless said. One that isn't `final` has unsolicited data follow.
        """
        if cmd_sn is None:
            cmd_sn = self.cmd_sn
            self.cmd_sn += 1
        self.tag += 1
        answer = self.answers[self.tag] = Answer()
        answer.out = write
        data = write if data is None else data
        flags = (0x80 if final else 0) | (0x40 if read else 0) | (0x20 if write else 0) | attr
        rest = struct.pack(">HHI", lun, 0, 0)
        tag = self.tag
        rest += struct.pack(">IIII", tag, read or len(write), cmd_sn, self.exp_stat_sn)
        self.send(0x01, flags, rest + cdb.ljust(16, b"\0"), data, damage, upto)
        return tag

    def answer(self, tag, seconds=20):
        """The answer to a command; `None` if there is none in time."""
        answer = self.answers[tag]
        return answer if self.until(lambda: answer.status is not None, seconds) else None

    def do(self, cdb, **how):
        """A command and its answer."""
        answer = self.answer(self.start(cdb, **how))
        if answer is None:
            raise RuntimeError(f"no answer to {cdb.hex()} within 20 s")
        return answer

    def read(self, lba, blocks=8, **how):
        return self.start(struct.pack(">BBIBHB", 0x28, 0, lba, 0, blocks, 0), read=blocks * 512, **how)

    def write(self, lba, content, flags=0, **how):
        cdb = struct.pack(">BBIBHB", 0x2A, flags, lba, 0, len(content) // 512, 0)
        return self.start(cdb, write=content, **how)

    def owe(self, lba, length, **how):
        """A write of that many bytes whose data don't come by themselves; gives its tag."""
        tag = self.write(lba, bytes(length), data=b"", **how)
        self.answers[tag].held = True
        return tag

    def clear_attentions(self, lun=0):
        """TEST UNIT READY until nothing is reported any more; gives what was."""
        told = []
        while True:
            answer = self.do(bytes(6), lun=lun)
            if answer.status != CHECK or answer.code[0] != 6:
                return told
            told.append(answer.code[1:])

    def set_control(self, tst=0, qerr=0, tas=0):
        """Sets fields of the Control mode page (SPC-5); gives the status."""
        sense = self.do(b"\x5a\x08\x0a" + bytes(4) + b"\x00\x40\x00", read=64).data
        page = bytearray(sense[8:20])
        page[0] &= 0x3F
        page[2] = page[2] & 0x1F | tst << 5
        page[3] = page[3] & 0xF9 | qerr << 1
        page[5] = page[5] & 0xBF | tas << 6
        return self.do(b"\x55\x10" + bytes(5) + b"\x00\x14\x00", write=bytes(8) + bytes(page)).status

    def start_function(self, function, tag=NOBODY, lun=0, ref_cmd_sn=None):
        """Sends an immediate task management function and returns its tag."""
        self.tag += 1
        ref_cmd_sn = self.cmd_sn - 1 if ref_cmd_sn is None else ref_cmd_sn
        rest = struct.pack(">HHIII", lun, 0, 0, self.tag, tag)
        rest += struct.pack(">III", self.cmd_sn, self.exp_stat_sn, ref_cmd_sn) + bytes(12)
        self.send(0x42, 0x80 | function, rest)
        return self.tag

    def manage(self, function, tag=NOBODY, lun=0, seconds=20, ref_cmd_sn=None):
        """A task management function and its response."""
        mine = self.start_function(function, tag, lun, ref_cmd_sn)
        self.until(lambda: mine in self.functions, seconds)
        return self.functions.get(mine)

    def leave(self, reason=1, cid=0, seconds=20):
        """Sends a logout and gives the response, `None` if there is none in time."""
        self.tag += 1
        self.logged_out = None
        rest = bytes(8) + struct.pack(">IHHII", self.tag, cid, 0, self.cmd_sn, self.exp_stat_sn)
        self.send(0x46, 0x80 | reason, rest + bytes(16))
        self.until(lambda: self.logged_out is not None, seconds)
        return self.logged_out

    def logout(self, seconds=20):
        """Ends the session; says whether the target answered in time."""
        done = self.leave(reason=0, seconds=seconds) is not None
        self.close()
        return done

    def close(self):
        self.socket.close()


class Login:
    """A login that goes step by step; `of` is the session that it is to join by one more connection, `cid`."""

    def __init__(self, target, name="iqn.2024-01.test:raw", isid=1, address=("127.0.0.1", 3260), of=None, cid=0):
        self.socket = socket.create_connection(address, timeout=20)
        self.ids = isid.to_bytes(3, "big") + struct.pack(">HIHH", of.tsih if of else 0, 1, cid, 0)
        self.cmd_sn, self.exp_stat_sn = of.cmd_sn if of else 1, 0
        self.exp_cmd_sn = self.max_cmd_sn = None
        self.names = {"InitiatorName": name, "TargetName": target, "SessionType": "Normal"}

    def step(self, flags=0x00, **keys):
        """A request in the security stage unless `flags` say otherwise; gives the status, and the keys of the
        response."""
        text = b"".join(f"{key}={value}\0".encode() for key, value in (self.names | keys).items())
        self.names = {}
        header = bytes([0x43, flags, 0, 0, 0]) + len(text).to_bytes(3, "big") + b"\0\x02\x3d" + self.ids
        header += struct.pack(">II", self.cmd_sn, self.exp_stat_sn) + bytes(16)
        self.socket.sendall(header + text + bytes(-len(text) % 4))
        response = self.exactly(48)
        length = int.from_bytes(response[5:8], "big")
        said = self.exactly(length + -length % 4)[:length].decode()
        self.exp_stat_sn = int.from_bytes(response[24:28], "big") + 1
        self.exp_cmd_sn, self.max_cmd_sn = struct.unpack(">II", response[28:36])
        return int.from_bytes(response[36:38], "big"), dict(pair.split("=", 1) for pair in said.split("\0") if pair)

    exactly = Session.exactly
    close = Session.close
