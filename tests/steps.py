# SPDX-License-Identifier: GPL-2.0
"""What the Python parts of guest tests share."""

import contextlib
import os
import pathlib
import subprocess
import sys
import time

# The kernels that look for faults are three to five times slower.
IS_DEBUG = pathlib.Path("/sys/kernel/debug/kmemleak").exists()
IS_SLOW = IS_DEBUG or pathlib.Path("/sys/kernel/debug/kcsan").exists()
# Seconds: what the target waits for a command that doesn't end, and what a busy machine takes for all else.
GIVEN_UP = 4 + 4


def fail(text):
    sys.exit(f"FAIL: {text}")


def expect(expected, got, what):
    if expected != got:
        fail(f"{what}: expected {expected}, got {got}")


def run(*command, good=True, given=None):
    """Runs a program, which must succeed or not; either is fine when `good` is None. It reads what is given."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, input=given)
    if good is not None and (done.returncode == 0) != good:
        fail(f"{' '.join(command)}: expected {'success' if good else 'a refusal'}, got "
             f"{done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def kernel_memory():
    """What the kernel can't give back, in KiB."""
    run("sync")
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3", encoding="ascii")
    time.sleep(2)
    lines = pathlib.Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return sum(sizes[what] for what in ("SUnreclaim", "KernelStack", "PageTables", "VmallocUsed"))


def tried(times, fault):
    """For the table of `make faults`; the test fails when anything is lost by the fault."""
    print(f"TRIED: {times}\t{fault}", flush=True)


def bound(seconds):
    """What may take so many seconds on the usual kernel may take so many on this one."""
    return seconds * 3 if IS_SLOW else seconds


def timed(what, action, limit):
    """Does something that must not take longer than so many seconds, or thrice that on a slow kernel."""
    limit = bound(limit)
    begin = time.monotonic()
    result = action()
    seconds = time.monotonic() - begin
    print(f"    {what}: {seconds:.2f} s", flush=True)
    if seconds > limit:
        fail(f"{what}: expected within {limit} s, took {seconds:.1f} s")
    return result


def delay_writes(device, backing, seconds, flushes=True):
    """From here on a write to a dm-delay device takes so long, and a flush unless said; reads don't."""
    delayed = f"{backing} 0 {int(seconds * 1000)}"
    become(device, backing, f"delay {backing} 0 0 {delayed}" + ("" if flushes else f" {backing} 0 0"))


HEAD_SECTORS = 2048


def become(device, backing, target, *how, head=None, tail=None):
    """From here on all of a dm device, which is as long as the one it is on, is of this kind, but for its first or its
    last HEAD_SECTORS, if they are of another; options say how it is suspended."""
    begin, end = 0, int(run("blockdev", "--getsz", backing))
    table = ""
    if head:
        begin = HEAD_SECTORS
        table = f"0 {begin} {head}\n"
    if tail:
        end -= HEAD_SECTORS
    table += f"{begin} {end - begin} {target}"
    if tail:
        table += f"\n{end} {HEAD_SECTORS} {tail}"
    run("dmsetup", "suspend", *how, device)
    run("dmsetup", "load", device, given=table)
    run("dmsetup", "resume", "--noudevsync", device)


def tasks(guid):
    """The rows of list-task that are about an LU, as text."""
    return [row for row in run("stmfadm", "list-task").splitlines() if guid in row]


def stages(guid):
    """The stages of an LU's tasks, sorted."""
    return sorted(word for row in tasks(guid) for word in row.split() if word in STAGES)


@contextlib.contextmanager
def held(device):
    """Meanwhile no I/O of a dm device ends."""
    run("dmsetup", "suspend", "--noflush", "--nolockfs", device)
    try:
        yield
    finally:
        run("dmsetup", "resume", "--noudevsync", device)


def expect_stages(guid, *expected):
    """Waits for the LU's tasks to stand there."""
    end = time.monotonic() + 20
    while stages(guid) != sorted(expected) and time.monotonic() < end:
        time.sleep(0.05)
    expect(sorted(expected), stages(guid), "stages in list-task")


def executing():
    """How many commands are with a logical unit; quicker to ask for than stmfadm is."""
    with open("/sys/kernel/debug/stmf/tasks", encoding="ascii") as lines:
        return sum("Executing" in line for line in lines)


def wait_executing(count):
    """Waits for so many commands to be with a logical unit."""
    end = time.monotonic() + 20
    while (now := executing()) != count and time.monotonic() < end:
        time.sleep(0.01)
    expect(count, now, "commands with a logical unit, within 20 s")


def writes_done(device):
    """Write requests that a block device has completed."""
    name = os.path.basename(os.path.realpath(device))
    with open(f"/sys/block/{name}/stat", encoding="ascii") as stat:
        return int(stat.read().split()[4])


STAGES = ("queued", "executing", "data-out", "data-in", "status", "aborting", "detached")
