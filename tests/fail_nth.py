# SPDX-License-Identifier: GPL-2.0
"""Failing allocations, of one thread alone.

The kernel counts down /proc/PID/task/TID/fail-nth with each allocation that the
thread makes, and fails the one at which it gets to zero.  /proc/PID/task/TID/make-it-fail
says whose allocations fail at random.

Only what the modules do may fail.  An exec or a page fault that fails leaves a page in
the cache of the file system that nobody can read any more: so this process, whose own
threads fail allocations, has all its pages before (`keep_pages`), and starts no program
meanwhile.
"""

import contextlib
import ctypes
import os
import pathlib
import time

DEBUG = pathlib.Path("/sys/kernel/debug")
KINDS = ("failslab", "fail_page_alloc")
MCL_CURRENT, MCL_FUTURE = 1, 2


def keep_pages():
    """From here on this process has no page faults."""
    if ctypes.CDLL(None).mlockall(MCL_CURRENT | MCL_FUTURE) != 0:
        raise OSError("mlockall")


def allow(min_order=0):
    """Lets every allocation fail that a thread asks for, but single pages below that order."""
    for kind in KINDS:
        put(kind, "verbose", 0)
        put(kind, "ignore-gfp-wait", "N")
    put("fail_page_alloc", "ignore-gfp-highmem", "N")
    put("fail_page_alloc", "min-order", min_order)


def put(kind, name, value):
    (DEBUG / kind / name).write_text(str(value), encoding="ascii")


class Countdown:
    """The countdown of one thread; of this one unless said."""

    def __init__(self, tid=None):
        self.file = os.open(f"{task(tid)}/fail-nth", os.O_RDWR)

    def start(self, number):
        os.pwrite(self.file, str(number).encode(), 0)

    def pause(self):
        """Ends it; gives what is left of it. A thread that is gone failed one."""
        try:
            left = int(os.pread(self.file, 16, 0))
            os.pwrite(self.file, b"0", 0)
        except ProcessLookupError:
            return 0
        return left

    def stop(self):
        """Ends it; says whether an allocation has failed."""
        return self.pause() == 0

    def close(self):
        os.close(self.file)


class Nth:
    """Has this thread's n-th allocation fail, of those that it makes within `with`, as often as that is
    entered."""

    def __init__(self, number):
        self.countdown, self.left = Countdown(), number

    def __enter__(self):
        if self.left:
            self.countdown.start(self.left)

    def __exit__(self, *_):
        if self.left:
            self.left = self.countdown.pause()

    def close(self):
        self.countdown.close()


class Mark:
    """Has allocations of this thread, within `with` and `one_in`, fail at random."""

    def __init__(self):
        self.file = os.open(f"{task()}/make-it-fail", os.O_WRONLY)

    def __enter__(self):
        os.pwrite(self.file, b"1", 0)

    def __exit__(self, *_):
        os.pwrite(self.file, b"0", 0)


@contextlib.contextmanager
def one_in(number):
    """Meanwhile every so-many-th allocation fails of the threads that are marked."""
    for kind in KINDS:
        put(kind, "task-filter", "Y")
        put(kind, "times", -1)
        put(kind, "interval", number)
        put(kind, "probability", 100)
    try:
        yield
    finally:
        for kind in KINDS:
            put(kind, "probability", 0)


def mark(tid, fails=True):
    """Has a kernel thread's allocations fail within `one_in`, or not, from here on."""
    with contextlib.suppress(OSError):
        pathlib.Path(f"{task(tid)}/make-it-fail").write_text(str(int(fails)), encoding="ascii")


def task(tid=None):
    """What /proc has of a kernel thread, or of this one."""
    return f"/proc/{tid}/task/{tid}" if tid else "/proc/thread-self"


def threads(name):
    """The kernel threads of this name."""
    found = set()
    for comm in pathlib.Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if comm.read_text(encoding="ascii").strip() == name:
                found.add(int(comm.parent.name))
    return found


def new_thread(name, known):
    """Waits for a thread of this name beside those known; None when there is none within 10 s."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if new := threads(name) - known:
            return new.pop()
        time.sleep(0.01)
    return None
