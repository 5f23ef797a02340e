# SPDX-License-Identifier: GPL-2.0
"""The tests that are executable files, and where what they say is kept."""

import dataclasses
import os
import pathlib

TOP = pathlib.Path(__file__).resolve().parents[2]
LOGS = TOP / "build" / "tests"


@dataclasses.dataclass
class Test:
    """One executable NAME.sh, and what its header asks for."""

    name: str
    path: pathlib.Path
    options: str = ""
    own_boot: bool = False
    alone: bool = False
    limit: int = 120
    expected_log: str = ""
    transport: str = "iscsi"
    other_transports: tuple = ()

    @classmethod
    def read(cls, path):
        """Reads the header: the comment lines before the first command."""
        test = cls(path.stem, path)
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.startswith("#"):
                break
            key, _, value = line.lstrip("# ").partition(":")
            if key == "guest":
                test.options = value.strip()
            elif key == "own-boot":
                test.own_boot = True
            elif key == "alone":
                test.alone = True
            elif key == "time-limit":
                test.limit = int(value)
            elif key == "expect-log":
                test.expected_log = value.strip()
            elif key == "also-over":
                test.other_transports = tuple(value.split())
        return test

    def over(self, transport):
        """The same test over another transport; a test of its own."""
        return dataclasses.replace(self, name=f"{self.name}_{transport}", transport=transport)

    @property
    def boot(self):
        """What tests have in common that may run in one boot of a guest."""
        return self.options, self.name if self.own_boot else ""


def tests_in(folder):
    """Reads the headers of the tests of tests/FOLDER/, in the order of their names."""
    paths = sorted((TOP / "tests" / folder).glob("*.sh"))
    tests = [Test.read(path) for path in paths if os.access(path, os.X_OK)]
    return [each for test in tests for each in (test, *map(test.over, test.other_transports))]
