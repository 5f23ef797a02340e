# SPDX-License-Identifier: GPL-2.0
"""What dm-log-writes has logged, and the media that a loss of power could have left of it.

A write is in the log when it is on the medium for good: its own FUA, or the flush that followed it, has been
completed. (Documentation/admin-guide/device-mapper/log-writes.rst of Linux.) So what the medium has at some
moment is all that the log has by then, and of what the next flush has brought, or of the next write with FUA,
any part.
"""

import struct

FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
MAGIC, VERSION = 0x6A736677736872, 1
SUPER, ENTRY = struct.Struct("<QQQI"), struct.Struct("<QQQQ")


class Write:
    """One that was logged: where, what, and how; or a mark, which has a text."""

    def __init__(self, at, data, flags, mark=None):
        self.at, self.data, self.flags, self.mark = at, data, flags, mark

    @property
    def is_barrier(self):
        """What comes after it was sent when it, or what is before it, was on the medium for good."""
        return bool(self.flags & (FLUSH | FUA))


def read_log(path):
    """The writes in a log, oldest first."""
    with open(path, "rb") as log:
        magic, version, count, sector = SUPER.unpack(log.read(SUPER.size))
        if (magic, version) != (MAGIC, VERSION):
            raise ValueError(f"{path}: not a log of writes")
        place = sector
        for _ in range(count):
            log.seek(place)
            at, sectors, flags, length = ENTRY.unpack(log.read(ENTRY.size))
            mark = log.read(length).rstrip(b"\0").decode() if flags & MARK else None
            log.seek(place + sector)
            # What was discarded may read as it did before, or as zeros: here it does the latter.
            size = sectors * sector
            data = bytes(size) if flags & DISCARD else log.read(size)
            yield Write(at * sector, data, flags, mark)
            place += sector + (0 if flags & DISCARD else size)


class Medium:
    """A file as the medium was after so many of the writes in a log."""

    def __init__(self, path, writes):
        self.file = open(path, "r+b")  # pylint: disable=consider-using-with
        self.writes = writes
        self.position = 0
        self.mark = None

    def advance(self, position):
        """Up to there everything is on the medium."""
        for write in self.writes[self.position:position]:
            self.mark = write.mark or self.mark
            self.put(self.file, write)
        self.position = position
        self.file.flush()

    def tear(self, path, chance, piece):
        """To a copy of the medium, what may be there of the writes that were under way: of each, any of its
        pieces, which are on the medium whole or not at all. Says how many pieces."""
        count = 0
        with open(path, "r+b") as copy:
            for write in self.writes[self.position:]:
                # What comes after a mark was sent after what the mark tells of.
                if write.mark:
                    break
                for start in range(0, len(write.data), piece):
                    if chance.randrange(2):
                        count += 1
                        self.put(copy, Write(write.at + start, write.data[start:start + piece], 0))
                if write.is_barrier:
                    break
        return count

    @staticmethod
    def put(file, write):
        file.seek(write.at)
        file.write(write.data)
