# SPDX-License-Identifier: GPL-2.0
"""The tests that run in guests: as many as possible in one boot, several guests at a time."""

import concurrent.futures
import contextlib
import os
import pathlib
import queue
import re
import shlex
import shutil
import subprocess
import tempfile
import threading
import time

from .test import LOGS, TOP, Test

BOOT_LIMIT = 100  # Seconds until the first test starts; kernels that look for bugs have three times as long.
GRACE = 30  # How long the guest may take to end a test that is over its time.
SKIPPED = 77
STOOD_STILL = 2.0  # Seconds; so long the tests' patience, and that of the tools they run, would be at fault.
FAST_CLOCK = 1.5  # So many seconds of a guest's within one are its clock's fault.
LOST_TIMER = "kthread timer wakeup didn't happen for"


def run_guest_tests(tests, args, report):
    """Runs the tests, those last that have to have the machine for themselves."""
    for alone in False, True:
        waiting = Waiting([test for test in tests if test.alone == alone])
        workers = 1 if alone else min(args.jobs, len(waiting.tests)) or 1
        # Guests that share the machine run their processors in turn, but where races are looked for.
        how = ["--in-turn"] if workers > 1 and args.kernel != "kcsan" else []
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            try:
                for worker in [pool.submit(run_some, waiting, args, report, how) for _ in range(workers)]:
                    worker.result()
            finally:
                waiting.close()


def run_some(waiting, args, report, how):
    """Runs tests, boot after boot, as long as any wait."""
    while (test := waiting.take()) and (boot := waiting.start(args, report, [*how, *shlex.split(test.options)])):
        boot.run(test, waiting)
        waiting.forget(boot)


class Waiting:
    """The tests that no guest has taken yet, and the guests that take them."""

    def __init__(self, tests):
        self.tests = list(tests)
        self.again = set()
        self.boots = set()
        self.is_closed = False
        self.lock = threading.Lock()

    def take(self, boot=None):
        """Takes the next test, or the next that may run in such a boot."""
        with self.lock:
            for test in self.tests:
                if boot in (None, test.boot):
                    self.tests.remove(test)
                    return test
        return None

    def put_back(self, test):
        """Has a test run once more, in another boot; `False` when that was done before, or all is over."""
        with self.lock:
            if self.is_closed or test.name in self.again:
                return False
            self.again.add(test.name)
            self.tests.append(test)
            return True

    def start(self, *how):
        """Starts a guest; under the lock, so that `close` ends each that there is. None when all is over."""
        with self.lock:
            if self.is_closed:
                return None
            boot = Boot(*how)
            self.boots.add(boot)
            return boot

    def forget(self, boot):
        """A guest has ended."""
        with self.lock:
            self.boots.remove(boot)

    def close(self):
        """Nobody gets another test, or another guest; those that there are end."""
        with self.lock:
            self.is_closed = True
            self.tests.clear()
            for boot in self.boots:
                boot.process.terminate()


