# SPDX-License-Identifier: GPL-2.0
"""Draws a flame graph as SVG, with nothing but text."""

import html

WIDTH, HEIGHT, TOP = 1200, 15, 30
# What is narrower than this many pixels is left out.
NARROW = 1
COLOURS = ("#e8a33d", "#e07b39", "#d9903f", "#c96a3a", "#eab65a")
OURS, USER = "#0f766e", "#9aa5b1"


def tree(stacks):
    """[count, {name: subtree}] of stacks that each end with a count."""
    root = [0, {}]
    for *names, count in stacks:
        node = root
        node[0] += count
        for name in names:
            node = node[1].setdefault(name, [0, {}])
            node[0] += count
    return root


def depth(node):
    """How many rows a tree takes."""
    return 1 + max(map(depth, node[1].values()), default=0)


def colour(name):
    """Ours, a program's, and the kernel's in several shades."""
    if "::" in name:
        return OURS
    if name == "[user]":
        return USER
    return COLOURS[sum(name.encode()) % len(COLOURS)]


def box(name, count, place, per_sample):
    """One function: a box that tells its share, with its name if that fits."""
    x, y, width = place
    title = html.escape(f"{name}: {count * per_sample:,.0f} instructions per I/O")
    lines = [
        f'<g><title>{title}</title><rect x="{x:.1f}" y="{y}" width="{width:.1f}" '
        f'height="{HEIGHT - 1}" fill="{colour(name)}"/>'
    ]
    room = int(width / 6.5)
    if room > 2:
        words = name if len(name) <= room else name[: room - 1] + "…"
        lines.append(f'<text x="{x + 2:.1f}" y="{y + 11}">{html.escape(words)}</text>')
    return "".join(lines) + "</g>"


def draw(title, stacks, per_io):
    """The flame graph of stacks whose samples make up so many instructions per I/O."""
    root = tree(stacks)
    per_sample = per_io / max(1, root[0])
    height = TOP + HEIGHT * depth(root)
    body = []

    def put(node, x, row):
        for name, child in sorted(node[1].items()):
            width = child[0] * WIDTH / root[0]
            if width >= NARROW:
                place = (x, height - HEIGHT * (row + 1), width)
                body.append(box(name, child[0], place, per_sample))
                put(child, x, row + 1)
            x += width

    put(root, 0, 0)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="10">\n'
        '<rect width="100%" height="100%" fill="white"/>\n'
        f'<text x="4" y="18" font-size="13">{html.escape(title)}</text>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )
