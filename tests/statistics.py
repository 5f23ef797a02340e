#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/statistics.sh: `statistics.py TARGET GUID DEVICE`.

DEVICE is a dm device, which is stopped and let go again.
"""

import json
import sys
import time

from raw_session import ABORT_TASK, CHECK, COMPLETE, FULL, GOOD, ORDERED, Session
from steps import expect, fail, run

TARGET, GUID, DEVICE = sys.argv[1:4]
NAMES = ("reads", "writes", "others", "read_bytes", "written_bytes", "errors", "busy", "conflicts",
         "aborted")
MOST = 128  # Commands of a session.
HALF_A_SECOND = 22  # The bucket that begins at 2^29 ns.


def stats(scope, name):
    return json.loads(run("stmfadm", "stats", "--json", "--by", scope, name))


def look():
    """The LU, the target, and the session of `one` or nothing."""
    nexus = [row for row in stats("nexus", GUID) if row["initiator"] == "iqn.2024-01.test:one"]
    return [*stats("lu", GUID), *stats("target", TARGET), *nexus]


def look_until(condition):
    """What there is when the condition holds, or after five seconds."""
    for _ in range(50):
        found = look()
        if condition(found):
            break
        time.sleep(0.1)
    return found


def changed(before, after, what, **expected):
    """Each of the three has counted just this."""
    for then, now in zip(before, after, strict=True):
        scope = "nexus" if "session" in now else "target" if "target" in now else "LU"
        for name in NAMES:
            expect(expected.get(name, 0), now[name] - then[name], f"{what}: {name} of the {scope}")
        commands = sum(expected.get(name, 0) for name in ("reads", "writes", "others"))
        for phase in ("port", "queue", "device"):
            count = sum(now[phase]["histogram"]) - sum(then[phase]["histogram"])
            expect(commands, count, f"{what}: commands in the {phase} histogram of the {scope}")


def slow(before, after, phase):
    """How many commands were half a second or longer in somebody's hands."""
    return [sum(now[phase]["histogram"][HALF_A_SECOND:]) -
            sum(then[phase]["histogram"][HALF_A_SECOND:]) for then, now in zip(before, after)]


one = Session(TARGET, name="iqn.2024-01.test:one", isid=1)
two = Session(TARGET, name="iqn.2024-01.test:two", isid=2)
one.clear_attentions()
two.clear_attentions()

print("== commands, bytes and errors", flush=True)
before = look()
for n in range(10):
    expect(GOOD, one.answer(one.read(n)).status, "status of a read")
for n in range(5):
    expect(GOOD, one.answer(one.write(64 + n, bytes(8192))).status, "status of a write")
for _ in range(2):
    expect(GOOD, one.do(bytes(6)).status, "status of TEST UNIT READY")
expect(CHECK, one.answer(one.read(1 << 30)).status, "status of a read beyond the end")
after = look()
changed(before, after, "18 commands", reads=10, writes=5, others=3, read_bytes=40960,
        written_bytes=40960, errors=1)
for now in after:
    expect(0, now["depth"], "commands that have not ended")

print("== another session counts for the LU and the target alone", flush=True)
before = look()
expect(GOOD, two.answer(two.read(0)).status, "status of a read by another")
after = look()
changed(before[:2], after[:2], "a read by another", reads=1, read_bytes=4096)
changed(before[2:], after[2:], "a read by another")

print("== a stopped device: depth, time in the device and in the queue, and a session that is full",
      flush=True)
before = look()
run("dmsetup", "suspend", "--noflush", "--nolockfs", DEVICE)
big = [one.read(0, blocks=16000) for _ in range(4)]
expect(FULL, one.answer(one.read(0, blocks=16000)).status,
       "status of a command beyond the 32 MiB of a session")
late = one.read(0, attr=ORDERED)
time.sleep(1)
for now in look():
    expect(5, now["depth"], "commands that have not ended")
run("dmsetup", "resume", DEVICE)
for tag in (*big, late):
    expect(GOOD, one.answer(tag).status, "status of a read when the device goes on")
after = look()
changed(before, after, "a stopped device", reads=5, read_bytes=4 * 16000 * 512 + 4096, busy=1)
# On a busy machine the fifth may be, too, when the device goes on.
expect(True, all(count in (4, 5) for count in slow(before, after, "device")), "4 reads were slow in the device, or 5")
expect([1] * 3, slow(before, after, "queue"), "reads that were slow in the queue")
for then, now in zip(before, after):
    spent = now["device"]["nanoseconds"] - then["device"]["nanoseconds"]
    if not 4e9 < spent < 400e9:
        fail(f"expected 4 to 400 s in the device, got {spent / 1e9} s")

print("== as many commands as a session may have, and one more", flush=True)
run("dmsetup", "suspend", "--noflush", "--nolockfs", DEVICE)
reads = [one.read(n) for n in range(MOST)]
# It is outside the window of command numbers, and so ignored (RFC 7143, 4.2.2.1).
beyond = one.read(0)
time.sleep(1)
for now in look():
    expect(MOST, now["depth"], f"commands of {MOST + 1} that were taken")
run("dmsetup", "resume", DEVICE)
for tag in reads:
    expect(GOOD, one.answer(tag).status, "status of a read when the device goes on")
expect(None, one.answer(beyond, 1), "an answer to the one beyond")
one.cmd_sn -= 1
expect(GOOD, one.do(bytes(6)).status, "status of a command when there is room again")

print("== an aborted command", flush=True)
before = look()
run("dmsetup", "suspend", "--noflush", "--nolockfs", DEVICE)
read = one.read(0)
time.sleep(0.2)
expect(COMPLETE, one.manage(ABORT_TASK, read), "response to ABORT TASK of a read")
run("dmsetup", "resume", DEVICE)
after = look_until(lambda now: now[0]["aborted"] > before[0]["aborted"])
changed(before, after, "an aborted read", reads=1, aborted=1)

print("== a session ends, what it did stays counted", flush=True)
before = look()
one.logout()
# The initiator hears of it a moment before the session is gone.
after = look_until(lambda now: len(now) == 2)
expect(2, len(after), "objects that are left")
changed(before[:2], after, "a logout")
two.logout()
