#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Cuts the power of a guest that writes through iSCSI: `cuts.py [--cuts N] [--seed N] [--lie | --reboots]`.

The guest's disks are served from here, with a write cache that is lost when
QEMU is killed: of what was not flushed, each 4 KiB reach the medium or not, by
chance.  After each cut the guest boots again, looks whether all is there that
was acknowledged for good (tests/power/writer.py), and goes on writing.

With --lie the disk with the data ignores flushes and FUA: then the guest has to
find losses, or it could not find any.

With --reboots the guest restarts in order instead, and all must be there that was
acknowledged.  The disks' caches keep what they have then; what a disk on a file has in
the guest's memory is flushed by the target, or gone.
"""

import argparse
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

from disk import PIECE, Disk, Server

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.append(str(TOP / "tests"))
from runner.tried import keep  # pylint: disable=wrong-import-position

DISKS = {"data": 64 << 20, "files": 128 << 20, "head": 16 << 20}
BOOT_LIMIT = 240  # Seconds until the guest writes, or has looked and gone down.
MORE = 8  # Cuts, until something is gone that may be.
DIED = 125  # How tools/guest says that a guest has not ended its program; one that restarts hasn't.
LOST = 3  # How the guest's program says that something is not there.


class Guest:
    """One boot, from power on to the cut."""

    def __init__(self, scratch, command, seed, blocks):
        self.scratch = scratch
        self.stage_file = scratch / "stage"
        self.stage_file.unlink(missing_ok=True)
        self.pid_file = scratch / "qemu.pid"
        options = ["-pidfile", self.pid_file]
        for name in DISKS:
            logical = blocks.get(name, 512)
            address = f"nbd+unix:///{name}?socket={scratch}/nbd"
            options += ["-drive", f"file={address},if=none,id={name},format=raw,cache=writeback"]
            sizes = f"logical_block_size={logical},physical_block_size=4096"
            options += ["-device", f"virtio-blk-pci,drive={name},serial={name},{sizes}"]
        words = [TOP / "tools" / "guest", "--memory", "1G", "--timeout", "600"]
        words += [word for option in options for word in ("--qemu", option)]
        words += ["--log", scratch / "kernel.log", "--", TOP / "tests" / "power" / "guest.sh", command, str(seed)]
        self.output = open(scratch / "output", "wb")
        self.process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
            env={**os.environ, "COMSTAR_SCRATCH": str(scratch)},
        )

    def has_come_to(self, stage):
        """Has the guest come so far?"""
        return self.stage_file.exists() and self.stage_file.read_text(encoding="ascii") >= stage

    def wait_for(self, stage):
        """Until the guest has come so far; is it still there?"""
        end = time.monotonic() + BOOT_LIMIT
        while self.process.poll() is None and time.monotonic() < end:
            if self.has_come_to(stage):
                return True
            time.sleep(0.02)
        return False

    def has_died(self):
        """Has QEMU failed an assertion of its own? Then it has cut the power itself."""
        if self.process.poll() is None:
            return False
        time.sleep(3)
        return "Assertion" in self.words()

    def kill(self):
        """Takes the power away."""
        os.kill(int(self.pid_file.read_text(encoding="ascii")), signal.SIGKILL)
        self.process.wait()
        self.output.close()

    def end(self, limit=60):
        """Ends the guest that is there still after so many seconds; returns its status."""
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.process.terminate()
        return self.process.wait()

    def complaints(self):
        """What its kernel has said that it must not, and that a disk wasn't flushed."""
        lib, log = TOP / "tools" / "lib", self.scratch / "kernel.log"
        patterns = ["-f", lib / "splats.regex", "-e", "not flushed", "-e", "held up by a device"]
        found = subprocess.run(["grep", "-a", "-E", *patterns, log], check=False, stdout=subprocess.PIPE)
        not_ours = ["grep", "-v", "-E", "-f", lib / "not-ours.regex"]
        found = subprocess.run(not_ours, check=False, input=found.stdout, stdout=subprocess.PIPE)
        return found.stdout

    def words(self):
        """What it has said."""
        return (self.scratch / "output").read_text(errors="replace")


