#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/replayed_writes.sh: `replayed_writes.py head|files work|look TARGET GUID`.

`work` makes changes that must outlive a loss of power, one after the other, to a disk on a device whose writes
dm-log-writes logs. Once a change is acknowledged, a mark in the log says so. `look` makes the medium anew as a loss
of power could have left it, at POINTS random moments, and has the disk imported from it: then everything has to be
as it was after the last change that the log has a mark of, or after the one that was under way.

With `head` the metadata are in the head of the device; with `files` the device has a file system, and in it the
disk's file, its metadata, and the saved configuration.
"""

import json
import os
import random
import shutil
import sys

from initiator import Initiator
from steps import expect, fail, run, tried
from write_log import Medium, read_log

WHERE, WHAT, TARGET, GUID = sys.argv[1:5]
WORK = os.environ["WORK"]
POINTS, SEED = int(os.environ["POINTS"]), int(os.environ["SEED"])
DEVICE, LOG, MOUNTED = "/dev/mapper/logged", f"{WORK}/log", f"{WORK}/mnt"
BASE, TRIAL = f"{WORK}/base", f"{WORK}/trial"
# What a medium takes whole: the file system's journal counts on its blocks, the metadata in the head on nothing.
PIECE = {"head": 512, "files": 4096}[WHERE]
CHANGES = 60
MIB = 1 << 20
BLOCKS = 4
RESERVE, RELEASE, REGISTER_AND_IGNORE = 1, 2, 6
TYPES = (1, 3, 5, 6)


def changes():
    """The changes, of which each gives one of the things that are kept another value."""
    chance = random.Random(SEED)
    what = ["key", "held", "alias", "size", *["block"] * 2, *["group"] * (2 if WHERE == "files" else 0)]
    yield "key", 1
    held = 0
    for number in range(2, CHANGES):
        kind = chance.choice(what)
        if kind == "held":
            held = 0 if held else chance.choice(TYPES)
            yield kind, held
        elif kind == "size":
            yield kind, chance.randrange(8, 32) * MIB
        elif kind == "block":
            yield f"block {chance.randrange(BLOCKS)}", number
        else:
            yield kind, number


def states():
    """What is kept at first, and after each of the changes."""
    state = {"key": 0, "held": 0, "alias": 0, "size": 32 * MIB, "group": 0}
    state |= {f"block {block}": 0 for block in range(BLOCKS)}
    yield dict(state)
    for what, value in changes():
        state[what] = value
        yield dict(state)


class Disk:
    """The disk, as an initiator and the administrator have it."""

    def __init__(self):
        self.session = Initiator("iqn.2024-01.test:replayed", "127.0.0.1", 3260, TARGET, 1)
        self.key = 0

    def wait(self):
        """Until nothing is reported any more."""
        for _ in range(20):
            answer = self.session.command(0, bytes(6))
            if answer == "good":
                return
        fail(f"expected the disk to be ready, got {answer}")

    def send(self, cdb, length=0, data=b""):
        answer = self.session.command(0, cdb, length, data)
        if not answer.startswith("good"):
            fail(f"{cdb.hex()}: expected GOOD, got {answer}")
        return bytes.fromhex(answer[5:])

    def reserve_out(self, action, kind, key, new=0):
        """PERSISTENT RESERVE OUT, with APTPL where that says something."""
        data = key.to_bytes(8, "big") + new.to_bytes(8, "big") + bytes(4)
        data += bytes([action == REGISTER_AND_IGNORE]) + bytes(3)
        self.send(bytes([0x5F, action, kind, 0, 0, 0, 0, 0, len(data), 0]), data=data)

    def change(self, before, what, value):
        """Gives one thing another value."""
        match what.split():
            case ["key"]:
                self.reserve_out(REGISTER_AND_IGNORE, 0, 0, value)
            case ["held"]:
                self.reserve_out(RESERVE if value else RELEASE, value or before["held"], before["key"])
            case ["alias"]:
                run("stmfadm", "modify-lu", "-p", f"alias={value}", GUID)
            case ["size"]:
                run("stmfadm", "modify-lu", "-s", str(value), GUID)
                self.wait()
            case ["group"]:
                run("stmfadm", "create-hg", f"g{value}")
            case ["block", number]:
                # WRITE (16) with FUA.
                cdb = bytes([0x8A, 8]) + int(number).to_bytes(8, "big") + b"\0\0\0\1\0\0"
                self.send(cdb, data=value.to_bytes(8, "big") * 64)

    def found(self):
        """What is there."""
        self.wait()
        keys = self.send(bytes([0x5E, 0, 0, 0, 0, 0, 0, 1, 0, 0]), 256)[8:]
        held = self.send(bytes([0x5E, 1, 0, 0, 0, 0, 0, 1, 0, 0]), 256)[8:]
        lu = json.loads(run("stmfadm", "list-lu", "--json", GUID))[0]
        state = {
            "key": int.from_bytes(keys, "big"), "held": held[13] & 15 if held else 0,
            "alias": int(lu["alias"]), "size": lu["disk"]["size"], "group": newest_group(),
        }
        if held:
            expect(state["key"], int.from_bytes(held[:8], "big"), "the key of the reservation")
        for block in range(BLOCKS):
            cdb = bytes([0x88, 0]) + block.to_bytes(8, "big") + b"\0\0\0\1\0\0"
            data = self.send(cdb, 512)
            state[f"block {block}"] = int.from_bytes(data[:8], "big")
            expect(data[:8] * 64, data, f"block {block}, which is whole")
        return state


def newest_group():
    groups = json.loads(run("stmfadm", "list-hg", "--json"))
    numbers = sorted(int(group["name"][1:]) for group in groups)
    return numbers[-1] if numbers else 0


def work():
    """Makes the changes."""
    disk = Disk()
    disk.wait()
    before = list(states())
    run("dmsetup", "message", DEVICE, "0", "mark", "0")
    for number, (what, value) in enumerate(changes()):
        disk.change(before[number], what, value)
        run("dmsetup", "message", DEVICE, "0", "mark", str(number + 1))
    expect(before[-1], disk.found(), "what there is after all changes")


def bring_back():
    """Has the disk imported from the medium that a loss of power has left."""
    if WHERE == "head":
        run("stmfadm", "import-lu", TRIAL)
        return
    run("mount", "-o", "loop", TRIAL, MOUNTED)
    run("stmfadm", "load-config")


def take_away():
    """Leaves nothing but the view, as a loss of power would."""
    run("stmfadm", "delete-lu", "-k", GUID)
    if WHERE == "files":
        for group in json.loads(run("stmfadm", "list-hg", "--json")):
            run("stmfadm", "delete-hg", group["name"])
        run("umount", MOUNTED)


def look():
    """Looks at the medium at so many moments."""
    writes = list(read_log(LOG))
    first = next(number for number, write in enumerate(writes) if write.mark == "0") + 1
    moments = range(first, len(writes))
    chance = random.Random(SEED)
    possible = list(states())
    disk = Disk()
    medium = Medium(BASE, writes)
    chosen = sorted(chance.sample(moments, min(POINTS, len(moments))))
    torn = 0
    for moment in chosen:
        medium.advance(moment)
        shutil.copyfile(BASE, TRIAL)
        torn += medium.tear(TRIAL, chance, PIECE)
        bring_back()
        found, done = disk.found(), int(medium.mark)
        if found not in possible[done:done + 2]:
            wrong = {what: value for what, value in found.items() if value != possible[done][what]}
            fail(f"after write {moment} of {len(writes)}, SEED={SEED}: expected what there was after change {done},"
                 f" {possible[done]}, or the next one; got {wrong}")
        take_away()
    print(f"    {len(chosen)} moments of {len(moments)}, {torn} pieces of writes under way on the medium", flush=True)
    if not torn:
        fail("expected some writes to be under way")
    tried(len(chosen), {"head": "a loss of power, replayed from a log of writes: metadata in the head of a device",
                        "files": "a loss of power, replayed from a log of writes: metadata and the saved "
                                 "configuration in ext4"}[WHERE])


if __name__ == "__main__":
    {"work": work, "look": look}[WHAT]()
