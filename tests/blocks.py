# SPDX-License-Identifier: GPL-2.0
"""Blocks on a disk that a session sees, for tests of devices that fail."""

import json

from raw_session import GOOD
from steps import expect, fail

READ_ERROR, WRITE_ERROR = (3, 0x11, 0), (3, 0x0C, 0)
# Of a flush.
FLUSH_ERROR = (4, 0x0C, 0)
FUA = 8


def pattern(number):
    """What nobody else writes, of 4 KiB."""
    return number.to_bytes(8, "big") * 512


def said(answer):
    """How a command ended: its sense data, or the status that went without."""
    return answer.code or answer.status


class Blocks:
    """The blocks of a disk, eight of which have a number's pattern. A command has a minute."""

    def __init__(self, session, lun=0):
        self.session, self.lun = session, lun
        session.clear_attentions(lun)

    def read(self, lba, blocks=8):
        return self.session.answer(self.session.read(lba, blocks, lun=self.lun), seconds=60)

    def write(self, lba, number, flags=0):
        return self.session.answer(self.session.write(lba, pattern(number), flags, lun=self.lun), seconds=60)

    def do(self, cdb, **how):
        return self.session.do(cdb, lun=self.lun, **how)

    def expect_good_write(self, lba, number, what):
        expect(GOOD, said(self.write(lba, number)), f"{what}: a write at {lba}")

    def expect_written(self, lba, number, what):
        answer = self.read(lba)
        expect(GOOD, said(answer), f"{what}: a read at {lba}")
        if answer.data != pattern(number):
            fail(f"{what}: expected what was written at {lba}, got {answer.data[:16].hex()}...")

    def works_again(self, what):
        """The disk, at the begin of which there is the pattern of 1, works without anybody's help."""
        self.expect_written(0, 1, what)
        self.expect_good_write(8, 2, what)
        expect(GOOD, said(self.do(bytes([0x35]))), f"{what}: SYNCHRONIZE CACHE")
        self.expect_written(8, 2, what)


class Written:
    """What may be in blocks that were written with FUA: what was acknowledged last, or something that failed since.
    Where nothing was acknowledged yet anything may be."""

    def __init__(self, disk, path=None):
        """Nothing yet; or what was saved there."""
        self.disk, self.may_be = disk, {}
        if path:
            with open(path, encoding="ascii") as file:
                self.may_be = {int(lba): numbers for lba, numbers in json.load(file).items()}

    def write(self, lba, number):
        """Writes eight blocks, and says how that ended."""
        # When the connection ends, it may have been carried out, too.
        acknowledged = self.may_be.get(lba, [None])
        self.may_be[lba] = [*acknowledged, number]
        answer = self.disk.write(lba, number, FUA)
        if answer is None:
            fail(f"a write at {lba}: expected an answer within a minute")
        if answer.status == GOOD:
            self.may_be[lba] = [number]
        return said(answer)

    def save(self, path):
        with open(path, "w", encoding="ascii") as file:
            json.dump(self.may_be, file)

    def check(self, what):
        """Everything that was acknowledged is there; says how much that is."""
        for lba, numbers in self.may_be.items():
            answer = self.disk.read(lba)
            expect(GOOD, said(answer), f"{what}: a read at {lba}")
            if None not in numbers and answer.data not in map(pattern, numbers):
                fail(f"{what}: expected at {lba} one of the writes {numbers}, got {answer.data[:16].hex()}...")
        count = sum(len(numbers) == 1 for numbers in self.may_be.values())
        print(f"    {what}: {count} writes that were acknowledged are there, "
              f"{len(self.may_be) - count} places have one or another", flush=True)
        return count
