#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/failing_devices.sh: `failing_devices.py TARGET DEVICE BACKING FILE GUID`.

LUN 0 is on DEVICE, a dm device on BACKING, that becomes one that fails; LUN 1, the disk GUID, on FILE, which
somebody else cuts short; LUN 2 on a scsi_debug disk that can't read blocks 4096 to 4103.
"""

import collections
import os
import struct
import sys
import time

from blocks import FLUSH_ERROR, READ_ERROR, WRITE_ERROR, Blocks, Written, pattern, said
from raw_session import GOOD, Session
from steps import become, expect, fail, held, run, tried, wait_executing
from third_party import cscd, extended_copy, parameter_list, segment

TARGET, DEVICE, BACKING, FILE, GUID = sys.argv[1:6]
BACKUP = FILE + ".backup"
SIZE = os.stat(FILE).st_size


def information(answer):
    """The block that the sense data points to, if to one."""
    return int.from_bytes(answer.sense[3:7], "big") if answer.sense[0] & 0x80 else None


def heal(what):
    """The device is as it was, and so is the disk."""
    become(DEVICE, BACKING, f"linear {BACKING} 0")
    disk.works_again(what)


one = Session(TARGET, isid=1)
disk, cut, debug = (Blocks(one, lun) for lun in range(3))
for block in (0, 96, 104):
    disk.expect_good_write(block, 1, "a device that works")

print("== everything fails", flush=True)
become(DEVICE, BACKING, "error")
expect(READ_ERROR, said(disk.read(0)), "a read")
expect(WRITE_ERROR, said(disk.write(0, 9)), "a write")
heal("a device that has failed")

print("== a block can't be read", flush=True)
become(DEVICE, BACKING, f"dust {BACKING} 0 512")
run("dmsetup", "message", DEVICE, "0", "addbadblock", "100")
run("dmsetup", "message", DEVICE, "0", "enable")
answer_of_one = disk.read(100, blocks=1)
expect(READ_ERROR, said(answer_of_one), "a read of it")
expect(100, information(answer_of_one), "the INFORMATION field of a read of it alone")
expect(READ_ERROR, said(disk.read(96)), "a read with others")
disk.expect_written(104, 1, "the blocks beside it")
expect(GOOD, said(disk.write(96, 3)), "a write, for which the device takes another block")
disk.expect_written(96, 3, "once it is written")
heal("a device with bad blocks")

print("== zeros that the device can't write after all are written as data", flush=True)
disk.expect_good_write(200, 4, "a device that can")
sectors = run("blockdev", "--getsz", BACKING).strip()
with held(DEVICE):
    zeros = one.start(struct.pack(">BBIBHB", 0x41, 0, 200, 0, 8, 0), write=bytes(512))
    wait_executing(1)
    run("dmsetup", "load", DEVICE, "--table", f"0 {sectors} dust {BACKING} 0 512")
expect(GOOD, said(one.answer(zeros)), "WRITE SAME of zeros")
disk.expect_written(200, 0, "WRITE SAME of zeros")
heal("a device that can't write zeros")

print("== every other second no write succeeds", flush=True)
become(DEVICE, BACKING, f"flakey {BACKING} 0 1 1 1 error_writes")
written, outcomes = Written(disk), collections.Counter()
end = time.monotonic() + 6
while time.monotonic() < end:
    number = outcomes.total()
    outcomes[written.write(1024 + 8 * (number % 512), 100 + number)] += 1
expect({GOOD, WRITE_ERROR}, set(outcomes), "how the writes end")
become(DEVICE, BACKING, f"linear {BACKING} 0")
# The device has no FUA of its own, so a flush may have failed, too.
expect(FLUSH_ERROR, said(disk.do(bytes([0x35]))), "SYNCHRONIZE CACHE after writes with FUA that have failed")
disk.works_again("a flaky device")
written.check("a flaky device")

print("== scsi_debug can't read some blocks", flush=True)
debug.expect_good_write(4088, 5, "the blocks before them")
expect(READ_ERROR, said(debug.read(4096)), "a read of them")
debug.expect_written(4088, 5, "the blocks before them")

print("== what a copy can't read the disk counts, too", flush=True)


def name(lun):
    """Of a disk, as a copy target."""
    page = one.do(bytes([0x12, 1, 0x83, 0, 252, 0]), read=252, lun=lun).data
    return cscd((1, 3, page[8:24]))


def uncorrected():
    """The total uncorrected errors of reads of scsi_debug's disk (SPC-5, Read Error Counter log page)."""
    page = debug.do(b"\x4d\0\x43" + bytes(4) + b"\0\xfc\0", read=252).data
    at, counters = 4, {}
    while at < len(page):
        code, _, length = struct.unpack_from(">HBB", page, at)
        counters[code] = int.from_bytes(page[at + 4:at + 4 + length], "big")
        at += 4 + length
    return counters[6]


