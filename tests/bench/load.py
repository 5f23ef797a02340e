# SPDX-License-Identifier: GPL-2.0
"""The loads: fio on block devices, and bare TCP."""

import dataclasses
import json
import subprocess


@dataclasses.dataclass(frozen=True)
class Load:
    """What fio does."""

    name: str
    rw: str
    size: str
    depth: int
    sessions: int = 1
    mix: int = 0

    def arguments(self, disks, seconds, ramp, around=("true", "true")):
        """fio's arguments: one job for each disk. `around`: what to run before and after."""
        common = [
            "fio",
            "--output-format=json",
            "--ioengine=io_uring",
            "--direct=1",
            f"--rw={self.rw}",
            f"--bs={self.size}",
            f"--iodepth={self.depth}",
            "--size=16g",
            "--norandommap",
            "--randrepeat=1",
            "--time_based",
            f"--runtime={int(seconds * 1000)}ms",
            f"--ramp_time={int(ramp * 1000)}ms",
            "--group_reporting",
            f"--exec_prerun={around[0]}",
            f"--exec_postrun={around[1]}",
        ]
        if self.mix:
            common.append(f"--rwmixread={self.mix}")
        return common + [
            word
            for number, disk in enumerate(disks[: self.sessions])
            for word in (f"--name=job{number}", f"--filename={disk}")
        ]


LOADS = [
    Load("4k randread qd1", "randread", "4k", 1),
    Load("4k randread qd32", "randread", "4k", 32),
    Load("4k randwrite qd32", "randwrite", "4k", 32),
    Load("8k 70/30 qd16", "randrw", "8k", 16, mix=70),
    Load("128k read qd8", "read", "128k", 8),
    Load("128k write qd8", "write", "128k", 8),
    Load("1m read qd4", "read", "1m", 4),
]
SESSIONS = [
    Load(f"4k randread qd8, {n} session{'s' * (n > 1)}", "randread", "4k", 8, sessions=n)
    for n in (1, 4, 16)
]


@dataclasses.dataclass
class Measured:
    """What came of one run; times in nanoseconds of the guest's clock."""

    ios: int
    seconds: float
    percentiles: dict

    @property
    def per_io(self):
        """Nanoseconds for one I/O: under icount, instructions."""
        return self.seconds * 1e9 / self.ios


def fio(load, disks, seconds, ramp, around=("true", "true")):
    """Runs a load, and commands before and after it; fails when a single I/O failed."""
    # fio writes the output of the snapshots to files.
    done = subprocess.run(
        load.arguments(disks, seconds, ramp, around),
        capture_output=True,
        text=True,
        check=False,
        cwd="/tmp",
    )
    if done.returncode:
        raise RuntimeError(f"fio, {load.name} on {disks}: {done.stderr}{done.stdout}")
    # fio may print notes before the object.
    report = json.loads(done.stdout[done.stdout.index("{") :])
    job = report["jobs"][0]
    if job["error"]:
        raise RuntimeError(f"fio, {load.name} on {disks}: error {job['error']}")
    ways = [job[way] for way in ("read", "write") if job[way]["total_ios"]]
    main = max(ways, key=lambda way: way["total_ios"])
    return Measured(
        ios=sum(way["total_ios"] for way in ways),
        seconds=max(way["runtime"] for way in ways) / 1000,
        percentiles=main["clat_ns"].get("percentile", {}),
    )


def tcp(tool, request, answer, depth, count):
    """The same bytes over TCP without iSCSI: `tcp.rs`; nanoseconds per exchange."""
    done = subprocess.run(
        [tool, str(request), str(answer), str(depth), str(count)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)
