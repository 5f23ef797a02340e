#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Writes with FUA until that fails, and looks later whether it is there: `acknowledged.py write|look TARGET FILE`.

What was acknowledged is kept in FILE. It is LUN 0, from its 16th MiB on.
"""

import random
import sys

from blocks import Blocks, Written
from raw_session import GOOD, Session
from steps import fail

WHAT, TARGET, FILE = sys.argv[1:4]
FIRST, PLACES = 16 << 11, 1024


def write(disk):
    written = Written(disk)
    number, outcome = 0, GOOD
    while outcome == GOOD:
        number += 1
        outcome = written.write(FIRST + 8 * random.randrange(PLACES), number)
        if number == 1:
            # Who waits for it knows that it has begun.
            written.save(FILE)
    print(f"    the {number}th write failed: {outcome}", flush=True)
    written.save(FILE)


def look(disk):
    if not Written(disk, FILE).check("a device that was away"):
        fail("expected some writes to have been acknowledged")


if __name__ == "__main__":
    session = Session(TARGET, name="iqn.2024-01.test:acknowledged", isid=9)
    {"write": write, "look": look}[WHAT](Blocks(session))
    session.logout()
