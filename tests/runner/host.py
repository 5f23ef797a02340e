# SPDX-License-Identifier: GPL-2.0
"""The tests that run on this machine: those of the cargo workspace, and those of tests/host/."""

import concurrent.futures
import contextlib
import os
import re
import signal
import subprocess
import time

from .test import LOGS, TOP


def run_cargo_tests(names, report):
    """Runs the tests of the cargo workspace; counts them from cargo's words."""
    started = time.monotonic()
    command = [TOP / "tools/cargo", "test", "--workspace", "--locked", "--no-fail-fast", *names]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    (LOGS / "cargo.out").write_text(done.stdout, encoding="utf-8")
    passed = failed = 0
    for match in re.finditer(r"^test result: .*? (\d+) passed; (\d+) failed", done.stdout, re.M):
        passed += int(match[1])
        failed += int(match[2])
    for name in re.findall(r"^test (\S+).* \.\.\. FAILED", done.stdout, re.M):
        report.fail(name, "cargo test", output_of_cargo_test(name, done.stdout))
    if done.returncode and not failed:
        report.fail("cargo test", f"exit status {done.returncode}", done.stdout)
    if passed:
        report.cargo_ok(passed, time.monotonic() - started)
    return passed + failed


def output_of_cargo_test(name, output):
    match = re.search(rf"^---- {re.escape(name)} .*?----\n(.*?)(?=^----|^failures:)", output, re.M | re.S)
    return match[1] if match else ""


def run_host_tests(tests, jobs, report):
    """Runs tests of tests/host/, so many at a time; those that run are ended with the runner."""
    running = set()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        try:
            for test in [pool.submit(run_host_test, test, running, report) for test in tests]:
                test.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            # In sessions of their own they hear of nothing that ends the runner, Ctrl-C or another signal.
            for process in list(running):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)


def run_host_test(test, running, report):
    """Runs one executable tests/host/NAME.sh; it is among those that run until it is over."""
    started = time.monotonic()
    process = subprocess.Popen(
        [test.path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        env={**os.environ, "COMSTAR_TOP": str(TOP)},
    )
    running.add(process)
    try:
        output, _ = process.communicate(timeout=test.limit)
        why = f"exit status {process.returncode}"
    except subprocess.TimeoutExpired:
        why = f"not done after {test.limit} s"
        os.killpg(process.pid, signal.SIGTERM)
        output, _ = process.communicate()
    running.discard(process)
    (LOGS / f"{test.name}.out").write_text(output, encoding="utf-8")
    if process.returncode == 0:
        report.ok(test.name, time.monotonic() - started)
    else:
        report.fail(test.name, why, output)
