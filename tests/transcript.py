#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Runs the commands of a transcript and compares what they print: `transcript.py FILE`.

    # A comment.
    $ stmfadm list-hg
    Host Group: web
    $ stmfadm delete-hg other
    stmfadm: other: no such host group
    [3]

Standard output and error are compared together; `[3]` is an exit status that is not 0.
In an expected line `…` stands for whatever is there, and alone in a line for any number
of lines.  All commands are run, also after a difference.
"""

import dataclasses
import difflib
import pathlib
import re
import subprocess
import sys


@dataclasses.dataclass
class Step:
    """A command and what it is expected to print."""

    line: int
    command: str
    expected: list[str] = dataclasses.field(default_factory=list)


def parse(text):
    """Reads the steps of a transcript."""
    steps = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("$ "):
            steps.append(Step(number, line[2:]))
        elif line.startswith("> "):
            steps[-1].command += "\n" + line[2:]
        elif steps and line and not line.startswith("#"):
            steps[-1].expected.append(line)
    return steps


def pattern(expected):
    """The regular expression that the output has to match."""
    parts = []
    for line in expected:
        if line == "…":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(r"[^\n]*".join(map(re.escape, line.split("…"))) + r"\n")
    return re.compile("".join(parts))


def run(step):
    """Runs a command; returns the lines that a transcript has of it."""
    done = subprocess.run(
        ["bash", "-c", step.command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    # Empty lines are there for readers only, as in transcripts.
    printed = [line for line in done.stdout.splitlines() if line]
    return printed + ([f"[{done.returncode}]"] if done.returncode else [])


def main():
    path = pathlib.Path(sys.argv[1])
    steps = parse(path.read_text(encoding="utf-8"))
    failed = 0
    for step in steps:
        printed = run(step)
        if pattern(step.expected).fullmatch("".join(line + "\n" for line in printed)):
            continue
        failed += 1
        print(f"{path.name}:{step.line}: $ {step.command}")
        for line in difflib.unified_diff(step.expected, printed, "expected", "printed", lineterm=""):
            print(f"    {line}")
    print(f"{len(steps)} commands, {failed} with other output than expected")
    return 1 if failed or not steps else 0


if __name__ == "__main__":
    sys.exit(main())
