# SPDX-License-Identifier: GPL-2.0
"""Where the instructions go: samples of the call stack, taken inside the guest.

The guest's clock counts instructions, so perf, which samples by the clock, takes a
sample every so many of them. It can't interrupt code that has interrupts disabled:
what such code costs shows where it enables them again.
"""

import bisect
import collections
import contextlib
import os
import re
import signal
import subprocess

EVERY = 100003  # Instructions between samples; nothing repeats in such steps.
DATA = "/tmp/perf.data"
CONTROL = "/tmp/perf.control"
ANSWER = "/tmp/perf.answer"
# To run around what is to be sampled.
AROUND = tuple(f"echo {what} >{CONTROL}; read word <{ANSWER}" for what in ("enable", "disable"))
# A program's own code is of no interest here.
USER = "[user]"
KERNEL = 1 << 63


@contextlib.contextmanager
def recording():
    """Lets samples be taken, between the two commands of AROUND."""
    for path in (CONTROL, ANSWER):
        if not os.path.exists(path):
            os.mkfifo(path)
    command = ["perf", "record", "--quiet", "--all-cpus", "-g", "--event=cpu-clock", "--delay=-1"]
    command += [f"--count={EVERY}", f"--control=fifo:{CONTROL},{ANSWER}", f"--output={DATA}"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as perf:
        yield
        perf.send_signal(signal.SIGINT)


def stacks():
    """How often each stack was seen: {(thread, outermost, ..., innermost): count}."""
    done = subprocess.run(
        ["perf", "script", f"--input={DATA}", "--fields=comm,ip"],
        capture_output=True,
        text=True,
        check=True,
    )
    names = Symbols()
    found = collections.Counter()
    for sample in done.stdout.split("\n\n"):
        thread, *calls = sample.strip("\n").split("\n")
        if calls:
            addresses = [int(call, 16) for call in reversed(calls)]
            found[(family(thread), *frames(addresses, names))] += 1
    return found


class Symbols:
    """The kernel's symbols, its modules' too; perf doesn't know names as long as Rust's."""

    def __init__(self):
        with open("/proc/kallsyms", encoding="ascii") as lines:
            found = sorted((int(at, 16), name) for at, _, name, *_ in map(str.split, lines))
        self.starts = [at for at, _ in found]
        self.names = [readable(name) for _, name in found]

    def name(self, address):
        """The function that an address is in."""
        return self.names[bisect.bisect_right(self.starts, address) - 1]


def readable(symbol):
    """A function's name for people: of Rust's mangled ones, the last words of the path."""
    if not symbol.startswith("_R"):
        return symbol.removeprefix("__pi_")
    words, rest = [], symbol[2:]
    while found := re.search(r"(?<![0-9])([1-9][0-9]?)_?([A-Za-z_]\w*)", rest):
        length = int(found[1])
        words.append(found[2][:length])
        rest = found[2][length:]
    return "::".join(word for word in words[-3:] if word)


def family(thread):
    """A thread's name without what tells it from others of its kind."""
    return thread.strip().split(":")[0].split("/0")[0]


def frames(addresses, names):
    """The names of a sample's functions, outermost first; a program's own are one."""
    found = []
    for address in addresses:
        if address >= KERNEL:
            found.append(names.name(address))
        elif found[-1:] != [USER]:
            found.append(USER)
    return found
