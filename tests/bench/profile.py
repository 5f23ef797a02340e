# SPDX-License-Identifier: GPL-2.0
"""Where the instructions go: counts of all by function, and samples of the call stack.

A plugin of QEMU's (hot.c) counts them all, from one mark to the other. Who calls whom it
can't tell. perf can, inside the guest: the clock counts instructions, so that it takes a sample
every so many of them. It can't interrupt code that has interrupts disabled: what such code
costs shows where it enables them again, and a load that is the same again and again is seen
in few places.
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
SAMPLED = tuple(f"echo {what} >{CONTROL}; read word <{ANSWER}" for what in ("enable", "disable"))
# A program's own code is of no interest here.
USER = "[user]"
KERNEL = 1 << 63


@contextlib.contextmanager
def recording():
    """Lets samples be taken, between the two commands of SAMPLED."""
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
            found = sorted((int(at, 16), *rest) for at, _, *rest in map(str.split, lines))
        self.starts = [at for at, *_ in found]
        self.names = readable([name for _, name, *_ in found])
        self.modules = [module[0].strip("[]") if module else "kernel" for _, _, *module in found]

    def name(self, address):
        """The function that an address is in."""
        return self.names[self.index(address)]

    def module(self, address):
        """The module that an address is in."""
        return self.modules[self.index(address)]

    def index(self, address):
        return bisect.bisect_right(self.starts, address) - 1


def readable(symbols):
    """Functions' names for people: Rust's without what tells one compilation from another."""
    done = subprocess.run(
        ["c++filt"], input="\n".join(symbols), capture_output=True, text=True, check=True
    )
    names = re.sub(r"\[[0-9a-f]{12,16}\]", "", done.stdout).split("\n")
    return [name.removeprefix("__pi_") for name in names]


def counts(path):
    """What hot.c counted, by module and by function."""
    names = Symbols()
    modules, functions = collections.Counter(), collections.Counter()
    with open(path, encoding="ascii") as lines:
        for line in lines:
            address, count = int(line.split()[0], 16), int(line.split()[1])
            is_kernel = address >= KERNEL
            modules[names.module(address) if is_kernel else USER] += count
            functions[names.name(address) if is_kernel else USER] += count
    return modules, functions


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
