#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/soak/guest.sh: `disturb.py SEED HOURS DIRECTORY TARGETS GUIDS OPEN CLOSED BACKINGS`.

The rounds of life_cycle.py, with something that disturbs all of it between the steps; several such things at a
time.  At the end of each round, when all sessions work, a hostile initiator plays beside them.  In the end the
kernel's memory is what it was after the first rounds.
"""

import collections
import contextlib
import os
import pathlib
import random
import subprocess
import sys
import threading
import time

import life_cycle
from life_cycle import IS_DEBUG, LOADS, disk_of
from steps import become, fail, held, kernel_memory, run, tried

OPEN, CLOSED, BACKINGS = sys.argv[6], sys.argv[7], sys.argv[8].split()
TESTS = pathlib.Path(os.environ["COMSTAR_TOP"], "tests")
WARM_UP = 3  # Rounds until memory has the size that it keeps.
MEMORY_KIB = 65536 if IS_DEBUG else 16384  # By which it may grow all the same.
DISTURBED = 12  # Times in a round.
HOSTILE_CASES = 100
BENT_MESSAGES = 500
COUNT = collections.Counter()


# --- what disturbs -----------------------------------------------------------


@contextlib.contextmanager
def network_that(verdict):
    """Meanwhile this becomes of what initiators and targets send each other."""
    run("nft", "add", "table", "inet", "soak")
    try:
        run("nft", "add", "chain", "inet", "soak", "input", "{ type filter hook input priority 0; }")
        for end in "dport", "sport":
            run("nft", "add", "rule", "inet", "soak", "input", "tcp", end, "3260", *verdict.split())
        yield
    finally:
        run("nft", "delete", "table", "inet", "soak")


def cut(_):
    """all connections cut"""
    with network_that("reject with tcp reset"):
        time.sleep(random.uniform(0.2, 2))


def silence(_):
    """the network silent, for up to 15 s"""
    with network_that("drop"):
        time.sleep(random.uniform(1, 15))


def reset(_):
    """a disk or a target reset by Linux"""
    load = random.choice(LOADS)
    if disk := disk_of(load.host, load.target):
        # Refused when its session is away.
        subprocess.run(["sg_reset", "-N", random.choice(("-d", "-t")), disk], capture_output=True, timeout=120, check=False)


def kill_daemon(_):
    """the initiator's daemon killed"""
    subprocess.run(["pkill", "-KILL", "-x", "iscsid"], check=True)
    time.sleep(random.uniform(0, 3))
    with open(f"{os.environ['COMSTAR_SCRATCH']}/iscsid.log", "a", encoding="ascii") as log:
        # It outlives this.
        subprocess.Popen(["iscsid", "-f"], stdout=log, stderr=log)  # pylint: disable=consider-using-with


def fail_device(number):
    """a device of which everything fails, for up to 3 s"""
    become(f"soak{3 + number}", BACKINGS[number], "error")
    time.sleep(random.uniform(0.2, 3))
    become(f"soak{3 + number}", BACKINGS[number], f"linear {BACKINGS[number]} 0")


def stall_device(number):
    """a device that stands still, for up to 8 s"""
    with held(f"soak{3 + number}"):
        time.sleep(random.uniform(0.5, 8))


def slow_device(number):
    """a device that takes 0.3 s for each I/O, for up to 5 s"""
    become(f"soak{3 + number}", BACKINGS[number], f"delay {BACKINGS[number]} 0 300")
    time.sleep(random.uniform(1, 5))
    become(f"soak{3 + number}", BACKINGS[number], f"linear {BACKINGS[number]} 0")


def bend_netlink(_):
    """cut and bent netlink messages, 500 at a time"""
    # To all families.
    run("insmod", f"{os.environ['COMSTAR_MODULES']}/stmf_loopback.ko")
    run(sys.executable, str(TESTS / "bent_netlink.py"), "flawed", str(BENT_MESSAGES), str(random.randrange(1 << 30)))
    run("rmmod", "stmf_loopback")


# At most one of each group at a time.
NETWORK, INITIATOR, FIRST, SECOND, ADMINISTRATOR = range(5)
DISTURBANCES = [(NETWORK, cut), (NETWORK, silence), (INITIATOR, reset), (INITIATOR, kill_daemon),
                *((group, what) for group in (FIRST, SECOND) for what in (fail_device, stall_device, slow_device)),
                (ADMINISTRATOR, bend_netlink)]


def disturb():
    """One to three things at once."""
    chosen = dict(random.sample(DISTURBANCES, random.randint(1, 3)))
    failures = []

    def go(group, what):
        try:
            what(group - FIRST)
        except (Exception, SystemExit) as failure:  # pylint: disable=broad-except
            failures.append(failure)

    threads = [threading.Thread(target=go, args=one) for one in chosen.items()]
    print("    " + "; ".join(what.__doc__ for what in chosen.values()), flush=True)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in failures:
        raise failure
    COUNT.update(what.__doc__ for what in chosen.values())


def play_hostile():
    """What no initiator should send, while all others work."""
    seed = random.randrange(1 << 30)
    run("hostile", "127.0.0.1:3260", OPEN, "play", CLOSED, "--cases", str(HOSTILE_CASES), "--seed", str(seed),
        "--first", str(seed % 4000))
    COUNT["something that no initiator should send"] += HOSTILE_CASES


def main():
    hours = float(sys.argv[2])
    begin, number, memory = time.monotonic(), 0, 0
    # The hostile one shall see no disk of others.
    life_cycle.VIEWS.update({1: "-t both -n 0", 2: "-t both -n 1"})
    with life_cycle.eight_sessions(int(sys.argv[1])) as go_round:
        while (seconds := time.monotonic() - begin) < hours * 3600:
            number += 1
            go_round(f"{number}, {seconds / 3600:.2f} of {hours} hours", [disturb] * DISTURBED)
            play_hostile()
            now = kernel_memory()
            memory = memory if number > WARM_UP else now
            print(f"    kernel memory {now} KiB", flush=True)
            if now - memory > MEMORY_KIB:
                fail(f"expected at most {MEMORY_KIB} KiB more than the {memory} KiB after {WARM_UP} rounds, got {now}")
    for fault, times in COUNT.items():
        tried(times, fault)


if __name__ == "__main__":
    main()
