# SPDX-License-Identifier: GPL-2.0
"""Memory of ours, measured inside the guest: per logical unit, session, command."""

import os
import pathlib
import re
import socket
import statistics
import struct
import subprocess
import tempfile
import time

import load
import sides

UNITS = 200
SESSIONS = 64
DEPTH = 32
ROUNDS = 3
TARGET = "iqn.2026-11.bench:memory"
PORT = 3260


def meminfo():
    """/proc/meminfo in bytes, with what can be dropped dropped."""
    subprocess.run(["sync"], check=True)
    for _ in range(2):
        sides.put("/proc/sys/vm/drop_caches", 3)
    # What RCU and deferred work still hold.
    time.sleep(1)
    lines = pathlib.Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return {line.split(":")[0]: 1024 * int(line.split()[1]) for line in lines}


def in_use():
    """Kernel memory that somebody accounts for."""
    values = meminfo()
    kept = ("Slab", "KernelStack", "Percpu", "PageTables", "VmallocUsed")
    return sum(values[key] for key in kept)


def taken_from_system():
    """All memory but that of programs and files: what is above, and single pages, which nobody counts."""
    values = meminfo()
    lists = pathlib.Path("/proc/zoneinfo").read_text(encoding="ascii")
    # Free pages that a CPU keeps for itself.
    free = os.sysconf("SC_PAGE_SIZE") * sum(map(int, re.findall(r"\n\s+count:\s+(\d+)", lists)))
    known = ("MemFree", "Buffers", "Cached", "AnonPages")
    return values["MemTotal"] - sum(values[key] for key in known) - free


def login(number):
    """A session with nothing behind it: only the target's memory is used."""
    keys = [
        f"InitiatorName=iqn.2024-01.test:memory{number}",
        f"TargetName={TARGET}",
        "SessionType=Normal",
        "HeaderDigest=None",
        "DataDigest=None",
    ]
    text = b"".join(key.encode() + b"\0" for key in keys)
    header = bytes([0x43, 0x87, 0, 0, 0]) + len(text).to_bytes(3, "big")
    header += struct.pack(">BHBHH", 0x80, 0, number, 0, 0) + struct.pack(">IIII", 1, 0, 1, 0)
    link = socket.create_connection(("127.0.0.1", PORT), timeout=10)
    link.sendall(header + bytes(16) + text + bytes(-len(text) % 4))
    answer = link.recv(4096)
    if answer[0] != 0x23 or answer[36:38] != b"\0\0":
        raise RuntimeError(f"login refused: {answer[:48].hex()}")
    return link


def measure():
    """All of it."""
    sides.load_ours()
    sides.start_iscsid()
    sides.run("itadm", "create-target", "-n", TARGET)
    results = {}
    with tempfile.TemporaryDirectory(dir="/dev/shm") as home:
        results["a logical unit on a file"] = per_unit(home)
    results["a session without I/O (with its TCP connection)"] = per_session()
    results.update(per_command())
    return {"bytes": results}


def grown(make, count):
    """Bytes that each of `count` takes, after as many that stay: what was freed would be used again."""
    made = [make(number) for number in range(count)]
    before = in_use()
    made += [make(number) for number in range(count, 2 * count)]
    return (in_use() - before) / count, made


def per_unit(home):
    """Bytes that a disk takes: file, provider, framework."""

    def create(number):
        path = os.path.join(home, f"disk{number}")
        with open(path, "wb") as file:
            file.truncate(1 << 20)
        return sides.run("stmfadm", "create-lu", path).split()[-1]

    taken, guids = grown(create, UNITS)
    for guid in guids:
        sides.run("stmfadm", "delete-lu", guid)
    return taken


def per_session():
    """Bytes that a session takes in the target; the other end is a bare socket."""
    taken, links = grown(login, SESSIONS)
    for link in links:
        link.close()
    return taken


def per_command():
    """Bytes that commands take that wait in a slow device, and what of it stays afterwards."""
    sides.run("modprobe", "dm-delay")
    device = sides.null_device("memory")
    sectors = sides.DEVICE["size"] << 11
    for name in ("slow", "slower"):
        sides.run("dmsetup", "create", name, "--table", f"0 {sectors} delay {device} 0 0")
        # udev has looked at it by now, and would have waited for each read.
        sides.run("dmsetup", "suspend", name)
        sides.run("dmsetup", "load", name, "--table", f"0 {sectors} delay {device} 0 4000")
        sides.run("dmsetup", "resume", "--noudevsync", name)
    sides.our_lu("/dev/mapper/slow", 0)
    sides.login(TARGET, f"127.0.0.1:{PORT}", 1)
    ours = sides.session_disks(TARGET, 0, 1)[0]
    results = {}
    for size, name in (("4k", "4 KiB"), ("1m", "1 MiB")):
        alone, _ = in_flight("/dev/mapper/slower", "slower", size)
        taken, kept = in_flight(ours, "slow", size)
        results[f"a read of {name} in flight, with the initiator's part"] = (taken - alone) / DEPTH
        results[f"still in use when the {DEPTH} of {name} have been over for a second"] = kept
    return results


def reads_in(delay):
    """The reads that wait in a delay device, which counts them as in flight only when they have waited."""
    return int(sides.run("dmsetup", "status", delay).split()[3])


def in_flight(disk, delay, size):
    """Bytes that DEPTH reads of a disk take that wait in a delay device, fio's part included, and after them."""
    job = load.Load("memory", "randread", size, DEPTH)
    found = []
    # The first round is for the caches.
    for _ in range(ROUNDS + 1):
        before = taken_from_system()
        fio = subprocess.Popen(
            job.arguments([disk], 600, 0),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/tmp",
        )
        sides.wait_for(lambda: reads_in(delay) >= DEPTH, f"{DEPTH} reads in {delay}")
        during = taken_from_system()
        fio.terminate()
        fio.wait()
        found.append((during - before, taken_from_system() - before))
    return [statistics.median(column) for column in zip(*found[1:])]
