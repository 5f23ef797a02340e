# SPDX-License-Identifier: GPL-2.0
"""What it takes to manage many logical units, measured inside the guest."""

import json
import os
import pathlib
import resource
import statistics
import sys
import time

import memory
import sides

HOME = pathlib.Path("/dev/shm/control")
STORE = HOME / "store"
SIZE = 1 << 20
SAMPLE = 40  # As many are made one by one at each count, by a command each.
COUNTS = (500, 2000, 10000)
LIO_COUNTS = (500, 2000)
MOST_BY_TARGETCTL = 500  # Its time grows with the square: 2,000 take the better part of an hour.
MODULES = ("stmf", "stmf_sbd", "stmf_iscsi", "stmf_loopback")
TARGET = "iqn.2026-11.bench:control.lio"


def say(text):
    """Progress, for the one who waits."""
    print(text, file=sys.stderr, flush=True)


def took(act, *arguments):
    """Seconds that a function takes, with the programs in memory."""
    sides.run("stmfadm", "--version")
    start = time.monotonic()
    act(*arguments)
    return time.monotonic() - start


def cpu_of(act, *arguments):
    """Seconds of CPU time, in the kernel and outside, that a function's processes take."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    act(*arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def guid(number):
    """The GUID of a disk."""
    return f"600144F0{number:024X}"


def path(number):
    """The file of a disk."""
    return str(HOME / f"disk{number}")


def make_files(count):
    """The files that the disks are on."""
    for number in range(count):
        with open(path(number), "wb") as file:
            file.truncate(SIZE)


# --- ours ---------------------------------------------------------------------


def make_one(number):
    """A disk and its view, as an administrator makes them."""
    sides.run("stmfadm", "create-lu", "-p", f"guid={guid(number)}", path(number))
    sides.run("stmfadm", "add-view", "-n", number, guid(number))


def make_up_to(count):
    """So many disks with views, by a file that says so."""
    file = HOME / "wanted"
    wanted = {
        "format": "stmf-configuration",
        "version": 1,
        "disk": [{"guid": guid(n), "file": path(n)} for n in range(count)],
        "view": [{"guid": guid(n), "lun": n} for n in range(count)],
    }
    file.write_text(json.dumps(wanted), encoding="ascii")
    sides.run("stmfadm", "apply", file)


def check(count):
    """All of them are there, and listed once."""
    listed = json.loads(sides.run("stmfadm", "list-lu", "--json"))
    guids = {each["guid"] for each in listed}
    if len(listed) != count or guids != {guid(number) for number in range(count)}:
        raise RuntimeError(f"expected {count} logical units, {len(listed)} are listed")


def forget():
    """Takes all from the kernel, behind the store's back; returns the seconds for the disks."""
    guids = [line.split()[-1] for line in sides.run("stmfadm", "list-lu").splitlines()]
    os.environ["STMF_STORE"] = ""
    seconds = took(sides.run, "stmfadm", "delete-lu", "-k", *guids)
    os.environ["STMF_STORE"] = str(STORE)
    for name in reversed(MODULES):
        sides.run("rmmod", name)
    sides.load_ours(*MODULES)
    return seconds


def ours():
    """A row for each count, and what is done with all of them."""
    os.environ["STMF_STORE"] = str(STORE)
    sides.load_ours(*MODULES)
    rows = {}
    empty = memory.in_use()
    for count in (SAMPLE, *COUNTS):
        if count > SAMPLE:
            make_up_to(count - SAMPLE)
        one = [cpu_of(make_one, number) for number in range(count - SAMPLE, count)]
        rows[count] = {
            "one more": statistics.median(one),
            "list": took(sides.run, "stmfadm", "list-lu"),
            "list of one": took(sides.run, "stmfadm", "list-lu", "-v", guid(count // 2)),
            "bytes each": (memory.in_use() - empty) / count,
        }
        check(count)
        rows[count]["delete"] = forget()
        rows[count]["restore"] = took(sides.run, "stmfadm", "load-config")
        check(count)
        say(f"ours, {count}: {rows[count]}")
    return rows


# --- LIO ----------------------------------------------------------------------


def lio_one(tpg, number):
    """A backstore and its LUN."""
    home = sides.CORE / f"fileio_{number}" / f"disk{number}"
    home.mkdir(parents=True)
    sides.put(home / "control", f"fd_dev_name={path(number)},fd_dev_size={SIZE}")
    sides.put(home / "wwn/vpd_unit_serial", f"{number:032x}")
    sides.put(home / "enable", 1)
    lun = tpg / "lun" / f"lun_{number}"
    lun.mkdir()
    (lun / "disk").symlink_to(home)


def by_targetctl(tpg, count):
    """What targetctl takes for all of them."""
    file = str(HOME / "saveconfig.json")
    sides.run("targetctl", "save", file)
    found = {
        "delete": took(sides.run, "targetctl", "clear"),
        "restore": took(sides.run, "targetctl", "restore", file),
    }
    there = len(list(tpg.glob("lun/lun_*")))
    if there != count:
        raise RuntimeError(f"expected {count} LUNs of LIO after its restore, there are {there}")
    return found


def lio():
    """A row for each count. One more is made in configfs, without a program; all, by targetctl."""
    for module in ("target_core_mod", "target_core_file", "iscsi_target_mod"):
        sides.run("modprobe", module)
    for directory in ("/etc/target", "/var/target/pr", "/var/target/alua"):
        os.makedirs(directory, exist_ok=True)
    rows = {}
    for count in LIO_COUNTS:
        say(f"LIO, {count}")
        (sides.FABRIC / "iscsi").mkdir(exist_ok=True)
        tpg = sides.FABRIC / "iscsi" / TARGET / "tpgt_1"
        empty = memory.in_use()
        tpg.mkdir(parents=True)
        one = []
        for number in range(count):
            start = time.process_time()
            lio_one(tpg, number)
            one.append(time.process_time() - start)
        rows[count] = {
            "one more": statistics.median(one[-SAMPLE:]),
            "bytes each": (memory.in_use() - empty) / count,
        }
        if count <= MOST_BY_TARGETCTL:
            rows[count].update(by_targetctl(tpg, count))
            sides.run("targetctl", "clear")
        say(f"LIO, {count}: {rows[count]}")
    return rows


def measure():
    """All of it."""
    HOME.mkdir()
    make_files(max(COUNTS))
    found = {"ours": ours()}
    forget()
    found["LIO"] = lio()
    return found
