# SPDX-License-Identifier: GPL-2.0
"""The crates that Kbuild compiles, and the commands it compiled them with."""

import pathlib
import re
import shlex

TOP = pathlib.Path(__file__).resolve().parent.parent.parent


class Crate:
    """A crate of Kbuild's, built before."""

    def __init__(self, root):
        self.root = TOP / f"{root}.rs"
        saved = (self.root.parent / f".{self.root.stem}.o.cmd").read_text(encoding="utf-8")
        words = shlex.split(saved.splitlines()[0].partition(":=")[2].partition(";")[0])
        start = next(i for i, word in enumerate(words) if word.endswith("/rustc"))
        self.environment = dict(word.split("=", 1) for word in words[:start])
        self.arguments = words[start + 1 :]
        self.name = self.values("--crate-name")[0]

    def values(self, option):
        """Returns what follows each `option` on the command line."""
        pairs = zip(self.arguments, self.arguments[1:])
        return [value for word, value in pairs if word == option]


def crates():
    """Returns all crates, those that others use first."""
    text = (TOP / "Kbuild").read_text(encoding="utf-8")
    roots = re.findall(r"call crate,([^,$]+),", text)
    return [Crate(root) for root in roots if (TOP / f"{root}.rs").exists()]
