# SPDX-License-Identifier: GPL-2.0
"""Blocks on a disk that a session sees, for tests of devices that fail."""

from raw_session import GOOD
from steps import expect, fail

READ_ERROR, WRITE_ERROR = (3, 0x11, 0), (3, 0x0C, 0)


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

    def write(self, lba, number):
        return self.session.answer(self.session.write(lba, pattern(number), lun=self.lun), seconds=60)

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
