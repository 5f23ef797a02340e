# SPDX-License-Identifier: GPL-2.0
"""What is printed of the tests."""

import threading

from .tried import keep


def last_words(output):
    """The step that a test ended in, and why: the first line in it that says so, or the last one."""
    lines = output.splitlines()
    steps = [number for number, line in enumerate(lines) if line.startswith("== ")]
    heading, words = (lines[steps[-1]][3:], lines[steps[-1] + 1:]) if steps else ("", lines)
    reasons = [line for line in words if line.startswith("FAIL: ")]
    return "".join(f"\n  {line}" for line in (heading, *(reasons[:1] or words[-1:])) if line)


class Report:
    """Prints what became of each test, from any thread, and counts."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.passed = self.failed = self.skipped = 0
        self.lock = threading.Lock()

    def ok(self, name, seconds, output=""):
        with self.lock:
            self.passed += 1
            print(f"ok {name} ({seconds:.0f} s)")
            keep(name, self.kernel, output)
            for line in output.splitlines():
                if line.startswith("NOTE: "):
                    print(f"  | {line[6:]}")
            print(end="", flush=True)

    def skip(self, name, why):
        with self.lock:
            self.skipped += 1
            print(f"skipped {name}: {why}", flush=True)

    def again(self, name, why, output):
        with self.lock:
            print(f"again {name}: {why}{last_words(output)}", flush=True)

    def fail(self, name, why, output="", kernel_log=""):
        with self.lock:
            self.failed += 1
            print(f"FAILED {name}: {why}{last_words(output)}")
            for title, text in (("output", output), ("kernel log", kernel_log)):
                lines = text.splitlines()[-40:]
                if lines:
                    print(f"  -- the end of its {title}:")
                    print("\n".join("  | " + line for line in lines))
            print(end="", flush=True)

    def cargo_ok(self, count, seconds):
        with self.lock:
            self.passed += count
            print(f"ok {count} cargo tests ({seconds:.0f} s)", flush=True)

    def close(self):
        """Prints the closing line; nothing else may stand on it."""
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"{self.passed} passed, {self.failed} failed{skipped}", flush=True)
        return 1 if self.failed or not self.passed else 0
