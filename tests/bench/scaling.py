# SPDX-License-Identifier: GPL-2.0
"""How rates grow from one CPU to several, with sessions and with logical units.

All is measured in one boot: CPUs are taken offline and put back, and between two measurements
of the same load every side has its turn.
"""

import os
import pathlib
import statistics
import sys

import load
import sides

MANY = 4  # Sessions, and logical units.
DEPTH = 16  # Of each.
STEPS = (1, 2, MANY)


def set_up():
    """All sides; returns {"sessions" or "LUs": {side: disks}}, a disk for each of them."""
    sides.load_lio()
    sides.load_ours("stmf", "stmf_sbd", "stmf_iscsi", "stmf_loopback")
    sides.start_iscsid()
    made = {side: devices(side) for side in ("raw", "lioiscsi", "lioloop", "ours")}
    for lun, device in enumerate(made["ours"]):
        sides.our_lu(device, lun)
    sessions = {
        "LIO iSCSI": sides.lio_iscsi(made["lioiscsi"], MANY),
        "our iSCSI": sides.our_iscsi(MANY),
    }
    names = {"LIO iSCSI": sides.LIO_NAME, "our iSCSI": sides.OUR_NAME}
    units = {"raw": made["raw"]}
    for side, name in names.items():
        # Of one session: of each LUN the same one.
        units[side] = [sides.session_disks(name, lun, MANY)[0] for lun in range(MANY)]
    units["LIO loop"] = sides.lio_loop(made["lioloop"])
    units["our loopback"] = sides.our_loop(range(MANY))
    sides.hold_udev()
    return {"sessions": sessions, "LUs": units}


def devices(name):
    """A device for each logical unit of a side."""
    return [sides.null_device(f"{name}{number}") for number in range(MANY)]


def use_cpus(count):
    """Puts so many CPUs to work."""
    for number in range(1, os.cpu_count() or 1):
        switch = pathlib.Path(f"/sys/devices/system/cpu/cpu{number}/online")
        wanted = str(int(number < count))
        if switch.read_text(encoding="ascii").strip() != wanted:
            sides.put(switch, wanted)


def measure(seconds, repeats):
    """I/O per second: {load: {side: {CPUs: [each run]}}}."""
    all_cpus = os.cpu_count()
    counts = [count for count in (1, 2, 3, 4) if count <= all_cpus]
    found = {}
    for kind, by_side in set_up().items():
        for many in STEPS:
            name = f"4k randread qd{DEPTH}, {many} {kind if many > 1 else kind[:-1]}"
            job = load.Load(name, "randread", "4k", DEPTH, sessions=many)
            for _ in range(repeats):
                for count in counts:
                    use_cpus(count)
                    for side, disks in by_side.items():
                        measured = load.fio(job, disks, seconds, seconds / 4)
                        row = found.setdefault(name, {}).setdefault(side, {})
                        row.setdefault(count, []).append(measured.ios / measured.seconds)
            print(f"{name}: done", file=sys.stderr, flush=True)
    use_cpus(all_cpus)
    return {"cells": found}
