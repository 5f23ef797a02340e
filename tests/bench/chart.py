# SPDX-License-Identifier: GPL-2.0
"""Draws plots as SVG, with nothing but text."""

import html
import statistics

WIDTH, LEFT, RIGHT = 860, 170, 70
BAR, GAP, TOP = 13, 16, 40
COLOURS = ["#9aa5b1", "#c2410c", "#c9d1d9", "#0f766e"]


def text(x, y, words, anchor="start", size=12):
    """A line of text."""
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}">'
        f"{html.escape(words)}</text>"
    )


def bars(cells, sides):
    """Instructions per I/O as bars: a group for each load, scaled to the dearest of the group."""
    body, y = [], TOP
    for place, side in enumerate(sides):
        x = LEFT + place * 150
        body.append(f'<rect x="{x}" y="12" width="11" height="11" fill="{COLOURS[place]}"/>')
        body.append(text(x + 16, 22, side))
    for name, row in cells.items():
        shown = [(place, side) for place, side in enumerate(sides) if side in row]
        if not shown:
            continue
        most = max(statistics.mean(row[side]) for _, side in shown)
        middle = y + BAR * len(shown) / 2 + 4
        body.append(text(LEFT - 10, middle, name, "end"))
        for place, side in shown:
            value = statistics.mean(row[side])
            length = (WIDTH - LEFT - RIGHT) * value / most
            body.append(
                f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 2}" '
                f'fill="{COLOURS[place]}"/>'
            )
            body.append(text(LEFT + length + 5, y + BAR - 3, f"{value / 1000:,.1f} k", size=10))
            y += BAR
        y += GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" '
        f'font-family="sans-serif">\n<rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )
