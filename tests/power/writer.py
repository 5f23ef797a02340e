#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Looks whether all is there that was acknowledged, and writes until the power fails:
`writer.py write|look|reboot SEED TARGET GUID GUID`.

A disk has cells of 4 KiB. A write gives a cell a version, which is larger each
time and stands in every block of it. What is acknowledged is noted on the host,
which doesn't lose power, in the words of `Log`.  LUN 0 has a write cache, LUN 1
has none, or the machine restarts in order: there every acknowledgment counts.  LUN 2 has its
metadata in the head of its device.  The GUIDs are those of LUN 0 and LUN 2.
"""

import concurrent.futures
import ctypes
import os
import pathlib
import random
import struct
import subprocess
import sys
import threading
import time

from initiator import Initiator

SCRATCH = pathlib.Path(os.environ["COMSTAR_SCRATCH"])
COMMAND, SEED, TARGET, *GUIDS = sys.argv[1:]
BLOCK, CELL = 512, 4096
BLOCKS = CELL // BLOCK
CELLS = 48  # Of each writer: few, so that each is written often.
WRITERS = ((0, 0), (0, 1), (0, 2), (1, 0))  # LUN, and which part of it.
FUA = 8
RB_AUTOBOOT = 0x1234567  # reboot(2)
LOST = 3
GOES_DOWN = threading.Event()
# Those who come to it have another address: with the same they would be taken for this machine's own.
ADDRESS = "127.0.0.2"
HEAD = struct.Struct(">8sQQQ")


class Log:
    """What was acknowledged: `F CELL VERSION` for good, `W CELL VERSION` in the cache, `S` when all
    before is for good. And `V CELL VERSION` for what is there after a cut, and so on the medium."""

    def __init__(self, name):
        self.path = SCRATCH / f"log.{name}"
        self.file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.durable, self.cached, self.largest = {}, {}, 0
        # The last line of a log is whole: it was written by one call.
        for line in self.path.read_text(encoding="ascii").splitlines():
            kind, *numbers = line.split()
            if kind == "S":
                self.durable |= self.cached
                continue
            cell, version = map(int, numbers)
            self.cached[cell] = version
            self.largest = max(self.largest, version)
            if kind != "W":
                self.durable[cell] = version

    def note(self, *words):
        os.write(self.file, (" ".join(map(str, words)) + "\n").encode())


def content(cell, version):
    """What a version of a cell is."""
    blocks = (HEAD.pack(b"POWERCUT", cell, version, n) * (BLOCK // HEAD.size) for n in range(BLOCKS))
    return b"".join(blocks)


def version_of(cell, data):
    """The version that a cell has; None when it is torn or has never been one."""
    if not any(data):
        return 0
    version = HEAD.unpack_from(data)[2]
    return version if data == content(cell, version) else None


def cdb16(code, flags, lba, blocks):
    """A CDB with LBA and length where READ (16) has them."""
    return struct.pack(">BBQIH", code, flags, lba, blocks, 0)


class Writer:
    """One session, with cells of its own."""

    def __init__(self, lun, part):
        self.lun, self.first = lun, part * CELLS
        self.log = Log(f"{lun}.{part}")
        self.session = connect(f"writer{lun}{part}")
        self.random = random.Random(f"{SEED} {lun} {part}")
        self.now = {}

    def send(self, cdb, **data):
        answer = self.session.command(self.lun, cdb, **data)
        if not answer.startswith("good"):
            raise OSError(f"{cdb.hex()}: {answer}")
        return bytes.fromhex(answer[5:])

    def look(self):
        """Complaints about cells that are not as they must be."""
        bad = []
        for cell in range(self.first, self.first + CELLS):
            data = self.send(cdb16(0x88, 0, cell * BLOCKS, BLOCKS), length=CELL)
            version, durable = version_of(cell, data), self.log.durable.get(cell, 0)
            if version is None:
                versions = [HEAD.unpack_from(data, at)[2] for at in range(0, CELL, BLOCK)]
                bad.append(f"LUN {self.lun}, cell {cell}: torn, it has {versions}")
                continue
            if version < durable:
                bad.append(f"LUN {self.lun}, cell {cell}: LOST version {durable}, it has {version}")
            self.now[cell] = version
            if version < self.log.cached.get(cell, 0):
                note_forgotten(self.lun, cell)
            self.log.note("V", cell, version)
        return bad

    def write(self):
        """Writes until the power fails."""
        version = max(self.log.largest, *self.now.values()) + 1000
        while True:
            version += 1
            self.step(version)

    def step(self, version):
        """One command or two."""
        cell = self.random.randrange(self.first, self.first + CELLS)
        # What is for good is rare: a virtio disk knows no FUA, and flushes all there is instead.
        kind = self.random.choice(("flush", *["write"] * 12, *["compare"] * 6))
        flags = FUA if self.random.randrange(12) == 0 else 0
        if COMMAND == "reboot" and self.lun == 1:
            # Whoever flushes leaves nothing to be lost.
            kind, flags = "write" if kind == "flush" else kind, 0
        # Here all is for good.
        durable = self.lun == 1 or flags == FUA
        if kind == "compare":
            both = content(cell, self.now[cell]) if self.now[cell] else bytes(CELL)
            cdb = struct.pack(">BBQ3xBBB", 0x89, flags, cell * BLOCKS, BLOCKS, 0, 0)
            self.send(cdb, data=both + content(cell, version))
            cells = [cell]
        elif kind == "flush":
            self.send(cdb16(0x91, 0, 0, 0))
            self.log.note("S")
            return
        else:
            last = min(cell + self.random.randrange(1, 3), self.first + CELLS)
            cells = list(range(cell, last))
            data = b"".join(content(cell, version) for cell in cells)
            self.send(cdb16(0x8A, flags, cell * BLOCKS, len(cells) * BLOCKS), data=data)
        for cell in cells:
            self.now[cell] = version
            self.log.note("F" if durable else "W", cell, version)


class Registrar:
    """Registers one key after the other, kept over a loss of power, and gives the disk one alias after the other.
    Where nobody else writes it reserves the disk and releases it, too."""

    KINDS = ("key", "alias", "reservation")
    TYPES = (1, 3, 5, 6)  # Not those of all registrants, which belong to no key.

    def __init__(self, lun, guid, reserves):
        self.lun, self.guid, self.reserves = lun, guid, reserves
        self.log = Log("kept" if lun == 0 else f"kept.{lun}")
        self.session = connect(f"registrar{lun}")
        self.next = []

    def reservation(self, number):
        """Of that number: the type, or None; those of even number are none."""
        return self.TYPES[number // 2 % len(self.TYPES)] if number % 2 else None

    def read(self, action):
        """What PERSISTENT RESERVE IN tells, without its header."""
        answer = self.session.command(self.lun, bytes([0x5E, action, 0, 0, 0, 0, 0, 1, 0, 0]), length=256)
        return bytes.fromhex(answer[5:])[8:]

    def look(self):
        """Complaints about what was acknowledged and isn't there, nor the next."""
        keys, held = self.read(0), self.read(1)
        alias = next(line for line in run("list-lu", "-v", self.guid).splitlines() if "Alias" in line)
        reserved = held[13] & 15 if held else None
        first = self.log.durable.get(2, 0)
        number = next((number for number in (first, first + 1) if self.reservation(number) == reserved), -1)
        found = (int.from_bytes(keys, "big"), int(alias.split()[-1]), number)
        bad = []
        for kind, now in enumerate(found):
            durable = self.log.durable.get(kind, 0)
            if not durable <= now <= durable + 1:
                bad.append(f"LUN {self.lun}, {self.KINDS[kind]}: LOST {durable}, there is {now}")
            self.log.note("V", kind, now)
        if held and held[:8] != keys:
            bad.append(f"LUN {self.lun}: reserved by {held[:8].hex()}, registered is {keys.hex()}")
        self.next = [now + 1 for now in found]
        return bad

    def send(self, action, kind, key, new=0):
        """PERSISTENT RESERVE OUT."""
        ignores = action == 6
        data = key.to_bytes(8, "big") + new.to_bytes(8, "big") + bytes(4) + bytes([ignores]) + bytes(3)
        answer = self.session.command(self.lun, bytes([0x5F, action, kind, 0, 0, 0, 0, 0, 24, 0]), data=data)
        if answer != "good":
            raise OSError(f"PERSISTENT RESERVE OUT {action}: {answer}")

    def write(self):
        """Registers until the power fails."""
        key, alias, number = self.next
        while True:
            for _ in range(10):
                self.send(6, 0, 0, key)
                self.log.note("F", 0, key)
                key += 1
            run("modify-lu", "-p", f"alias={alias}", self.guid)
            self.log.note("F", 1, alias)
            alias += 1
            if self.reserves:
                now = self.reservation(number)
                self.send(1 if now else 2, now or self.reservation(number - 1), key - 1)
                self.log.note("F", 2, number)
                number += 1


def connect(name):
    """A session without unit attentions."""
    session = Initiator(f"iqn.2024-01.test:{name}", ADDRESS, 3260, TARGET, 1)
    for lun in (0, 1, 2):
        while not session.command(lun, bytes(6)).startswith("good"):
            pass
    return session


def note_forgotten(*words):
    """Notes that a write is gone that was acknowledged, but not for good: that may be."""
    with open(SCRATCH / "forgotten", "a", encoding="ascii") as file:
        print(*words, file=file)


def run(*words):
    """Runs stmfadm."""
    done = subprocess.run(["stmfadm", *words], check=True, capture_output=True, text=True)
    return done.stdout


def work(writer):
    """A writer's thread: what ends it, but the power, is a failure. A machine that restarts ends its session."""
    try:
        writer.write()
    except BaseException as error:  # pylint: disable=broad-exception-caught
        print(f"{type(writer).__name__}: {error!r}", flush=True)
    if not GOES_DOWN.is_set():
        os._exit(1)


def restart():
    """Restarts the machine without a sync before, as no service manager would."""
    time.sleep(random.Random(SEED).uniform(1, 5))
    GOES_DOWN.set()
    (SCRATCH / "stage").write_text("3", encoding="ascii")
    ctypes.CDLL(None).reboot(RB_AUTOBOOT)
    print("reboot: expected no return", flush=True)
    os._exit(1)


def main():
    writers = [Writer(lun, part) for lun, part in WRITERS]
    # What a device doesn't promise can't be torn: a virtio disk has no atomic writes.
    answer = writers[0].session.command(0, cdb16(0x9C, 0, 0, BLOCKS), data=bytes(CELL))
    if not answer.startswith("check 5/"):
        print(f"WRITE ATOMIC: expected it refused, got {answer}")
        return 1
    writers += [Registrar(0, GUIDS[0], False), Registrar(2, GUIDS[1], True)]
    # All at once: a session that is silent meanwhile would be given up.
    with concurrent.futures.ThreadPoolExecutor(len(writers)) as pool:
        bad = [line for lines in pool.map(lambda writer: writer.look(), writers) for line in lines]
    print("\n".join(bad) or "all is there", flush=True)
    if bad:
        return LOST
    if COMMAND == "look":
        return 0
    (SCRATCH / "stage").write_text("2", encoding="ascii")
    for writer in writers:
        threading.Thread(target=work, args=(writer,), daemon=True).start()
    if COMMAND == "reboot":
        restart()
    threading.Event().wait()
    return 1


if __name__ == "__main__":
    sys.exit(main())