one.clear_attentions(3)
before = uncorrected()
parameters = parameter_list([name(2), name(3)], [segment(0, 1, 8, 4096, 131000)])
expect((0x0A, 0x0D, 1), said(debug.do(extended_copy(len(parameters)), write=parameters)), "the copy")
expect(before + 1, uncorrected(), "uncorrected errors of reads")

print("== somebody cuts a file short that is written to", flush=True)
tail = range(SIZE // 1024, SIZE // 1024 + 32 * 8, 8)
tags = [one.write(block, pattern(9), lun=1) for block in tail]
os.truncate(FILE, SIZE // 2)
ends = {said(one.answer(tag)) for tag in tags}
if not ends <= {GOOD, WRITE_ERROR}:
    fail(f"expected each write to end well, or with WRITE ERROR, got {ends}")
# What was on its way may have made the file longer again.
for block in tail:
    answer = cut.read(block)
    if said(answer) != READ_ERROR and answer.data not in (pattern(9), pattern(0)):
        fail(f"expected at {block} what was written, zeros or an error, got {answer.data[:16].hex()}...")
os.truncate(FILE, SIZE)

print("== somebody cuts a file short", flush=True)
last = SIZE // 512 - 8
for block in (0, last):
    expect(GOOD, said(cut.write(block, 7)), "a write")
os.truncate(FILE, SIZE // 2)
expect(READ_ERROR, said(cut.read(last)), "a read of what is lost")
expect(READ_ERROR, said(cut.read(SIZE // 1024 - 4)), "a read across the end")
expect(WRITE_ERROR, said(cut.write(last, 8)), "a write there")
unmap = bytes([0, 22, 0, 16, 0, 0, 0, 0]) + last.to_bytes(8, "big") + (8).to_bytes(4, "big") + bytes(4)
expect(WRITE_ERROR, said(cut.do(bytes([0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0]), write=unmap)), "UNMAP there")
for size in SIZE * 2, SIZE * 3 // 4:
    refusal = run("stmfadm", "modify-lu", "-s", str(size), GUID, good=False)
    if f"has {SIZE // 2} bytes and the disk {SIZE}: the rest is lost" not in refusal:
        fail(f"expected it not to be made {size} bytes long, got {refusal}")
expect(SIZE // 2, os.stat(FILE).st_size, "the file's size after these")
cut.expect_written(0, 7, "what the file still has")

print("== it is restored from a backup only when it is as long again", flush=True)
run("stmfadm", "backup", BACKUP)
run("stmfadm", "delete-lu", "-k", GUID)
refusal = run("stmfadm", "restore", BACKUP, good=False)
if f"has {SIZE // 2} bytes and the disk {SIZE}: the rest is lost" not in refusal:
    fail(f"expected it refused because the file is short, got {refusal}")
os.truncate(FILE, SIZE)
run("stmfadm", "restore", BACKUP)
one.clear_attentions(1)
cut.expect_written(0, 7, "what the file had all the time")
cut.expect_written(last, 0, "zeros, of which somebody has decided that they are the data")

print("== with its metadata it is imported only when it is as long again", flush=True)
OTHER, META = FILE + ".other", FILE + ".meta"
with open(OTHER, "wb") as file:
    file.truncate(SIZE)
other = run("stmfadm", "create-lu", "-p", f"meta={META}", OTHER).split()[-1]
run("stmfadm", "delete-lu", other)
os.truncate(OTHER, SIZE // 2)
refusal = run("stmfadm", "import-lu", META, good=False)
if f"it has {SIZE // 2} bytes and the disk {SIZE}: the rest is lost" not in refusal:
    fail(f"expected it refused because the file is short, got {refusal}")
expect(SIZE // 2, os.stat(OTHER).st_size, "the file's size after that")
os.truncate(OTHER, SIZE)
run("stmfadm", "import-lu", META)
run("stmfadm", "delete-lu", other)

print("== the disk can be made as short as its file", flush=True)
os.truncate(FILE, SIZE // 2)
expect(READ_ERROR, said(cut.read(last)), "a read of what is lost")
run("stmfadm", "modify-lu", "-s", str(SIZE // 2), GUID)
one.clear_attentions(1)
expect((5, 0x21, 0), said(cut.read(last)), "a read there, once the disk is as short as its file")
run("stmfadm", "modify-lu", "-s", str(SIZE), GUID)
one.clear_attentions(1)
cut.expect_written(last, 0, "zeros, once the disk was made longer again")
cut.expect_written(0, 7, "what the file had all the time")
one.logout()
tried(1, "a device of which everything fails")
tried(2, "a block that can't be read: read, and written over")
tried(outcomes.total(), "a write to a device that fails half of the time")
tried(1, "a disk with a medium error")
tried(5, "a file cut short under its disk")
