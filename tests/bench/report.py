# SPDX-License-Identifier: GPL-2.0
"""Turns what was measured into Documentation/performance/: tables and a plot."""

import collections
import statistics

import chart
import flame

AGREE = 0.02  # Repeats must be this near to each other.
PEERS = {"our iSCSI": "LIO iSCSI", "our loopback": "LIO loop"}
# The most that ours may cost, as a share of LIO's.
GOALS = {
    "our iSCSI": {
        "4k randread qd1": 0.78,
        "4k randread qd32": 0.68,
        "4k randwrite qd32": 0.75,
        "8k 70/30 qd16": 0.72,
        "128k read qd8": 0.32,
        "128k write qd8": 0.75,
    },
    "our loopback": {
        "4k randread qd1": 0.78,
        "4k randread qd32": 0.78,
        "4k randwrite qd32": 0.78,
        "8k 70/30 qd16": 0.78,
        "128k read qd8": 1.0,
        "128k write qd8": 1.0,
    },
}
# The same of the time that 99 % of all I/O takes at most.
P99_GOALS = {"4k randread qd32": 1.0, "4k randwrite qd32": 1.0}
FUNCTIONS = 16  # As many of each side are listed.
MODULE = 20  # A module is listed if it executes as many instructions per I/O, on the average of the sides.
NOTE = "<!-- Written by `make bench`; don't edit. -->"


def table(head, rows):
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def conditions(results):
    """One line that says how the figures came about."""
    said = results["conditions"]
    return (
        f"{said['day']}, kernel {said['kernel']}, {cpus_of(said['CPUs'])}, {said['seconds']:g} s "
        f"for each run, {said['repeats']} runs of each."
    )


def cpus_of(count):
    """A number of CPUs."""
    return f"{count} CPU" + "s" * (int(count) > 1)


def sides_of(cells):
    """The sides that were measured, in the order of their first appearance."""
    return list(dict.fromkeys(side for row in cells.values() for side in row))


def per_io(results):
    """Instructions per I/O: a table, and what to doubt in it."""
    cells = results["cells"]
    sides = sides_of(cells)
    doubts, rows = [], []
    for name, row in cells.items():
        line = [name]
        for side in sides:
            runs = row.get(side)
            line.append(f"{statistics.mean(runs) / 1000:,.1f}" if runs else "")
            if runs and max(runs) / min(runs) - 1 > AGREE:
                spread = (max(runs) / min(runs) - 1) * 100
                doubts.append(f"{name}, {side}: the runs differ by {spread:.1f} %.")
        rows.append(line)
    lines = table(["thousand instructions", *sides], rows) + [""]
    if doubts:
        return lines + ["Not to be relied on:", ""] + [f"* {doubt}" for doubt in doubts]
    return lines + [f"All runs of a figure agree within {AGREE * 100:g} %."]


def ratios(cells, goals, value):
    """Ours as a share of LIO's, beside the goal; `value` makes a number of a cell."""
    measured = [side for side in PEERS if any(side in row for row in cells.values())]
    rows = []
    for name, row in cells.items():
        line = [name]
        for side in measured:
            if side in row and PEERS[side] in row:
                ratio = value(row[side]) / value(row[PEERS[side]])
                goal = goals[side].get(name)
                mark = "" if goal is None or ratio <= goal else " missed"
                line += [f"{ratio:.2f}", f"{goal:.2f}{mark}" if goal else ""]
            else:
                line += ["", ""]
        if any(line[1:]):
            rows.append(line)
    head = [word for side in measured for word in (f"{side} / {PEERS[side]}", "goal")]
    return table(["load", *head], rows)


def set_up(settings):
    """How the sides were set up."""
    return table(["what", "settings"], [[what, said] for what, said in settings.items()])


def latencies(results):
    """Rates, latencies, switches and calls per I/O with several CPUs."""
    columns = {
        "iops": ("I/O per s", "{:,.0f}"),
        "p50": ("p50 µs", "{:,.0f}"),
        "p99": ("p99 µs", "{:,.0f}"),
        "p99.9": ("p99.9 µs", "{:,.0f}"),
        "switches": ("context switches per I/O", "{:.2f}"),
        "sends": ("sends per I/O", "{:.2f}"),
        "receives": ("receives per I/O", "{:.2f}"),
    }
    rows = []
    for name, row in results["cells"].items():
        for side, values in row.items():
            cells = [
                form.format(values[key]) if key in values else "" for key, (_, form) in columns.items()
            ]
            rows.append([name, side, *cells])
    return table(["load", "side", *(title for title, _ in columns.values())], rows)


def growth(results):
    """Rates with one CPU, and what several make of them."""
    counts = [str(n) for n in range(1, results["conditions"]["CPUs"] + 1)]
    rows = []
    for name, row in results["cells"].items():
        for side, runs in row.items():
            rates = [statistics.median(runs[count]) for count in counts]
            cells = [f"{rates[0]:,.0f}"]
            cells += [f"{rate:,.0f} ({rate / rates[0]:.2f})" for rate in rates[1:]]
            rows.append([name, side, *cells])
    return table(["load", "side", *(f"I/O per s, {cpus_of(count)}" for count in counts)], rows)


def by_module(row):
    """Where the instructions go: the modules, those that cost most first."""
    sums = collections.Counter()
    for cell in row.values():
        sums.update(cell["modules"])
    rows = [
        [module, *(whole(cell["modules"].get(module, 0)) for cell in row.values())]
        for module, count in sums.most_common()
        if count >= MODULE * len(row)
    ]
    return table(["module", *row], rows)


