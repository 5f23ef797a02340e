#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Measures inside the guest: `inside.py NAME SECONDS REPEATS LOADS`.

NAME is one of those that tests/bench/run knows; LOADS is a regular expression that chooses
loads by their names. Leaves what it measured as JSON in $COMSTAR_SCRATCH, for tests/bench/run.
"""

import json
import os
import pathlib
import platform
import re
import statistics
import sys
import time

import control
import load
import memory
import profile
import scaling
import sides
from load import LOADS, SESSIONS

SCRATCH = pathlib.Path(os.environ["COMSTAR_SCRATCH"])
TRACING = pathlib.Path("/sys/kernel/tracing")
CHOICE = sys.argv[4] if len(sys.argv) > 4 else ""
PROFILED = ("LIO iSCSI", "our iSCSI", "LIO loop", "our loopback")
MOST_SESSIONS = max(each.sessions for each in SESSIONS)
NULL_LUN = 9
PERCENTILES = ("50.000000", "99.000000", "99.900000")
# The threads that serve a connection, by side.
THREADS = {"LIO iSCSI": ("iscsi_ttx", "iscsi_trx"), "our iSCSI": ("iscsit/conn",)}
CALLS = {"sends": "tcp_sendmsg", "receives": "tcp_recvmsg"}


def say(text):
    """Progress, for the one who waits."""
    print(text, file=sys.stderr, flush=True)


def set_up():
    """All sides; returns {side: disks}."""
    pathlib.Path("/sys/kernel/config/nullb").stat()
    sides.load_lio()
    sides.load_ours()
    sides.start_iscsid()
    disks = {"raw": [sides.null_device("raw")]}
    disks["LIO iSCSI"] = sides.lio_iscsi([sides.null_device("lioiscsi")], MOST_SESSIONS)
    disks["LIO loop"] = sides.lio_loop([sides.null_device("lioloop")])
    sides.null_lu(NULL_LUN)
    sides.our_lu(sides.null_device("ours"), 0)
    disks["our iSCSI"] = sides.our_iscsi(MOST_SESSIONS)
    local, local_null = sides.our_loop([0, NULL_LUN])
    disks["our loopback"] = [local]
    null_disks = sides.session_disks(sides.OUR_NAME, NULL_LUN, MOST_SESSIONS)
    disks["our iSCSI, null LU"], disks["our loopback, null LU"] = null_disks[:1], [local_null]
    sides.hold_udev()
    return disks


def fits(each, disks):
    """Whether a side has the disks that a load needs."""
    return each.sessions <= len(disks)


def switches():
    """Context switches of all CPUs since boot."""
    text = pathlib.Path("/proc/stat").read_text(encoding="ascii")
    return int(text.split("\nctxt ")[1].split()[0])


def chosen(loads):
    """Those of the loads that were asked for."""
    return [each for each in loads if re.search(CHOICE, each.name)]


def instructions(seconds, repeats):
    """Nanoseconds per I/O on a CPU whose clock counts instructions."""
    disks = set_up()
    cells = {}
    for each in chosen(LOADS + SESSIONS):
        for side, those in disks.items():
            if not fits(each, those) or (each in SESSIONS and "iSCSI" not in side):
                continue
            for _ in range(repeats):
                measured = load.fio(each, those, seconds, seconds / 4)
                cells.setdefault(each.name, {}).setdefault(side, []).append(measured.per_io)
            say(f"{each.name}, {side}: {cells[each.name][side][-1]:.0f}")
    tool = SCRATCH / "tcp"
    for each in chosen(LOADS):
        if tool.exists() and each.rw in ("randread", "read"):
            answer = 48 + int(each.size[:-1]) * (1024 if each.size.endswith("k") else 1 << 20)
            count = int(seconds * 1e9 / 60000 / max(1, answer / 65536))
            costs = [load.tcp(tool, 48, answer, each.depth, count) for _ in range(repeats)]
            cells[each.name]["TCP alone"] = costs
    return {"cells": cells, "settings": settings(disks)}


def profiles(seconds, _repeats):
    """Where the instructions go, by load and side: counts by module and function, and samples of the
    call stack, as numbers of instructions per I/O."""
    disks = set_up()
    marks = [f"{SCRATCH / 'mark'} {when}" for when in ("start", "stop")]
    cells = {}
    for each in chosen(LOADS):
        for side in PROFILED:
            number = sum(map(len, cells.values()))
            measured = load.fio(each, disks[side], seconds, 0, marks)
            counted = profile.counts(SCRATCH / f"hot.{number}")
            with profile.recording():
                load.fio(each, disks[side], seconds, seconds / 4, profile.SAMPLED)
            cell = {"per_io": measured.per_io, "stacks": []}
            for what, parts in zip(("modules", "functions"), counted):
                scale = measured.per_io / parts.total()
                cell[what] = {name: count * scale for name, count in parts.most_common()}
            for stack, count in profile.stacks().items():
                cell["stacks"].append([*stack, count])
            cells.setdefault(each.name, {})[side] = cell
            say(f"{each.name}, {side}: {measured.per_io:.0f}")
    return {"cells": cells}


def settings(disks):
    """How all was set up, in words."""
    said = {
        "fio": "io_uring, direct, no random map; one job a session",
        "every disk": "scheduler none, no merges, no write-back throttling",
        "the null_blk devices": sides.settings(sides.DEVICE),
        "LIO, backstore": "iblock, " + sides.settings(sides.LIO_BACKSTORE),
        "LIO, iSCSI": sides.settings({**sides.LIO_TPG, **sides.LIO_PARAMETERS}),
        "LIO, loop": f"nr_hw_queues={os.cpu_count()}, its default depth of 1024",
        "ours": "no settings but the defaults",
        "open-iscsi": sides.settings(sides.OPEN_ISCSI),
        "TCP alone": "two threads of a process; 48 bytes there, header and data back",
    }
    for side, those in disks.items():
        home = pathlib.Path("/sys/block") / pathlib.Path(those[0]).name
        limits = {
            "max_sectors_kb": (home / "queue/max_sectors_kb").read_text("ascii").strip(),
            "nr_requests": (home / "queue/nr_requests").read_text("ascii").strip(),
            "hardware queues": len(list((home / "mq").iterdir())),
        }
        said[f"the disk, {side}"] = sides.settings(limits)
    return said


class Calls:
    """Counts calls of kernel functions by thread, through kprobe events."""

    def __init__(self):
        for name, function in CALLS.items():
            # Python's own way to append looks for the file's end, which this one hasn't.
            events = os.open(TRACING / "kprobe_events", os.O_WRONLY | os.O_APPEND)
            os.write(events, f"p:bench/{name} {function}\n".encode())
            os.close(events)
            sides.put(self.home(name) / "trigger", "hist:keys=common_pid.execname")
            sides.put(self.home(name) / "enable", 1)

    @staticmethod
    def home(name):
        return TRACING / "events/bench" / name

    def read(self, threads):
        """Calls so far by threads whose names begin so."""
        totals = {}
        for name in CALLS:
            text = (self.home(name) / "hist").read_text(encoding="ascii")
            totals[name] = sum(
                int(line.split("hitcount:")[1])
                for line in text.splitlines()
                if "hitcount:" in line and any(f" {t}" in line for t in threads)
            )
        return totals


def concurrency(seconds, repeats):
    """Rates, latencies and calls on several CPUs; the sides take turns."""
    disks = set_up()
    calls = Calls()
    found = {}
    for each in chosen([each for each in LOADS if each.size in ("4k", "128k")] + SESSIONS):
        for _ in range(repeats):
            for side, those in disks.items():
                if not fits(each, those) or "null" in side:
                    continue
                if each in SESSIONS and "iSCSI" not in side:
                    continue
                threads = THREADS.get(side, ())
                before, switched = calls.read(threads), switches()
                # Without a ramp: the counters are those of all I/O.
                measured = load.fio(each, those, seconds, 0)
                row = {
                    "iops": measured.ios / measured.seconds,
                    "switches": (switches() - switched) / measured.ios,
                }
                for name, count in calls.read(threads).items():
                    if threads:
                        row[name] = (count - before[name]) / measured.ios
                for percentile in PERCENTILES:
                    row["p" + percentile.rstrip("0").rstrip(".")] = (
                        measured.percentiles[percentile] / 1000
                    )
                found.setdefault(each.name, {}).setdefault(side, []).append(row)
        say(f"{each.name}: done")
    return {
        "cells": {
            name: {side: medians(rows) for side, rows in row.items()}
            for name, row in found.items()
        }
    }


def medians(rows):
    """The median of each value of several rows."""
    return {key: statistics.median(row[key] for row in rows) for key in rows[0]}


def main():
    what, seconds, repeats = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    start = time.monotonic()
    if what in ("memory", "control"):
        results = {"memory": memory, "control": control}[what].measure()
    else:
        measure = {"instructions": instructions, "profile": profiles, "concurrency": concurrency}
        measure["scaling"] = scaling.measure
        results = measure[what](seconds, repeats)
    results["conditions"] = {
        "day": time.strftime("%Y-%m-%d"),
        "kernel": platform.release(),
        "CPUs": os.cpu_count(),
        "seconds": seconds,
        "repeats": repeats,
        "took": round(time.monotonic() - start),
    }
    (SCRATCH / f"{what}.json").write_text(json.dumps(results, indent=1), encoding="ascii")


if __name__ == "__main__":
    main()
