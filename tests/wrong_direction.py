#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Commands whose data go the other way than the initiator says: `wrong_direction.py DISK FILE`.

DISK is one of the local bus. Linux lends it the memory of whoever asks, for data to the disk with no more than the
right to read it: so that of FILE must not change.
"""

import ctypes
import os
import sys

import sg_io
from sg_io import FROM, TO
from steps import expect

DISK, FILE = sys.argv[1:3]
LENGTH = 4096
PROT_READ, PROT_WRITE, MAP_SHARED, MAP_PRIVATE, MAP_ANONYMOUS = 1, 2, 1, 2, 0x20
WRONG_DIRECTION = (5, 0x0E, 3)
READ, WRITE, INQUIRY = (bytes.fromhex(cdb) for cdb in ("28000000000000000800", "2a000000000000000800", "120000006000"))

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)


def memory(protection, flags, file=-1):
    address = libc.mmap(None, LENGTH, protection, flags, file, 0)
    if address == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "mmap")
    return address


def content(address):
    return ctypes.string_at(address, LENGTH)


def attempt(disk, cdb, direction, address):
    """A command after the unit attentions there may be."""
    while (answer := sg_io.send(disk, cdb, direction, address, LENGTH)).code and answer.code[0] == 6:
        pass
    return answer.code


file = os.open(FILE, os.O_RDWR | os.O_CREAT)
os.pwrite(file, b"F" * LENGTH, 0)
mapped = memory(PROT_READ, MAP_SHARED, file)
untouched = memory(PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS)
for name, address, before in (("a file", mapped, b"F" * LENGTH), ("untouched memory", untouched, bytes(LENGTH))):
    expect(before, content(address), f"what {name} has before")
    # As who may only read.
    disk = os.open(DISK, os.O_RDONLY)
    for command, cdb in (("READ(10)", READ), ("INQUIRY", INQUIRY)):
        expect(None, attempt(disk, cdb, TO, address), f"{command} with data to the disk from {name}")
        expect(before, content(address), f"what {name} has after that")
    os.close(disk)
expect(b"F" * LENGTH, os.pread(file, LENGTH, 0), "the file")

own = memory(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS)
disk = os.open(DISK, os.O_RDWR)
expect(None, attempt(disk, READ, FROM, own), "READ(10)")
was = content(own)
ctypes.memset(own, 0x57, LENGTH)
expect(WRONG_DIRECTION, attempt(disk, WRITE, FROM, own), "WRITE(10) with data from the disk")
expect(b"W" * LENGTH, content(own), "the memory")
expect(None, attempt(disk, READ, FROM, own), "READ(10)")
expect(was, content(own), "the disk")
