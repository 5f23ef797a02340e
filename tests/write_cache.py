#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/write_cache.sh: `write_cache.py TARGET DEVICE BACKING GUID HEAD BACKING GUID`; HEAD has a
disk with its metadata, LUN 1."""

import contextlib
import itertools
import os
import pathlib
import sys
import time

from blocks import FLUSH_ERROR, FUA, WRITE_ERROR, Blocks, pattern, said
from raw_session import ABORT_TASK, BUSY, COMPLETE, GOOD, Session
from steps import (
    HEAD_SECTORS,
    become,
    delay_writes,
    expect,
    expect_stages,
    fail,
    held,
    run,
    timed,
    tried,
    writes_done,
)

TARGET, DEVICE, BACKING, GUID, HEAD, HEAD_BACKING, HEAD_GUID = sys.argv[1:]
OTHER, NEW, CUT = (f"iqn.2024-01.test:{name}" for name in ("other", "new", "cut"))
IMMED = 0x02
STATISTICS = pathlib.Path(f"/sys/block/{os.path.basename(os.path.realpath(BACKING))}/stat")


def flushes():
    """How many the device has completed."""
    return int(STATISTICS.read_text(encoding="ascii").split()[15])


def synchronize(immed=0, by=None):
    return (by or disk).do(bytes([0x35, immed]))


def expect_flushed(before, what):
    end = time.monotonic() + 5
    while flushes() == before and time.monotonic() < end:
        time.sleep(0.05)
    if flushes() == before:
        fail(f"{what}: expected the device to be flushed")


def break_writes():
    """From here on the device fails at writes, and at flushes."""
    become(DEVICE, BACKING, f"flakey {BACKING} 0 0 600 1 error_writes")


def heal():
    become(DEVICE, BACKING, f"linear {BACKING} 0")


def expect_told(what, by=None):
    """The next flush says that an earlier one has failed, and the one after it is good."""
    expect(FLUSH_ERROR, said(synchronize(by=by)), f"SYNCHRONIZE CACHE after {what}")
    expect(GOOD, said(synchronize(by=by)), "the next one")


@contextlib.contextmanager
def failing_unseen():
    """Meanwhile a flush is begun that fails, and nobody is told."""
    break_writes()
    count = writes_done(DEVICE)
    yield
    end = time.monotonic() + 20
    while writes_done(DEVICE) == count and time.monotonic() < end:
        time.sleep(0.05)
    heal()


def fail_unseen():
    """Has a flush fail of which nobody is told."""
    with failing_unseen():
        expect(GOOD, said(synchronize(IMMED)), "SYNCHRONIZE CACHE with IMMED")


def fail_durably():
    """A write with FUA fails. The device has none of its own: the block layer flushes after the write."""
    break_writes()
    expect(WRITE_ERROR, said(disk.write(0, 1, FUA)), "a write with FUA")
    heal()
    for who in disk, other:
        expect_told("a write with FUA that has failed", by=who)


def caching_page():
    return bytearray(disk.do(bytes([0x5A, 8, 8, 0, 0, 0, 0, 0, 64, 0]), read=64).data[8:28])


def select(wce):
    """MODE SELECT of the Caching mode page, as it is but for WCE."""
    page = caching_page()
    page[0] &= 0x3F
    page[2] = page[2] & ~4 | wce << 2
    return disk.do(bytes([0x55, 0x10, 0, 0, 0, 0, 0, 0, 28, 0]), write=bytes(8) + bytes(page))


def cache_is(state):
    shown = [line for line in run("stmfadm", "list-lu", "-v", GUID).splitlines() if "Writeback Cache" in line]
    expect(state, shown[0].rpartition(":")[2].strip(), "the write cache in list-lu")


one = Session(TARGET, isid=1)
disk = Blocks(one)

print("== SYNCHRONIZE CACHE flushes the device, now or soon", flush=True)
for immed in 0, IMMED:
    disk.expect_good_write(0, 1, "a device that works")
    count = flushes()
    expect(GOOD, said(synchronize(immed)), "SYNCHRONIZE CACHE")
    expect_flushed(count, f"SYNCHRONIZE CACHE, IMMED {immed}")
with held(DEVICE):
    expect(GOOD, said(synchronize(IMMED)), "SYNCHRONIZE CACHE with IMMED of a device that stands still")

print("== however many are answered at once, one flush is under way and one follows", flush=True)
count = writes_done(DEVICE)
with held(DEVICE):
    for _ in range(100):
        expect(GOOD, said(synchronize(IMMED)), "SYNCHRONIZE CACHE with IMMED of a device that stands still")
    expect(GOOD, said(disk.do(bytes([0x1B, 1, 0, 0, 0x30, 0]))), "START STOP UNIT with IMMED")
expect(GOOD, said(synchronize()), "SYNCHRONIZE CACHE when the device goes on")
time.sleep(1)
expect(3, writes_done(DEVICE) - count, "flushes, with that of the last SYNCHRONIZE CACHE")

print("== a flush that fails is told, sooner or later", flush=True)
break_writes()
expect(FLUSH_ERROR, said(synchronize()), "SYNCHRONIZE CACHE")
fail_unseen()
expect_told("one with IMMED that has failed")
print("== each initiator is told", flush=True)
again, other = Blocks(Session(TARGET, isid=2)), Blocks(Session(TARGET, OTHER, isid=1))
fail_unseen()
expect_told("one with IMMED that has failed")
expect_told("one of another initiator's that has failed", by=other)
fail_durably()
break_writes()
expect(FLUSH_ERROR, said(synchronize(by=other)), "SYNCHRONIZE CACHE")
heal()
new = Blocks(Session(TARGET, NEW, isid=1))
expect(GOOD, said(synchronize(by=new)), "SYNCHRONIZE CACHE by who came when it was told")
expect(GOOD, said(synchronize(by=other)), "SYNCHRONIZE CACHE by who was told by its own")

print("== by each session that asks within a minute, for the first answer may be lost", flush=True)
expect_told("one of another initiator's that was told")
expect_told("it by another session", by=again)
late = Blocks(Session(TARGET, isid=3))
expect_told("the login of one more", by=late)
late.session.logout()

print("== also who was away, or loses sight of the disk before it was told, and comes back", flush=True)


def log_in_again():
    other.session.logout()
    return Session(TARGET, OTHER, isid=1)


def switch_disk():
    run("stmfadm", "offline-lu", GUID)
    run("stmfadm", "online-lu", GUID)
    return other.session


for what, come_back in ("its session has ended", log_in_again), ("the disk was offline", switch_disk):
    fail_unseen()
    expect_told("one with IMMED that has failed")
    other = Blocks(come_back())
    for who in disk, again, new:
        who.session.clear_attentions()
    expect_told(what, by=other)
# Who sees the disk anew within the minute may not have heard it either.
expect_told("the disk was offline")
other.session.logout()
cut = Blocks(Session(TARGET, CUT, isid=1))
fail_unseen()
expect_told("one with IMMED that has failed")
begin = time.monotonic()
expect_told("one of another initiator's that has failed", by=cut)
cut.session.close()
other = Blocks(Session(TARGET, OTHER, isid=1))
expect_told("one that has failed while it was away", by=other)
expect_told("one of another initiator's that has failed", by=new)

print("== later a session that hasn't asked yet needs not be told", flush=True)
time.sleep(max(0, begin + 61 - time.monotonic()))
expect(GOOD, said(synchronize(by=again)), "SYNCHRONIZE CACHE by another session of who was told a minute ago")
print("== but who has lost its connection with the answer, however late it comes back", flush=True)
cut = Blocks(Session(TARGET, CUT, isid=1))
expect_told("a connection was cut on which that was told", by=cut)
for who in again, other, new, cut:
    who.session.logout()
print("== also when the initiator has given it up meanwhile", flush=True)
with failing_unseen(), held(DEVICE):
    flush = one.start(bytes([0x35]))
    expect_stages(GUID, "executing")
    expect(COMPLETE, one.manage(ABORT_TASK, flush), "response to ABORT TASK")
expect_told("one that was aborted, and has failed")
print("== or switches the cache off, and so may not flush any more", flush=True)
fail_unseen()
expect(FLUSH_ERROR, said(select(0)), "MODE SELECT with WCE 0 after one with IMMED that has failed")
cache_is("Enabled")
print("== nor may others then, so they are told first", flush=True)
other = Blocks(Session(TARGET, OTHER, isid=1))
fail_unseen()
expect_told("one with IMMED that has failed")
expect(BUSY, said(select(0)), "MODE SELECT with WCE 0 while another initiator isn't told")
cache_is("Enabled")
expect_told("one with IMMED that has failed", by=other)
expect(GOOD, said(select(0)), "MODE SELECT with WCE 0 when it was told")
expect(GOOD, said(select(1)), "MODE SELECT with WCE 1")
other.session.logout()
print("== which an administrator can't do before an initiator was told", flush=True)
fail_unseen()
run("stmfadm", "modify-lu", "-p", "wcd=true", GUID, good=False)
cache_is("Enabled")
expect_told("one with IMMED that has failed")
count = flushes()
for wce in 0, 1:
    expect(GOOD, said(select(wce)), f"MODE SELECT with WCE {wce}")
expect_flushed(count, "MODE SELECT that switches the cache off")
expect(GOOD, said(synchronize()), "SYNCHRONIZE CACHE after that")

print("== what has changed something already doesn't tell it", flush=True)
# START STOP UNIT to standby, with IMMED.
with failing_unseen():
    expect(GOOD, said(disk.do(bytes([0x1B, 1, 0, 0, 0x30, 0]))), "START STOP UNIT")
expect(GOOD, said(disk.do(bytes([0x1B, 0, 0, 0, 0x10, 0]))), "START STOP UNIT")
expect_told("START STOP UNIT with IMMED")

print("== before the cache is off, what is in it is written", flush=True)
disk.expect_good_write(8, 2, "a device that works")
count = flushes()
run("stmfadm", "modify-lu", "-p", "wcd=true", GUID)
expect_flushed(count, "modify-lu -p wcd=true")
cache_is("Disabled")
expect([(0x2A, 1)], one.clear_attentions(), "what initiators are told")
count = flushes()
run("stmfadm", "modify-lu", "-p", "wcd=true", GUID)
expect_flushed(count, "modify-lu -p wcd=true once more")
expect([], one.clear_attentions(), "what initiators are told when nothing has changed")
run("stmfadm", "modify-lu", "-p", "wcd=false", GUID)
cache_is("Enabled")
one.clear_attentions()

print("== a cache that is off stays off when a flush fails", flush=True)
run("stmfadm", "modify-lu", "-p", "wcd=true", GUID)
one.clear_attentions()
break_writes()
refusal = run("stmfadm", "modify-lu", "-p", "wcd=true", GUID, good=False)
if "could not be written" not in refusal:
    fail(f"expected to be told that the cache could not be written, got {refusal}")
heal()
cache_is("Disabled")
expect_told("modify-lu")
count = flushes()
disk.expect_good_write(8, 2, "a disk without a cache")
expect_flushed(count, "a write without a cache")
run("stmfadm", "modify-lu", "-p", "wcd=false", GUID)
one.clear_attentions()

print("== or the administrator is told that it couldn't be", flush=True)
break_writes()
refusal = run("stmfadm", "modify-lu", "-p", "wcd=true", GUID, good=False)
if "could not be written" not in refusal:
    fail(f"expected to be told that the cache could not be written, got {refusal}")
expect(FLUSH_ERROR, said(select(0)), "MODE SELECT with WCE 0")
heal()
cache_is("Enabled")
expect([], one.clear_attentions(), "what initiators are told of a cache that stays on")
expect(GOOD, said(synchronize()), "SYNCHRONIZE CACHE after MODE SELECT that has told")
with held(DEVICE):
    begin = time.monotonic()
    refusal = run("stmfadm", "modify-lu", "-p", "wcd=true", GUID, good=False)
    if "could not be written" not in refusal or time.monotonic() - begin > 10:
        fail(f"expected an end within 10 s, got {refusal} after {time.monotonic() - begin:.1f} s")
expect(GOOD, said(synchronize()), "SYNCHRONIZE CACHE when the device has moved again")

print("== what was being written when the cache is switched off is written before that is told", flush=True)
switches = {
    "MODE SELECT": lambda: expect(GOOD, said(select(0)), "MODE SELECT with WCE 0"),
    "modify-lu": lambda: run("stmfadm", "modify-lu", "-p", "wcd=true", GUID),
}
# All commands go another way when there has been one that has to be alone at its blocks.
alone = bytes([0x89, 0, *bytes(11), 1, 0, 0])
for way, (name, switch) in itertools.product(("", "COMPARE AND WRITE"), switches.items()):
    if way:
        expect(GOOD, said(disk.do(alone, write=disk.read(0, 1).data * 2)), way)
    delay_writes(DEVICE, BACKING, 2, flushes=False)
    done = writes_done(BACKING)
    write = one.write(16, pattern(3))
    # Until the device has it. To ask for the tasks may take longer than the write.
    time.sleep(0.5)
    count = flushes()
    switch()
    if writes_done(BACKING) == done:
        fail(f"{name}: expected the device to have done the write")
    expect_flushed(count, name)
    expect(GOOD, said(one.answer(write)), "the write")
    cache_is("Disabled")
    heal()
    run("stmfadm", "modify-lu", "-p", "wcd=false", GUID)
    one.clear_attentions()

print("== a write with FUA that fails beside commands that are alone at their blocks is told to each, too", flush=True)
other = Blocks(Session(TARGET, OTHER, isid=1))
fail_durably()
other.session.logout()

print("== and when that takes too long, the cache stays on", flush=True)
delay_writes(DEVICE, BACKING, 15, flushes=False)
write = one.write(16, pattern(4))
expect_stages(GUID, "executing")
expect(BUSY, said(timed("MODE SELECT", lambda: select(0), 10)), "MODE SELECT with WCE 0")
expect(4, caching_page()[2] & 4, "WCE")
refusal = timed(
    "modify-lu", lambda: run("stmfadm", "modify-lu", "-p", "wcd=true", GUID, good=False), 10
)
if "could not be written" not in refusal:
    fail(f"expected to be told that the cache could not be written, got {refusal}")
cache_is("Enabled")
expect(GOOD, said(one.answer(write, seconds=60)), "the write")
heal()
expect(GOOD, said(select(0)), "MODE SELECT with WCE 0, tried again")
cache_is("Disabled")

print("== a flush for metadata beside the data is one of the data", flush=True)
other = Blocks(Session(TARGET, OTHER, isid=1), lun=1)
disk = Blocks(one, lun=1)


def register():
    """A registration that is to be kept: PERSISTENT RESERVE OUT, REGISTER AND IGNORE EXISTING KEY with APTPL."""
    parameters = bytes(8) + bytes(7) + b"\1" + bytes(4) + b"\1" + bytes(3)
    return disk.do(bytes([0x5F, 6, 0, 0, 0, 0, 0, 0, 24, 0]), write=parameters)


def expect_refused(what, rest, **kinds):
    """While the device is so a registration is refused."""
    become(HEAD, HEAD_BACKING, rest, **kinds)
    if said(register()) == GOOD:
        fail(f"a registration with {what}: expected to be refused, got GOOD")
    become(HEAD, HEAD_BACKING, f"linear {HEAD_BACKING} 0")


# A device flushes all that it is made of.
expect_refused(
    "a flush that fails",
    f"flakey {HEAD_BACKING} {HEAD_SECTORS} 0 600 1 error_writes",
    head=f"linear {HEAD_BACKING} 0",
)
for who in disk, other:
    expect_told("metadata that could not be flushed", by=who)
expect_refused("a write that fails", f"linear {HEAD_BACKING} {HEAD_SECTORS}", head="error")
for who in disk, other:
    expect(GOOD, said(synchronize(by=who)), "SYNCHRONIZE CACHE after metadata that could not be written")
expect(GOOD, said(register()), "a registration with a device that works")
other.session.logout()

print("== a medium isn't sanitized when such a flush has failed in the middle", flush=True)
OVERWRITE = bytes([0x48, 1, 0, 0, 0, 0, 0, 0, 8, 0])
ONCE = bytes([1, 0, 0, 4, *b"\xa5\x5a\xa5\x5a"])
slow = f"delay {HEAD_BACKING} {HEAD_SECTORS} 0 {HEAD_BACKING} {HEAD_SECTORS} 40 {HEAD_BACKING} {HEAD_SECTORS} 0"
become(HEAD, HEAD_BACKING, slow, head=f"linear {HEAD_BACKING} 0")
sanitizing = one.start(OVERWRITE, write=ONCE, lun=1)
time.sleep(1)
end = int(run("blockdev", "--getsz", HEAD_BACKING)) - HEAD_SECTORS
become(HEAD, HEAD_BACKING, slow, head=f"linear {HEAD_BACKING} 0", tail=f"flakey {HEAD_BACKING} {end} 0 600 1 error_writes")
run("stmfadm", "modify-lu", "-p", "alias=sanitizing", HEAD_GUID, good=False)
expect(False, one.until(lambda: one.answers[sanitizing].status is not None, 0.1), "that SANITIZE is over")
become(HEAD, HEAD_BACKING, f"linear {HEAD_BACKING} 0")
expect((3, 0x31, 3), said(one.answer(sanitizing, seconds=60)), "SANITIZE")
expect(GOOD, said(one.answer(one.start(OVERWRITE, write=ONCE, lun=1), seconds=60)), "SANITIZE once more")
expect_told("metadata that could not be flushed")
one.logout()
tried(9, "a flush that fails, with and without a command that waits for it")
