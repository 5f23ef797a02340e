#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A short table in which every pair of values of two parameters occurs.

`pairwise.py [--together NAME=VALUE:NAME=VALUE] NAME=VALUE,VALUE...`, once for each parameter, prints
a row of values a line, in the order of the parameters. Of two values that belong together none occurs
without the other: such as no authentication, and no algorithm for it.

The table is the same each time; with another `--seed` it may be shorter. It is checked before it is
printed, by looking for each pair.
"""

import argparse
import itertools
import random
import sys

CANDIDATES = 20


class Space:
    """Parameters, by name, with their values, and which values belong together."""

    def __init__(self, parameters, together):
        self.parameters, self.together = parameters, together

    def possible(self, some):
        """Whether there can be a row with these values, of some parameters."""
        for (name, value), (other, its_value) in self.together:
            if name in some and other in some:
                if (some[name] == value) != (some[other] == its_value):
                    return False
        return True

    def pairs(self):
        """All that a table has to have."""
        for (a, of_a), (b, of_b) in itertools.combinations(self.parameters.items(), 2):
            for x, y in itertools.product(of_a, of_b):
                if self.possible({a: x, b: y}):
                    yield (a, x), (b, y)

    def row(self, missing, dice):
        """A row with a pair that is missing, and with as many more as are easily found."""
        row = dict(dice.choice(sorted(missing)))
        rest = [name for name in self.parameters if name not in row]
        dice.shuffle(rest)
        for name in rest:
            values = [v for v in self.parameters[name] if self.possible({**row, name: v})]
            if not values:
                return None
            dice.shuffle(values)
            row[name] = max(values, key=lambda v: len(missing & set(pairs_of({**row, name: v}, self))))
        return row

    def table(self, seed):
        """Rows with all pairs."""
        dice, rows, missing = random.Random(seed), [], set(self.pairs())
        while missing:
            candidates = [self.row(missing, dice) for _ in range(CANDIDATES)]
            best = max(filter(None, candidates), key=lambda row: len(missing & set(pairs_of(row, self))))
            missing -= set(pairs_of(best, self))
            rows.append(best)
        return rows


def pairs_of(row, space):
    """The pairs of a row, in the order of the parameters."""
    return itertools.combinations([(n, row[n]) for n in space.parameters if n in row], 2)


def lacking(space, rows):
    """The pairs that no row has, and the rows that can't be."""
    found = [
        f"{a}={x} with {b}={y}"
        for (a, x), (b, y) in space.pairs()
        if not any(row[a] == x and row[b] == y for row in rows)
    ]
    return found + [f"impossible: {row}" for row in rows if not space.possible(row)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--together", action="append", default=[])
    parser.add_argument("parameters", nargs="+")
    args = parser.parse_args()
    parameters = {}
    for parameter in args.parameters:
        name, _, values = parameter.partition("=")
        parameters[name] = values.split(",")
    together = [tuple(tuple(v.split("=")) for v in both.split(":")) for both in args.together]
    space = Space(parameters, together)
    rows = space.table(args.seed)
    if wrong := lacking(space, rows):
        sys.exit("\n".join(wrong))
    for row in rows:
        print(*(row[name] for name in parameters))


if __name__ == "__main__":
    main()
