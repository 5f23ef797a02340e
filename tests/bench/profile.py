# SPDX-License-Identifier: GPL-2.0
"""Where the instructions go: samples of the call stack, taken inside the guest.

The guest's clock counts instructions, so perf, which samples by the clock, takes a
sample every so many of them. It can't interrupt code that has interrupts disabled:
what such code costs shows where it enables them again.
"""

import collections
import contextlib
import os
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
        ["perf", "script", f"--input={DATA}", "--fields=comm,ip,sym", "--kallsyms=/proc/kallsyms"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = collections.Counter()
    for sample in done.stdout.split("\n\n"):
        thread, *calls = sample.strip("\n").split("\n")
        if calls:
            found[(family(thread), *frames(calls))] += 1
    return found


def family(thread):
    """A thread's name without what tells it from others of its kind."""
    return thread.strip().split(":")[0].split("/0")[0]


def frames(calls):
    """The names of a sample's functions, outermost first; a program's own are one."""
    names = []
    for call in reversed(calls):
        address, name = call.split(maxsplit=1)
        if int(address, 16) >= KERNEL:
            names.append(name)
        elif names[-1:] != [USER]:
            names.append(USER)
    return names
