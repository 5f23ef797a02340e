#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Watches this guest's processors: `stalls.py FILE` adds a line for each time that one stood still,
CPU and SECONDS. Runs until it is ended.

A timer on each goes off four times a second, before anything that isn't realtime; it is late when the emulator
has lost a timer, or wasn't run itself.
"""

import os
import sys
import threading
import time

PERIOD = 0.25
LATE = 1.0


def watch(cpu, path):
    os.sched_setaffinity(0, {cpu})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    while True:
        due = time.monotonic() + PERIOD
        time.sleep(PERIOD)
        late = time.monotonic() - due
        if late >= LATE:
            with open(path, "a", encoding="utf-8") as file:
                file.write(f"{cpu} {late:.1f}\n")


def main():
    for cpu in os.sched_getaffinity(0):
        threading.Thread(target=watch, args=(cpu, sys.argv[1])).start()


if __name__ == "__main__":
    main()