def by_function(row):
    """Where the instructions go: the functions that cost most themselves, of each side."""
    rows = []
    for side, cell in row.items():
        within, samples = collections.Counter(), 0
        for *stack, count in cell["stacks"]:
            samples += count
            within.update(dict.fromkeys(stack[1:], count))
        for name, count in list(cell["functions"].items())[:FUNCTIONS]:
            calls = within[name] * cell["per_io"] / samples
            rows.append([side, f"`{name}`", whole(count), whole(calls)])
    return table(["side", "function", "by itself", "with what it calls"], rows)


def whole(count):
    """A number of instructions for people."""
    return f"{count:,.0f}" if count >= 1 else ""


def write_profiles(home, results):
    """Writes profile.md, and a flame graph for each load and side of ours and its peer."""
    lines = [NOTE, "# Where the instructions go", "", conditions(results)]
    lines += ["Instructions per I/O: all are counted, but *with what it calls* and the pictures, which are"]
    lines += ["of samples and rough. `[user]` is fio. `README.md` tells more.", ""]
    pictures = home / "profile"
    pictures.mkdir(exist_ok=True)
    for load, row in results["cells"].items():
        lines += [f"## {load}", ""]
        for side, cell in row.items():
            name = f"{load} {side}".replace("/", "-").replace(" ", "-") + ".svg"
            title = f"{load}, {side}: {cell['per_io']:,.0f} instructions per I/O"
            picture = flame.draw(title, cell["stacks"], cell["per_io"])
            (pictures / name).write_text(picture, encoding="utf-8")
            lines.append(f"* [{title}](profile/{name})")
        lines += [""] + by_module(row) + [""] + by_function(row) + [""]
    (home / "profile.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def amount(count):
    """A number of bytes for people."""
    return f"{count / 1024:,.1f} KiB"


def scale(results):
    """What it takes to manage so many logical units: ours, then LIO's."""
    head = ["", "logical units", "one more", "list", "list one", "take all away", "restore all"]
    head += ["memory each"]
    rows = []
    for side in ("ours", "LIO"):
        for count, row in results[side].items():
            times = [row.get(key) for key in ("one more", "list", "list of one", "delete", "restore")]
            cells = ["" if time is None else duration(time) for time in times]
            each = row["bytes each"]
            rows.append([side, f"{int(count):,}", *cells, amount(each) if int(count) > 100 else ""])
    counts = [int(count) for count in results["ours"]]
    first, last = (results["ours"][str(count)]["one more"] for count in (min(counts), max(counts)))
    said = f"Of {max(counts):,}, the last one takes {last / first:.2f} times as long as the first ones."
    return table(head, rows) + ["", said]


def duration(seconds):
    """A time for people."""
    return f"{seconds * 1000:,.1f} ms" if seconds < 1 else f"{seconds:,.1f} s"


def write_scale(home, results):
    """Writes scale.md."""
    lines = [NOTE.replace("make bench", "make bench-control"), "# Many logical units", ""]
    lines += [f"Kernel {results['conditions']['kernel']}, one CPU whose clock counts instructions, one a"]
    lines += ["nanosecond; waiting counts, too. `README.md` says what was done.", ""]
    (home / "scale.md").write_text("\n".join(lines + scale(results)) + "\n", encoding="utf-8")


def write(home, found):
    """Writes results.md and the plot into a directory."""
    lines = [NOTE, "# Measured", "", "`README.md` says how to read this.", ""]
    if results := found.get("instructions"):
        cells = results["cells"]
        lines += ["## Instructions per I/O, end to end", "", conditions(results)]
        lines += ["The guest's clock counts instructions: one a nanosecond.", ""]
        lines += ["![instructions per I/O](instructions.svg)", ""]
        lines += per_io(results) + [""]
        lines += ["### Ours as a share of LIO's", ""] + ratios(cells, GOALS, statistics.mean) + [""]
        lines += ["### How they were set up", ""] + set_up(results["settings"]) + [""]
        sides = [side for side in ("LIO iSCSI", "our iSCSI", "LIO loop", "our loopback")]
        (home / "instructions.svg").write_text(
            chart.bars(cells, [side for side in sides if side in sides_of(cells)]),
            encoding="utf-8",
        )
    if results := found.get("profile"):
        write_profiles(home, results)
    if (home / "profile.md").exists():
        lines += ["`profile.md` tells where the instructions go.", ""]
    if results := found.get("concurrency"):
        lines += ["## Several CPUs", "", conditions(results)]
        lines += ["Medians of the runs, the sides taking turns. The guest is emulated: compare"]
        lines += ["sides, don't take the figures for those of a machine.", ""]
        lines += latencies(results) + [""]
        p99_goals = dict.fromkeys(PEERS, P99_GOALS)
        lines += ["### Our 99th percentile as a share of LIO's", ""]
        lines += ratios(results["cells"], p99_goals, lambda cell: cell["p99"]) + [""]
    if results := found.get("scaling"):
        lines += ["## From one CPU to several", "", conditions(results)]
        lines += ["Medians of the runs, a boot for each number of CPUs, up to the one above. In parentheses"]
        lines += ["the rate as a share of that with one CPU, which the initiator and fio share.", ""]
        lines += growth(results) + [""]
    if results := found.get("memory"):
        said = results["conditions"]
        lines += ["## Memory", "", f"{said['day']}, kernel {said['kernel']}.", ""]
        rows = [[what, amount(count)] for what, count in results["bytes"].items()]
        lines += table(["what", "takes"], rows) + [""]
    if results := found.get("control"):
        write_scale(home, results)
    if (home / "scale.md").exists():
        lines += ["`scale.md` tells what it takes to manage many logical units.", ""]
    (home / "results.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
