#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Runs every test that libiscsi's iscsi-test-cu knows, and accounts for each:
`conformance.py --logs DIR [--without PATTERNS] [--peer KIND]... KIND...`, KIND being
NAME=URL[,URL][@PATTERN[,PATTERN]]. A local disk has its generic SCSI device for a URL.

A kind is a logical unit of some nature, on a target of its own: its tests run in
their order, those of several kinds at the same time. PATTERN is SUITE or
SUITE.TEST, -SUITE.TEST one that doesn't run; without any but such all others run.

A test is *passed* on a kind when it has done all it wanted, *partly* passed when
it left out no more than what the disk lacks (LACKING), *skipped* when it says
that it left something out, *failed* when an assertion didn't hold or it never
ended. None may fail on any kind, and each must pass on one, but for those in
EXCUSED, and for what the tool does over iSCSI alone where all disks are local. What
becomes of them on the disks of a peer, another target, is printed in one column more,
and not judged. --without: tests that aren't looked at.
"""

import argparse
import collections
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import time

TOOL = ["iscsi-test-cu", "--dataloss", "--allow-sanitize"]
LIMIT = 400  # Seconds for one run of the tool.
PEERS_LIMIT = 60  # The same against a peer, where some tests don't end.

# Features that no disk here has, by what the tool says when it leaves them out.
LACKING = {
    "SANITIZE CRYPTO_ERASE is not implemented": "cryptographic erase: nothing is encrypted",
}

# Pass nowhere, for a reason that is no fault of the target's: what they say when they leave something
# out or fail, and the reason. When they say anything else they aren't excused.
EXCUSED = {
    "Sanitize.CryptoErase": (
        "SANITIZE CRYPTO_ERASE is not implemented",
        "cryptographic erase: nothing is encrypted",
    ),
}

# What the tool says of a local disk when it leaves something out that needs an iSCSI session.
ISCSI_ALONE = re.compile("only supported for iSCSI|Non-iSCSI")

PASSED, PARTLY, SKIPPED, FAILED = "passed", "partly", "skipped", "FAILED"
EXCUSE, ELSEWHERE = "excused", "over iSCSI alone"
SIGNS = {PASSED: "+", PARTLY: "~", SKIPPED: "s", EXCUSE: "x", ELSEWHERE: "i", FAILED: "F", None: "."}
LEGEND = "+ passed, ~ but for what is lacking, s skipped, x excused, i over iSCSI alone, F failed, . not run"


def matches(test, pattern):
    """Whether a pattern of ours names a test."""
    suite = pattern.removesuffix(".*")
    return test == pattern or test.split(".")[0] == suite


def known_tests():
    """All tests of the tool, SUITE.TEST, each once."""
    listed = subprocess.run([*TOOL, "--list"], stdout=subprocess.PIPE, text=True, check=True)
    names = re.findall(r"^\w+\.(\w+\.[\w-]+)$", listed.stdout, re.M)
    return list(dict.fromkeys(names))


def run_tool(urls, name, log, limit):
    """Runs a suite or a test; returns what it printed. Without an end it ends here."""
    with open(log, "w", encoding="utf-8", errors="replace") as out:
        try:
            subprocess.run(
                [*TOOL, f"--test=ALL.{name}", *urls],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            pass
    return pathlib.Path(log).read_text(encoding="utf-8", errors="replace")


def verdicts(output):
    """What became of each test in the tool's output, and its part of the output."""
    found = {}
    for suite in re.split(r"^Suite: ", output, flags=re.M)[1:]:
        name = suite.split("\n", 1)[0].strip()
        for test in re.split(r"^  Test: ", suite, flags=re.M)[1:]:
            case, _, text = test.partition(" ...")
            text = text.split("\nRun Summary:")[0]
            test = f"{name}.{case}"
            found[test] = (verdict(test, text), text)
    return found


def verdict(test, text):
    """What became of a test that printed this."""
    complaints = [line for line in text.splitlines() if re.search(r"\[(SKIPPED|FAILED)\]", line)]
    # What it does when all is said stands behind the verdict.
    failed = re.search(r"^FAILED", text, re.M)
    ended = failed or re.search(r"^passed", text, re.M)
    if ended and complaints and test in EXCUSED:
        says, _ = EXCUSED[test]
        if all(says in line for line in complaints) and asserts(text) in (0, len(complaints)):
            return EXCUSE
    if failed or not ended:
        return FAILED
    left_out = [line for line in complaints if "[SKIPPED]" in line]
    if not left_out:
        return PASSED
    if all(map(ISCSI_ALONE.search, left_out)):
        return ELSEWHERE
    lacking = all(any(what in line for what in LACKING) for line in left_out)
    return PARTLY if lacking else SKIPPED


def asserts(text):
    """How many assertions didn't hold."""
    return len(re.findall(r"^    \d+\. ", text, re.M))