class Boot:
    """One guest that runs tests, each when the one before it is over.

    After each the kernel's log is looked through.  When a test fails, by itself or by that log, or hangs, what it
    has left behind would fail the next ones, too: the guest ends.
    """

    def __init__(self, args, report, options):
        self.report = report
        self.boot_limit = BOOT_LIMIT * (1 if args.kernel == "normal" else 3)
        # What is looked at when all others are done.
        self.last = Test.read(TOP / "tests" / "memory_leaks.sh") if args.kernel == "debug" else None
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="boot.", dir=LOGS))
        self.list = self.scratch / "list"
        self.list.touch()
        log = self.scratch / "kernel.log"
        log.touch()
        self.console = Console(log)
        command = [TOP / "tools" / "guest", "--no-log-check", "--log", log]
        command += ["--timeout", "100000", *options]
        command += [] if args.kernel == "normal" else [f"--{args.kernel}"]
        command += ["--", "env", *args.set, TOP / "tests" / "guest-runner", self.list]
        self.begin = time.monotonic()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=open(self.scratch / "guest.err", "wb"),
            text=True,
            errors="replace",
            env={**os.environ, "COMSTAR_SCRATCH": str(self.scratch)},
        )
        self.is_broken = False
        self.said = queue.SimpleQueue()
        threading.Thread(target=self.listen, daemon=True).start()

    def run(self, test, waiting):
        """Runs a test, and of those that wait what may run in the same boot."""
        try:
            if why := self.await_boot():
                self.is_broken = True
                error = (self.scratch / "guest.err").read_text(errors="replace")
                log = self.console.until("", 0)
                self.fail(test, waiting, why, error, log)
                return
            boot = test.boot
            while test and self.run_one(test, waiting):
                test = waiting.take(boot)
            if not test and (not self.last or self.run_one(self.last, waiting)):
                self.ask("end")
                # One that takes longer to go down is ended.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(timeout=GRACE)
        finally:
            self.end()

    def await_boot(self):
        """Waits until the guest runs tests; says why it can't.

        On a busy machine its kernel mistakes the frequency of the processor's clock now and then: every time limit
        within the guest is over in no time.
        """
        line = self.await_line(r"@@ booted (\S+)", self.boot_limit)
        seconds = time.monotonic() - self.begin
        if line is None:
            return "the guest did not boot"
        if float(line[1]) > FAST_CLOCK * seconds:
            return f"the guest's clock is fast, {line[1]} s have gone by in {seconds:.0f} s"
        return None

    def fail(self, test, waiting, why, output, log):
        """Reports a failure; but the test runs once more when it is the emulator's.

        On a busy machine QEMU 7.2 loses a processor's timer now and then: that processor stays in its idle loop,
        and RCU finds that a timer never came. When it happens early the guest doesn't boot. When it is over after
        some seconds all that it did is that something came too late. But what is looked at last is of this boot
        alone: in another there is nothing to be found.
        """
        self.is_broken |= LOST_TIMER in log
        if self.is_broken and test is not self.last and waiting.put_back(test):
            (LOGS / f"{test.name}.again.klog").write_text(log, encoding="utf-8")
            self.report.again(test.name, f"{why}: the emulator's fault, or so it seems", output)
        else:
            self.report.fail(test.name, why, output, log)

    def run_one(self, test, waiting):
        """Runs a test; is the guest still good for others?"""
        started = time.monotonic()
        stalls = len(self.stalls())
        self.ask(f"{test.name} {test.limit} {test.transport} {test.path}")
        line = self.await_line(rf"@@ {re.escape(test.name)} (\S+)", test.limit + GRACE)
        seconds = time.monotonic() - started
        log = self.console.until(f"comstar-test: end {test.name}", 5 if line else 0)
        (LOGS / f"{test.name}.klog").write_text(log, encoding="utf-8")
        output = self.output_of(test)
        splats = find_splats(log, test.expected_log)

        if line is None and self.process.poll() is not None:
            why = "the guest died"
        elif line is None:
            why = "the guest hung"
        elif line[1] == "timeout":
            why = f"not done after {test.limit} s"
        elif splats:
            why = f"the kernel complained: {splats[0]}"
        elif line[1] == str(SKIPPED):
            self.report.skip(test.name, skip_reason(output))
            return True
        elif line[1] == "0":
            self.report.ok(test.name, seconds, output)
            return True
        else:
            why = f"exit status {line[1]}"
            if (longest := max(self.stalls()[stalls:], default=0)) >= STOOD_STILL:
                why += f", and a processor stood still for {longest:.0f} s"
                self.is_broken = True
        self.fail(test, waiting, why, output, log)
        return False

    def ask(self, what):
        """Tells the guest's runner what is next; one write, for it reads all the time."""
        with open(self.list, "ab", buffering=0) as file:
            file.write(f"{what}\n".encode())

    def stalls(self):
        """How long processors of the guest have stood still, in seconds, as tests/stalls.py saw it."""
        try:
            lines = (self.scratch / "stalls").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [float(line.split()[1]) for line in lines]

    def output_of(self, test):
        try:
            output = (self.scratch / f"{test.name}.out").read_text(errors="replace")
        except FileNotFoundError:
            return ""
        (LOGS / f"{test.name}.out").write_text(output, encoding="utf-8")
        return output

    def listen(self):
        """Puts down what the guest's runner says; None at its end."""
        for line in self.process.stdout:
            self.said.put(line)
        self.said.put(None)

    def await_line(self, pattern, limit):
        """Waits for a line of the guest's runner; None when there is none."""
        end = time.monotonic() + limit
        try:
            while line := self.said.get(timeout=max(end - time.monotonic(), 0.01)):
                if match := re.match(pattern, line):
                    return match
            self.process.wait()
        except queue.Empty:
            pass
        return None

    def end(self):
        """Ends the guest; tools/guest passes it on to the QEMU it started."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
        shutil.rmtree(self.scratch, ignore_errors=True)


class Console:
    """The kernel's log of a running guest, read piece by piece."""

    def __init__(self, path):
        self.path = path
        self.offset = 0

    def until(self, marker, limit):
        """Returns what came since the last call, waiting for `marker`."""
        end = time.monotonic() + limit
        while True:
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                data = file.read()
            if marker.encode() in data or time.monotonic() > end:
                self.offset += len(data)
                return data.decode(errors="replace").replace("\r", "")
            time.sleep(0.05)


def find_splats(log, expected):
    """Returns the lines that may not stand in a kernel log."""
    bad = read_patterns("splats.regex")
    not_ours = read_patterns("not-ours.regex")
    return [
        line
        for line in without_races_of_others(log).splitlines()
        if bad.search(line)
        and not not_ours.search(line)
        and not (expected and re.search(expected, line))
    ]


def without_races_of_others(log):
    """Leaves out the data races of the kernel itself: those between accesses neither of which is a module's of ours, or
    is done for it by one of the functions that it calls."""
    return re.sub(r"^.*BUG: KCSAN: .*\n(?:(?!.*={40}).*\n)*", lambda race: race[0] if is_our_race(race[0]) else "",
                  log, flags=re.M)


def is_our_race(report):
    """Is a module of ours in the title, or among the first three functions of an access?"""
    title, *accesses = re.split(r"^.* (?:read|write)(?: \(.*?\))? to 0x.*\n", report, flags=re.M)
    near = ["".join(access.splitlines(keepends=True)[:3]) for access in accesses]
    return any("[stmf" in part for part in (title, *near))


def read_patterns(name):
    """Reads a file of patterns, one a line, as one that matches any of them."""
    lines = (TOP / "tools/lib" / name).read_text(encoding="utf-8").splitlines()
    return re.compile("|".join(lines))


def skip_reason(output):
    reasons = [l[6:] for l in output.splitlines() if l.startswith("SKIP: ")]
    return reasons[-1] if reasons else "it did not say why"
