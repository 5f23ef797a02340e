# SPDX-License-Identifier: GPL-2.0
"""Disks with a volatile write cache, which a cut of the power empties, as NBD exports."""

import os
import socket
import struct
import threading

PIECE = 4096  # What reaches the medium whole or not at all: the physical block.

# https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
OPT_EXPORT_NAME, OPT_ABORT, OPT_GO, OPT_INFO = 1, 2, 7, 6
REP_ACK, REP_INFO, REP_UNSUPPORTED = 1, 3, 1 << 31 | 1
READ, WRITE, DISCONNECT, FLUSH = 0, 1, 2, 3
FLAG_FUA = 1
TRANSMISSION = 1 | 1 << 2 | 1 << 3  # There are flags: FLUSH and FUA are understood.
EINVAL = 22


class Disk:
    """A medium, and a cache that has the unflushed writes of each piece, oldest first."""

    def __init__(self, path, lies=False):
        self.file = os.open(path, os.O_RDWR)
        self.size = os.fstat(self.file).st_size
        self.lies = lies
        self.cache = {}
        self.lock = threading.Lock()
        self.dropped = 0

    def current(self, piece):
        """What a read of the piece gets."""
        if piece in self.cache:
            return self.cache[piece][-1]
        return os.pread(self.file, PIECE, piece * PIECE)

    def read(self, offset, length):
        first, last = offset // PIECE, (offset + length - 1) // PIECE
        with self.lock:
            data = b"".join(self.current(piece) for piece in range(first, last + 1))
        return data[offset - first * PIECE :][:length]

    def write(self, offset, data, fua):
        first, last = offset // PIECE, (offset + len(data) - 1) // PIECE
        with self.lock:
            for piece in range(first, last + 1):
                old = self.current(piece)
                start = max(offset - piece * PIECE, 0)
                part = data[piece * PIECE + start - offset :][: PIECE - start]
                new = old[:start] + part + old[start + len(part) :]
                self.cache.setdefault(piece, []).append(new)
                if fua and not self.lies:
                    self.settle(piece, new)

    def flush(self):
        with self.lock:
            for piece in [] if self.lies else list(self.cache):
                self.settle(piece, self.cache[piece][-1])

    def settle(self, piece, data):
        os.pwrite(self.file, data, piece * PIECE)
        self.cache.pop(piece, None)

    def cut(self, random):
        """The power fails: of each piece's unflushed writes none has reached the medium, or any."""
        with self.lock:
            for piece, versions in list(self.cache.items()):
                survivor = random.randrange(len(versions) + 1)
                self.dropped += survivor < len(versions)
                if survivor:
                    self.settle(piece, versions[survivor - 1])
            self.cache.clear()


class Server:
    """Serves disks by name on a Unix socket; a connection at a time for each."""

    def __init__(self, path, disks):
        self.disks = disks
        self.serving = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            thread = threading.Thread(target=self.serve, args=(connection,), daemon=True)
            self.serving.append(thread)
            thread.start()

    def drain(self):
        """Waits until nothing more comes from a QEMU that is gone."""
        while self.serving:
            self.serving.pop().join()

    def serve(self, connection):
        try:
            if disk := self.negotiate(connection):
                transmit(connection, disk)
        except (EOFError, OSError):
            pass  # QEMU was killed.
        finally:
            connection.close()

    def negotiate(self, connection):
        """The handshake; returns the disk that is asked for."""
        connection.sendall(b"NBDMAGICIHAVEOPT" + struct.pack(">H", 3))
        receive(connection, 4)
        while True:
            magic, option, length = struct.unpack(">QII", receive(connection, 16))
            assert magic == int.from_bytes(b"IHAVEOPT", "big")
            data = receive(connection, length)

            def reply(kind, payload=b"", option=option):
                head = struct.pack(">QIII", 0x3E889045565A9, option, kind, len(payload))
                connection.sendall(head + payload)

            if option == OPT_EXPORT_NAME:
                disk = self.disks[data.decode()]
                connection.sendall(struct.pack(">QH", disk.size, TRANSMISSION))
                return disk
            if option in (OPT_GO, OPT_INFO):
                disk = self.disks[data[4 : 4 + int.from_bytes(data[:4], "big")].decode()]
                reply(REP_INFO, struct.pack(">HQH", 0, disk.size, TRANSMISSION))
                reply(REP_ACK)
                if option == OPT_GO:
                    return disk
            elif option == OPT_ABORT:
                reply(REP_ACK)
                return None
            else:
                reply(REP_UNSUPPORTED)


def transmit(connection, disk):
    """Carries out requests until QEMU goes."""
    while True:
        head = receive(connection, 28)
        _, flags, kind, handle, offset, length = struct.unpack(">IHHQQI", head)
        error, data = 0, b""
        if kind == READ:
            data = disk.read(offset, length)
        elif kind == WRITE:
            disk.write(offset, receive(connection, length), flags & FLAG_FUA)
        elif kind == FLUSH:
            disk.flush()
        elif kind == DISCONNECT:
            disk.flush()
            return
        else:
            error = EINVAL
        connection.sendall(struct.pack(">IIQ", 0x67446698, error, handle) + data)


def receive(connection, length):
    """Exactly so many bytes."""
    got = bytearray()
    while len(got) < length:
        more = connection.recv(length - len(got))
        if not more:
            raise EOFError
        got += more
    return bytes(got)
