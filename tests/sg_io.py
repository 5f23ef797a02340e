# SPDX-License-Identifier: GPL-2.0
"""Commands by Linux's SG_IO."""

import ctypes
import fcntl
import struct

SG_IO = 0x2285
NONE, TO, FROM = -1, -2, -3


class Answer:
    """What came back."""

    def __init__(self, header, sense):
        self.status = header[64]
        self.host, self.driver, self.residual = struct.unpack_from("=HHi", header, 68)
        self.sense = sense[: header[67]]

    @property
    def code(self):
        """Sense key, additional sense code and its qualifier."""
        if len(self.sense) >= 4 and self.sense[0] & 0x7F in (0x72, 0x73):
            return self.sense[1] & 15, self.sense[2], self.sense[3]
        if len(self.sense) >= 14 and self.sense[0] & 0x7F in (0x70, 0x71):
            return self.sense[2] & 15, self.sense[12], self.sense[13]
        return None


def send(file, cdb, direction, address, length, patience_ms=30000):
    """Sends a command whose data are at an address."""
    cdb_room = ctypes.create_string_buffer(cdb, len(cdb))
    sense = ctypes.create_string_buffer(96)
    header = struct.pack("@iiBBHIPPPIIiP", ord("S"), direction, len(cdb), len(sense), 0, length, address,
                         ctypes.addressof(cdb_room), ctypes.addressof(sense), patience_ms, 0, 0, 0)
    header = bytearray(header.ljust(88, b"\0"))
    fcntl.ioctl(file, SG_IO, header)
    return Answer(header, sense.raw)
