# SPDX-License-Identifier: GPL-2.0
"""The tests that run on this machine: those of the cargo workspace, and those of tests/host/."""

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


def run_host_test(test, report):
    """Runs one executable tests/host/NAME.sh."""
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
    try:
        output, _ = process.communicate(timeout=test.limit)
        why = f"exit status {process.returncode}"
    except subprocess.TimeoutExpired:
        why = f"not done after {test.limit} s"
    finally:
        # In a session of its own it hears of nothing that ends the runner, Ctrl-C or another signal.
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGTERM)
            output, _ = process.communicate()
    (LOGS / f"{test.name}.out").write_text(output, encoding="utf-8")
    if process.returncode == 0:
        report.ok(test.name, time.monotonic() - started)
    else:
        report.fail(test.name, why, output)
