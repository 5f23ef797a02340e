# SPDX-License-Identifier: GPL-2.0
"""The faults that tests have tried, and how often: kept when a test passes, for the table of `make faults`."""

import datetime
import json
import re

from .test import TOP

RECORDS = TOP / "build" / "faults"


def keep(test, kernel, output):
    """Adds what a test that has passed says of faults, in lines of `tried`."""
    faults = [(int(times), fault) for times, fault in re.findall(r"^TRIED: (\d+)\t(.+)$", output, re.M)]
    if not faults:
        return
    record = {"test": test, "kernel": kernel, "date": str(datetime.date.today()), "faults": faults}
    with open(RECORDS, "a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def records():
    """All that was kept since `make clean`."""
    return [json.loads(line) for line in RECORDS.read_text(encoding="utf-8").splitlines()] if RECORDS.exists() else []
