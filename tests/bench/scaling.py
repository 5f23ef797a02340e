# SPDX-License-Identifier: GPL-2.0
"""Rates with sessions and with logical units, for as many CPUs as this guest has.

tests/bench/run boots a guest for each number of CPUs.
"""

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


def measure(seconds, repeats):
    """I/O per second: {load: {side: [each run]}}; the sides take turns."""
    found = {}
    for kind, by_side in set_up().items():
        for many in STEPS:
            name = f"4k randread qd{DEPTH}, {many} {kind if many > 1 else kind[:-1]}"
            job = load.Load(name, "randread", "4k", DEPTH, sessions=many)
            for _ in range(repeats):
                for side, disks in by_side.items():
                    measured = load.fio(job, disks, seconds, seconds / 4)
                    row = found.setdefault(name, {}).setdefault(side, [])
                    row.append(measured.ios / measured.seconds)
            print(f"{name}: done", file=sys.stderr, flush=True)
    return {"cells": found}