class Cuts:
    """The disks, and the guests that they outlive."""

    TEST, FAULT = "power_cuts", "the power cut in the middle of writes"
    BLOCKS = {}  # The logical blocks of disks, where they aren't of 512 bytes.

    def __init__(self, args, scratch):
        self.random = random.Random(args.seed)
        self.scratch = scratch
        self.disks = {}
        for name, size in DISKS.items():
            path = scratch / f"{name}.img"
            with open(path, "wb") as file:
                file.truncate(size)
            if name == "files":
                # Of larger blocks than ext4 takes for a small disk: what the medium takes whole.
                subprocess.run(["mkfs.ext4", "-q", "-F", "-b", str(PIECE), path], check=True)
            self.disks[name] = Disk(path, args.lie and name == "data")
        self.server = Server(scratch / "nbd", self.disks)

    def boot(self, command, seed):
        return Guest(self.scratch, command, seed, self.BLOCKS)

    def cut(self):
        """One boot and one cut; returns why there is none, or None."""
        guest = self.boot("write", self.random.randrange(1 << 32))
        # One in eight while what was there before is taken up again.
        stage = "1" if self.random.randrange(8) == 0 else "2"
        if guest.wait_for(stage):
            time.sleep(self.random.uniform(0, 4))
        if guest.process.poll() is None and guest.has_come_to(stage):
            guest.kill()
        elif not guest.has_died():
            return self.explain(guest)
        self.server.drain()
        for disk in self.disks.values():
            disk.cut(self.random)
        return None

    def look(self):
        """The last boot only looks."""
        guest = self.boot("look", 0)
        status = guest.end(BOOT_LIMIT)
        return None if status == 0 else self.explain(guest)

    def is_proof(self):
        """Has a cut taken anything away that was acknowledged, but not for good? The boot after it says so."""
        return count_lines(self.scratch, "forgotten") > 0

    def figures(self):
        """How much was done and undone."""
        dropped = sum(disk.dropped for disk in self.disks.values())
        return (f"{count_lines(self.scratch, 'log.*'):,} acknowledgments kept,"
                f" {dropped:,} unflushed pieces of 4 KiB dropped, and with them"
                f" {count_lines(self.scratch, 'forgotten'):,} cells whose last write was not for good")

    def explain(self, guest):
        status = guest.end()
        kind = "something was lost" if status == LOST else f"the guest ended with status {status}"
        time.sleep(3)  # What tools/guest passes on comes through pipes that it doesn't wait for.
        log = (self.scratch / "kernel.log").read_text(errors="replace")
        return f"{kind}\n{guest.words()[-3000:]}\n-- the end of the kernel's log:\n{log[-1500:]}"


class Reboots(Cuts):
    """The same with guests that restart in order."""

    TEST, FAULT = "reboots", "the machine restarted in the middle of writes"
    # So the file system can't write blocks of 512 bytes directly: they wait in the guest's memory.
    BLOCKS = {"files": 4096}

    def cut(self):
        guest = self.boot("reboot", self.random.randrange(1 << 32))
        status = guest.end(BOOT_LIMIT)
        time.sleep(3)  # As for `explain`.
        if status != DIED or not guest.has_come_to("3") or guest.complaints():
            return self.explain(guest)
        self.server.drain()
        for path in self.scratch.glob("log.*"):
            with open(path, "a", encoding="ascii") as log:
                print("S", file=log)
        return None

    def is_proof(self):
        """Was anything acknowledged that was not flushed? On the second disk nothing is."""
        return count_lines(self.scratch, "log.1.0", ("V", "S")) > 0


def count_lines(folder, pattern, without="V"):
    """How much was noted in the guest's files of this name, but for lines of a kind."""
    lines = [line for path in folder.glob(pattern) for line in path.read_text(encoding="ascii").splitlines()]
    return sum(not line.startswith(without) for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--cuts", type=int, default=100, help="how many (100)")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments (1)")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--lie", action="store_true", help="with a disk that ignores flushes")
    kinds.add_argument("--reboots", action="store_true", help="the guest restarts in order instead")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="power.") as name:
        kind = Reboots if args.reboots else Cuts
        return run(kind(args, pathlib.Path(name)), args)


def run(cuts, args):
    """All of them, and a look at the end."""
    started = time.monotonic()
    number = 0
    # On a busy machine a few cuts may all come when nothing is in the cache.
    while number < args.cuts or (not cuts.is_proof() and number < args.cuts + MORE):
        number += 1
        if why := cuts.cut():
            print(f"after {number - 1} cuts: {why}", flush=True)
            return 1
        if number % 10 == 0:
            print(f"{number} cuts: {cuts.figures()}", flush=True)
    if why := cuts.look():
        print(f"after {number} cuts: {why}", flush=True)
        return 1
    print(f"{number} cuts in {time.monotonic() - started:.0f} s: {cuts.figures()}")
    if not cuts.is_proof():
        print("expected writes in the cache to be gone: these cuts prove nothing")
        return 1
    if not args.lie:
        keep(cuts.TEST, "normal", f"TRIED: {number}\t{cuts.FAULT}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
