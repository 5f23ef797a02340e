#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A device of which each sector of 512 bytes has its number for content, for tests of the local bus.

`sectors.py write DEVICE` fills it; `sectors.py read DEVICE THREADS TIMES` has so many threads read so
many sectors each, one after the other, and looks at every one; `sectors.py flush DEVICE` flushes it.
"""

import mmap
import os
import sys
import threading

from steps import fail, run

SIZE = 512


def content(number):
    return number.to_bytes(8, "big") * (SIZE // 8)


def write(path):
    fd = os.open(path, os.O_WRONLY)
    count = os.lseek(fd, 0, os.SEEK_END) // SIZE
    os.pwrite(fd, b"".join(content(number) for number in range(count)), 0)
    os.fsync(fd)
    os.close(fd)


def read_some(fd, first, times, wrong):
    """Reads a row of sectors, without the page cache."""
    room = mmap.mmap(-1, mmap.PAGESIZE)
    sector = memoryview(room)[:SIZE]
    for number in range(first, first + times):
        sector[:] = bytes(SIZE)
        try:
            got = os.preadv(fd, [sector], number * SIZE)
        except OSError as error:
            wrong.append(f"sector {number}: {error}")
            continue
        if got != SIZE or bytes(sector) != content(number):
            wrong.append(f"sector {number}: {bytes(sector[:8]).hex()}")


def read(path, threads, times):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    wrong = []
    readers = [
        threading.Thread(target=read_some, args=(fd, 100 + reader * times, times, wrong))
        for reader in range(threads)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    if wrong:
        fail("expected each sector to have its number for content, got " + ", ".join(wrong))


def give_up(path):
    """A read of sector 1, which the device keeps for longer, is given up after 7 s."""
    run("sg_raw", "-R", "--timeout=7", "-r", str(SIZE), path, *"28 00 00 00 00 01 00 00 01 00".split(),
        good=False)


def flush(path):
    # Not for writing: udev reads what was open for that.
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    except OSError as error:
        fail(error)


match sys.argv[1:]:
    case ["write", device]:
        write(device)
    case ["read", device, threads, times]:
        read(device, int(threads), int(times))
    case ["give-up", device, threads, times]:
        give_up(device)
        read(device, int(threads), int(times))
    case ["flush", device]:
        flush(device)
