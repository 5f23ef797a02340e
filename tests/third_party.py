# SPDX-License-Identifier: GPL-2.0
"""EXTENDED COPY and RECEIVE COPY RESULTS as bytes."""

import struct

HOLD, DISCARD, NO_LIST_ID = 0x00, 0x10, 0x18
COPY_STATUS, RECEIVE_DATA, PARAMETERS, FAILED_DETAILS = 0, 1, 3, 4


def naa(guid):
    """The designator that is an LU's GUID: code set, type, bytes."""
    return 1, 3, bytes.fromhex(guid)


def cscd(name, pad=False, block_length=0, device_type=0, null=False):
    """An identification descriptor."""
    code_set, kind, designator = name
    head = struct.pack(">BBHBBBB", 0xE4, device_type | (0x20 if null else 0), 0, code_set, kind, 0,
                       len(designator))
    tail = bytes([4 if pad else 0]) + block_length.to_bytes(3, "big")
    return head + designator.ljust(20, b"\0") + tail


def segment(source, destination, blocks, source_lba=0, destination_lba=0, dc=False, cat=False,
            kind=2):
    """A block to block descriptor."""
    flags = (2 if dc else 0) | (1 if cat else 0)
    return struct.pack(">BBHHHHHQQ", kind, flags, 24, source, destination, 0, blocks, source_lba,
                       destination_lba)


def parameter_list(cscds, segments, list_id=1, usage=HOLD, inline=b""):
    """All of it."""
    first, second = b"".join(cscds), b"".join(segments)
    head = struct.pack(">BBHIII", list_id, usage, len(first), 0, len(second), len(inline))
    return head + first + second + inline


def extended_copy(length):
    return struct.pack(">BBQIBB", 0x83, 0, 0, length, 0, 0)


def copy_abort(list_id):
    return struct.pack(">BBI", 0x83, 0x1C, list_id)


def copy_results(action, list_id=0, allocation=8192):
    return struct.pack(">BBBIHBIBB", 0x84, action, list_id, 0, 0, 0, allocation, 0, 0)
