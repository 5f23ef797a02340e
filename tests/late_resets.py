#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/late_resets.sh: `late_resets.py TARGET DISK`."""

import fcntl
import os
import pathlib
import struct
import sys
import threading

from steps import expect, fail, run

TARGET, DISK = sys.argv[1:3]

SG_SCSI_RESET = 0x2284
DEVICE, TARGET_RESET = 1, 4
NO_ESCALATE = 0x100


def reset(fd, what):
    """Whether the reset was done."""
    try:
        fcntl.ioctl(fd, SG_SCSI_RESET, struct.pack("i", what | NO_ESCALATE))
    except OSError:
        return False
    return True


def resets(files, stop, done):
    while not stop.is_set():
        done.extend(what for fd in files for what in (DEVICE, TARGET_RESET) if reset(fd, what))


generic, = pathlib.Path(f"/sys/block/{DISK.removeprefix('/dev/')}/device/scsi_generic").iterdir()
# With O_NONBLOCK Linux doesn't ask whether the device is still there before it resets it.
files = [os.open(path, os.O_RDWR | os.O_NONBLOCK) for path in (DISK, f"/dev/{generic.name}")]
for fd in files:
    expect(True, reset(fd, DEVICE), "a LUN reset while the target is there")
    expect(True, reset(fd, TARGET_RESET), "a target reset while the target is there")

print("\n== the target goes while it is reset", flush=True)
stop, done = threading.Event(), []
threads = [threading.Thread(target=resets, args=(files, stop, done)) for _ in range(4)]
for thread in threads:
    thread.start()
run("stmfadm", "delete-target", "-f", TARGET)
run("rmmod", "stmf_loopback")
at_end = len(done)
stop.wait(1)
stop.set()
for thread in threads:
    thread.join()
if len(done) > at_end:
    fail(f"expected no reset to succeed without a target, {len(done) - at_end} did")

print("\n== what is open still works on nothing", flush=True)
for fd in files:
    expect(False, reset(fd, DEVICE), "a LUN reset without a target")
    expect(False, reset(fd, TARGET_RESET), "a target reset without a target")
    os.close(fd)
