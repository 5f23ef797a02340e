#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/third_party_copy.sh: `copy_data.py TARGET FIRST SECOND LARGE NULL HIDDEN DATA`.

FIRST and SECOND are the GUIDs of disks at LUN 0 and 1 with blocks of 512 bytes, LARGE at LUN 2 is one
with blocks of 4096, NULL at LUN 3 the null disk.  HIDDEN has no LUN.  DATA is a file of what the first has at its beginning.
"""

import struct
import sys

from raw_session import CHECK, CONFLICT, GOOD, Session
from steps import expect, run
from third_party import (COPY_STATUS, DISCARD, FAILED_DETAILS, NO_LIST_ID, PARAMETERS, RECEIVE_DATA,
                         copy_abort, copy_results, cscd, extended_copy, naa, parameter_list, segment)

TARGET, FIRST, SECOND, LARGE, NULL, HIDDEN = sys.argv[1:7]
with open(sys.argv[7], "rb") as file:
    DATA = file.read()
UNREACHABLE, NOT_REACHABLE = (0x0A, 0x08, 0x04), (0x0A, 0x0D, 0x02)
WRONG_TYPE, DEVICE_FAILURE = (0x0A, 0x0D, 0x03), (0x0A, 0x0D, 0x01)
INEXACT, NO_SUCH_BLOCK = (0x0A, 0x26, 0x0A), (0x0A, 0x00, 0x00)
INVALID_CDB, INVALID_LIST = (5, 0x24, 0), (5, 0x26, 0)


def copy(parameters, lun=0, session=None):
    session = session or one
    return session.do(extended_copy(len(parameters)), write=parameters, lun=lun)


def good(cscds, segments, what, **how):
    expect((GOOD, None), outcome(copy(parameter_list(cscds, segments, **how))), what)


def outcome(answer):
    return answer.status, answer.code


def refused(code, parameters, what, **how):
    """Gives the answer, whose sense data says more."""
    answer = copy(parameters, **how)
    expect((CHECK, code), outcome(answer), what)
    return answer


def put(lun, lba, content):
    """Writes blocks of 4096 bytes."""
    for at in range(0, len(content), 4096):
        cdb = struct.pack(">BBQIBB", 0x8A, 0, lba + at // 4096, 1, 0, 0)
        answer = one.do(cdb, write=content[at:at + 4096], lun=lun)
        expect(GOOD, answer.status, f"status of a write at LUN {lun}")


def get(lun, lba, length, block=512):
    cdb = struct.pack(">BBQIBB", 0x88, 0, lba, length // block, 0, 0)
    answer = one.do(cdb, read=length, lun=lun)
    expect(GOOD, answer.status, f"status of a read at LUN {lun}")
    return answer.data


def same(expected, got, what):
    if expected != got:
        at = next((n for n, (a, b) in enumerate(zip(expected, got)) if a != b), None)
        expect("the same bytes", f"others from byte {at} of {len(expected)} ({len(got)}) on", what)


def status_of(list_id, lun=0):
    answer = one.do(copy_results(COPY_STATUS, list_id), read=12, lun=lun)
    return answer.data if answer.status == GOOD else answer.code


one = Session(TARGET, name="iqn.2024-01.test:one", isid=1)
for unit in (0, 1, 2, 3):
    one.clear_attentions(unit)
first, second, large, null = (cscd(naa(guid)) for guid in (FIRST, SECOND, LARGE, NULL))

print("== several targets and segments", flush=True)
good([first, second, large],
     [segment(0, 1, 5000, 0, 100), segment(0, 2, 1024, 8, 3), segment(1, 0, 7, 100, 50000)],
     "a list of three segments")
same(DATA[:5000 * 512], b"".join(get(1, 100 + lba, 128000) for lba in range(0, 5000, 250)),
     "the first segment, a count that isn't a multiple of a piece")
same(DATA[4096:4096 + (512 << 10)], b"".join(get(2, 3 + lba, 65536, 4096) for lba in range(0, 128, 16)),
     "the second, to larger blocks")
same(DATA[:7 * 512], get(0, 50000, 7 * 512), "the third, of what the first has written")
good([large, first], [segment(0, 1, 24, 3, 60000, dc=True)], "from larger blocks, counted in smaller")
same(DATA[4096:4096 + 24 * 512], get(0, 60000, 24 * 512), "blocks from larger ones")
good([first], [], "a list without segments")
good([], [], "an empty list")
expect(GOOD, one.do(extended_copy(0)).status, "no list at all")
good([first, second], [segment(0, 1, 0)], "no blocks")

print("== the disk of another provider", flush=True)
good([first, null], [segment(0, 1, 3000, 0, 5), segment(1, 0, 3000, 0, 80000)], "to and from zeros")
same(bytes(102400), get(0, 82800, 102400), "zeros")
answer = one.do(extended_copy(0), lun=3)
expect((CHECK, (5, 0x20, 0)), outcome(answer), "EXTENDED COPY to a disk without a copy manager")

print("== one disk onto itself", flush=True)
for base, source, destination in ((20000, 0, 600), (30000, 600, 0)):
    good([first], [segment(0, 0, 3000, base + source, base + destination)], "blocks that overlap")
    moved = b"".join(get(0, base + destination + lba, 102400) for lba in range(0, 3000, 200))
    same(DATA[(base + source) * 512:(base + source + 3000) * 512], moved,
         f"blocks from {source} to {destination}")

print("== what doesn't fill a block", flush=True)
put(2, 100, b"\xff" * 16384)
refused(INEXACT, parameter_list([first, large], [segment(0, 1, 9, 0, 100)]), "nothing said of the rest")
same(b"\xff" * 16384, get(2, 100, 16384, 4096), "blocks of a copy that was refused")
good([first, cscd(naa(LARGE), pad=True)], [segment(0, 1, 9, 0, 100)], "PAD of the destination")
same(DATA[:9 * 512] + bytes(7 * 512) + b"\xff" * 8192, get(2, 100, 16384, 4096), "zeros fill it up")
put(2, 100, b"\xff" * 16384)
good([cscd(naa(FIRST), pad=True), large], [segment(0, 1, 9, 0, 100)], "PAD of the source")
same(DATA[:4096] + b"\xff" * 12288, get(2, 100, 16384, 4096), "the rest is dropped")
good([first, large], [segment(0, 1, 9, 0, 100, cat=True), segment(0, 1, 7, 100, 101)], "CAT")
same(DATA[:9 * 512] + DATA[100 * 512:107 * 512] + b"\xff" * 8192, get(2, 100, 16384, 4096),
     "the rest comes before the next segment")
good([large, first], [segment(0, 1, 3, 100, 70000, dc=True, cat=True),
                      segment(0, 1, 13, 101, 70003, dc=True)], "CAT and DC")
same(get(2, 100, 8192, 4096), get(0, 70000, 8192), "blocks of the source that are used twice")

print("== names", flush=True)
page = one.do(bytes([0x12, 1, 0x83, 0, 252, 0]), read=252, lun=1).data
expect(bytes.fromhex(SECOND), page[8:24], "the first designator")
for name in ((1, 3, bytes.fromhex(SECOND)[:8]), (1, 2, bytes.fromhex(SECOND)), (2, 1, b"SUN     1"),
             (3, 8, b"eui.0123456789ABCDEF")):
    answer = refused(NOT_REACHABLE, parameter_list([first, cscd(name)], [segment(0, 1, 8)]),
                     f"nobody's name {name}")
    expect((0xA0, 0, 6), tuple(answer.sense[15:18]), "the field pointer: destination of the segment")
refused(NOT_REACHABLE, parameter_list([first, cscd(naa(HIDDEN))], [segment(0, 1, 8)]),
        "a disk that the initiator doesn't see")
refused(NOT_REACHABLE, parameter_list([first, cscd(naa("6001" + "44F0" * 7))], [segment(0, 1, 8)]),
        "a disk that isn't there")
answer = refused(UNREACHABLE, parameter_list([first], [segment(0, 0, 8, 0, 9), segment(1, 0, 8)]),
                 "no such descriptor")
expect((0, 1, 0xA0, 0, 4), (*answer.sense[10:12], *answer.sense[15:18]),
       "segment and field pointer: source of the second")
refused(UNREACHABLE, parameter_list([first, cscd(naa(SECOND), null=True)], [segment(0, 1, 8)]),
        "a null device")
refused(WRONG_TYPE, parameter_list([first, cscd(naa(SECOND), device_type=1)], [segment(0, 1, 8)]),
        "a disk that is said to be a tape")
good([cscd(naa(FIRST), block_length=512), second], [segment(0, 1, 8)], "a block length that is right")
answer = refused(INVALID_LIST, parameter_list([first, cscd(naa(SECOND), block_length=4096)],
                                              [segment(0, 1, 8)]), "a block length that isn't")
expect((0x80, 0, 16 + 32 + 29), tuple(answer.sense[15:18]), "the field pointer: DISK BLOCK LENGTH")

print("== lists that are refused", flush=True)
refused((5, 0x1A, 0), parameter_list([first], [segment(0, 0, 8)])[:-1], "a list that is cut")
refused((5, 0x1A, 0), bytes(6417), "a list that is too long")
refused((5, 0x26, 6), parameter_list([first] * 17, []), "too many targets")
refused((5, 0x26, 8), parameter_list([first], [segment(0, 0, 0)] * 65), "too many segments")
refused((5, 0x26, 7), parameter_list([b"\xe5" + bytes(31)], []), "another kind of target")
refused((5, 0x26, 9), parameter_list([first], [segment(0, 0, 8, kind=0x0A)]), "another kind of segment")
refused((5, 0x26, 0x0B), parameter_list([first], [], inline=bytes(4097)), "too much inline data")
refused(INVALID_LIST, parameter_list([first], [], usage=8), "a reserved LIST ID USAGE")
refused(INVALID_LIST, parameter_list([first], [], usage=NO_LIST_ID), "an identifier and none")
good([first], [], "no identifier", list_id=0, usage=NO_LIST_ID)
good([first, second], [segment(0, 1, 8)], "inline data that nobody asks for", inline=b"in line")
answer = refused(NO_SUCH_BLOCK, parameter_list([first, second], [segment(0, 1, 8, 0, 131065)]),
                 "blocks beyond the end")
expect((0xA0, 0, 20), tuple(answer.sense[15:18]), "the field pointer: the destination's address")
expect((CHECK, INVALID_CDB), outcome(one.do(struct.pack(">BBQIBB", 0x83, 1, 0, 0, 0, 0))),
       "EXTENDED COPY (LID4)")

print("== list identifiers", flush=True)
expect(INVALID_CDB, status_of(9), "the status of nothing")
good([first, second], [segment(0, 1, 8), segment(0, 1, 16)], "a copy", list_id=9)
expect(struct.pack(">IBHBI", 8, 1, 2, 0, 24 * 512), status_of(9), "its status")
expect(INVALID_CDB, status_of(9), "its status again")
good([first, second], [segment(0, 1, 8)], "a copy", list_id=9, usage=DISCARD)
expect(INVALID_CDB, status_of(9, lun=1), "its status at another disk")
two = Session(TARGET, name="iqn.2024-01.test:two", isid=2)
two.clear_attentions()
expect((CHECK, INVALID_CDB), outcome(two.do(copy_results(COPY_STATUS, 9), read=12)),
       "its status to another initiator")
details = one.do(copy_results(FAILED_DETAILS, 9), read=200)
expect((GOOD, bytes(4)), (details.status, details.data), "the failure of a copy that didn't fail")
failed = refused(NOT_REACHABLE, parameter_list([first, cscd(naa(HIDDEN))],
                                               [segment(0, 0, 8, 0, 9), segment(0, 1, 8)], list_id=9),
                 "a copy whose second segment fails")
expect(struct.pack(">IBHBI", 8, 2, 1, 0, 8 * 512), status_of(9), "its status: one segment done")
details = one.do(copy_results(FAILED_DETAILS, 9, 30), read=200)
expect(30, len(details.data), "a part of its failure")
details = one.do(copy_results(FAILED_DETAILS, 9), read=200).data
expect((len(details) - 4, CHECK, len(failed.sense)),
       (int.from_bytes(details[:4], "big"), details[56], int.from_bytes(details[58:60], "big")),
       "its failure")
expect(failed.sense, details[60:], "its sense data")
expect((CHECK, INVALID_CDB), outcome(one.do(copy_results(FAILED_DETAILS, 9), read=200)),
       "its failure again")
expect((CHECK, INVALID_CDB), outcome(one.do(copy_abort(9))), "COPY ABORT of a copy that is over")

print("== held data", flush=True)
good([first, second], [segment(0, 1, 3, 5, kind=0x0D), segment(0, 1, 2, 50)], "a copy that holds data",
     list_id=7)
held = one.do(copy_results(RECEIVE_DATA, 7), read=8192)
same(struct.pack(">I", 1536) + DATA[2560:4096], held.data, "the held data")
expect((CHECK, INVALID_CDB), outcome(one.do(copy_results(RECEIVE_DATA, 7), read=8192)),
       "the held data again")
good([first, second], [segment(0, 1, 20, 200, kind=0x0D)], "a copy that would hold too much", list_id=7)
expect(0x81, status_of(7)[4], "its status: some held data was discarded")
held = one.do(copy_results(RECEIVE_DATA, 7), read=8192)
same(struct.pack(">I", 4096) + DATA[102400:102400 + 4096], held.data, "what is held of it")

print("== reservations and protection", flush=True)
two.clear_attentions(1)
expect(GOOD, two.do(bytes([0x5F, 0, 0, 0, 0, 0, 0, 0, 24, 0]), lun=1,
                    write=struct.pack(">QQQ", 0, 2, 0)).status, "a registration")
expect(GOOD, two.do(bytes([0x5F, 1, 1, 0, 0, 0, 0, 0, 24, 0]), lun=1,
                    write=struct.pack(">QQQ", 2, 0, 0)).status, "a reservation, write exclusive")
answer = refused(DEVICE_FAILURE, parameter_list([first, second], [segment(0, 1, 8, 0, 0)]),
                 "the destination is another's")
expect((0xF0, 8, 0, 18, CONFLICT), (answer.sense[0], answer.sense[6], answer.sense[8], answer.sense[9],
                                    answer.sense[18]),
       "how much wasn't copied, and the destination's status")
good([first, second], [segment(1, 0, 8, 0, 90000)], "to read is allowed")
expect(GOOD, copy(parameter_list([first, second], [segment(0, 1, 8)]), session=two).status,
       "the holder's copy")
expect(CONFLICT, copy(parameter_list([first, second], [segment(1, 0, 8)]), lun=1).status,
       "EXTENDED COPY to the disk itself")
expect(GOOD, two.do(bytes([0x5F, 3, 0, 0, 0, 0, 0, 0, 24, 0]), lun=1,
                    write=struct.pack(">QQQ", 2, 0, 0)).status, "the reservation ends")
one.clear_attentions(1)
run("stmfadm", "modify-lu", "-p", "wp=true", SECOND)
one.clear_attentions(1)
answer = refused(DEVICE_FAILURE, parameter_list([first, second], [segment(0, 1, 8)]),
                 "a destination that is protected")
expect((2, 7, 0x27), (answer.sense[18], answer.sense[19 + 2] & 15, answer.sense[19 + 12]),
       "the destination's status and sense data")
run("stmfadm", "modify-lu", "-p", "wp=false", SECOND)
one.clear_attentions(1)

print("== access states", flush=True)
run("stmfadm", "create-tg", "ports")
run("stmfadm", "add-tg-member", "-g", "ports", TARGET)
run("stmfadm", "set-access", "-g", "ports", "active-optimized")
run("stmfadm", "set-access", "-g", "ports", "-l", SECOND, "standby")
for unit in (0, 1):
    one.clear_attentions(unit)
answer = refused(DEVICE_FAILURE, parameter_list([first, second], [segment(0, 1, 8)]),
                 "a destination on standby")
expect((0, 18, 2, 4, 0x0B), (answer.sense[8], answer.sense[9], answer.sense[21] & 15,
                             *answer.sense[31:33]), "what the destination says")
run("stmfadm", "clear-access", "-g", "ports", "-l", SECOND)
run("stmfadm", "clear-access", "-g", "ports")
run("stmfadm", "delete-tg", "ports")
for unit in (0, 1):
    one.clear_attentions(unit)

print("== unit attentions stay for the initiator", flush=True)
run("stmfadm", "modify-lu", "-p", "serial=NEW", SECOND)
good([first, second], [segment(0, 1, 8), segment(1, 0, 8, 0, 90000)], "a copy meanwhile")
expect([(0x3F, 3)], one.clear_attentions(1), "what the destination has to say")

print("== what the copy manager can do", flush=True)
parameters = one.do(copy_results(PARAMETERS), read=8192)
expect((GOOD, bytes([2, 0x0D, 0xE4])), (parameters.status, parameters.data[44:]), "its descriptors")
one.logout()
two.logout()