class Kind:
    """A logical unit, and what became of the tests on it."""

    def __init__(self, argument, is_peer=False):
        self.name, _, rest = argument.partition("=")
        urls, _, patterns = rest.partition("@")
        self.urls = urls.split(",")
        self.is_peer = is_peer
        self.limit = PEERS_LIMIT if is_peer else LIMIT
        self.patterns = [pattern for pattern in patterns.split(",") if pattern]
        self.verdicts = {}
        self.texts = {}

    def wants(self, test):
        """Whether a test is to run here."""
        unwanted = [pattern[1:] for pattern in self.patterns if pattern[0] == "-"]
        wanted = [pattern for pattern in self.patterns if pattern[0] != "-"]
        return not any(matches(test, pattern) for pattern in unwanted) and (
            not wanted or any(matches(test, pattern) for pattern in wanted)
        )

    def runs(self, known):
        """The tests that are to run, by the suite or test that the tool is called with."""
        suites = {}
        for test in known:
            suites.setdefault(test.split(".")[0], []).append(test)
        for suite, tests in suites.items():
            wanted = list(filter(self.wants, tests))
            if wanted == tests:
                yield suite, tests
            else:
                yield from ((test, [test]) for test in wanted)

    def run(self, known, logs):
        """Runs what is to run here. What the tool didn't come to has failed."""
        start = time.monotonic()
        for name, tests in self.runs(known):
            before = time.monotonic()
            log = logs / f"{self.name}.{name}.log"
            found = verdicts(run_tool(self.urls, name, log, self.limit))
            for test in tests:
                self.verdicts[test], self.texts[test] = found.get(
                    test, (FAILED, "it didn't run\n")
                )
            self.show(name, tests, time.monotonic() - before)
        seconds = time.monotonic() - start
        print(f"{self.name}: {len(self.verdicts)} tests in {seconds:.0f} s", flush=True)

    def show(self, name, tests, seconds):
        """Prints what became of some tests, and why."""
        signs = "".join(SIGNS[self.verdicts[test]] for test in tests)
        failures = [
            f"-- {test} on {self.name}\n{self.texts[test][:2000]}\n"
            for test in tests
            if self.verdicts[test] == FAILED and not self.is_peer
        ]
        print(f"{self.name}: {name} {signs} {seconds:.0f} s\n{''.join(failures)}", end="", flush=True)


def overall(test, columns):
    """How a test counts: by the worst of its failures, or by the best."""
    seen = {column.get(test) for column in columns}
    for worst_or_best in (FAILED, PASSED, PARTLY, EXCUSE, ELSEWHERE, SKIPPED):
        if worst_or_best in seen:
            return worst_or_best
    return None


def count(what, known, columns):
    """Prints how many tests passed and so on."""
    tally = collections.Counter(overall(test, columns) or SKIPPED for test in known)
    print(f"NOTE: {what}: of {len(known)} tests {tally[PASSED]} passed, {tally[PARTLY]} but for what", end=" ")
    print(f"is lacking, {tally[EXCUSE]} excused, {tally[SKIPPED]} skipped, {tally[FAILED]} failed", end="")
    print(f", {tally[ELSEWHERE]} are about iSCSI alone" if tally[ELSEWHERE] else "")


def judge(known, kinds):
    """What is wrong, a sentence each."""
    columns = [kind.verdicts for kind in kinds]
    wrong = []
    for test in known:
        result = overall(test, columns)
        passed = result in (PASSED, PARTLY)
        if result == FAILED:
            wrong.append(f"{test}: failed; it says: {'; '.join(why_failed(test, kinds))}")
        elif passed and test in EXCUSED:
            wrong.append(f"{test}: passed; it needs no excuse")
        elif not passed and result not in (EXCUSE, ELSEWHERE):
            wrong.append(f"{test}: passed nowhere; it says: {'; '.join(why_skipped(test, kinds))}")
    print(f"lacking: {'; '.join(LACKING.values())}")
    for test, (_, why) in EXCUSED.items():
        print(f"excused: {test}: {why}")
    return wrong


def why_skipped(test, kinds):
    """What a test says of what it left out."""
    for kind in kinds:
        for line in kind.texts.get(test, "").splitlines():
            if "[SKIPPED]" in line:
                yield f"on {kind.name}: {line.strip()}"


def why_failed(test, kinds):
    """What a test says of where it failed."""
    for kind in kinds:
        if kind.verdicts.get(test) == FAILED:
            yield f"on {kind.name}: {' / '.join(kind.texts[test].split(chr(10)))[:400].strip()}"


def print_table(known, columns):
    """One line for each test, one column for each kind."""
    width = max(map(len, known))
    print(f"\n{LEGEND}\n\n{'':{width}}  {'  '.join(columns)}")
    for test in known:
        signs = "  ".join(f"{SIGNS[seen.get(test)]:{len(name)}}" for name, seen in columns.items())
        print(f"{test:{width}}  {signs.rstrip()}")
    print()


def run_all(kinds, known, logs):
    """Runs what is to run on each kind, all kinds at the same time."""
    with concurrent.futures.ThreadPoolExecutor(len(kinds)) as pool:
        list(pool.map(lambda kind: kind.run(known, logs), kinds))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--logs", type=pathlib.Path, required=True, help="where the output goes")
    parser.add_argument("--without", default="", metavar="PATTERNS")
    parser.add_argument("--peer", action="append", default=[], metavar="KIND")
    parser.add_argument("kinds", nargs="+", type=Kind, metavar="NAME=URL[,URL][@PATTERNS]")
    args = parser.parse_args()

    without = [pattern for pattern in args.without.split(",") if pattern]
    known = known_tests()
    for kind in args.kinds:
        kind.patterns += [f"-{pattern}" for pattern in without]
    run_all(args.kinds, known, args.logs)
    known = [test for test in known if not any(matches(test, pattern) for pattern in without)]
    columns = {kind.name: kind.verdicts for kind in args.kinds}
    beside = {}
    if args.peer:
        peers = [Kind(argument, is_peer=True) for argument in args.peer]
        run_all(peers, known, args.logs)
        verdicts_of_peer = [kind.verdicts for kind in peers]
        beside = {"(LIO)": {test: overall(test, verdicts_of_peer) for test in known}}

    print_table(known, columns | beside)
    wrong = judge(known, args.kinds)
    count("here", known, columns.values())
    if beside:
        count("LIO beside it", known, beside.values())
    for sentence in wrong:
        print(f"FAIL: {sentence}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
