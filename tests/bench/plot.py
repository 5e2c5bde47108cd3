# SPDX-License-Identifier: Apache-2.0
"""The growth rows as a picture: one panel for each, the cost of an exec over how much there is, in SVG."""
import math
import re

PANELS = {"control-groups": "control groups", "processes": "processes", "pipelines": "pipelines"}
WIDTH, HEIGHT, LEFT, TOP, GAP = 260, 200, 50, 40, 40
COLOURS = {"agent": "#1f5fa8", "floor": "#9a9a9a"}


def points(figures):
    """{collector: [(how much there is, samples)]}"""
    found = {}
    for label, (samples, _) in figures.items():
        parts = re.match(r"(\d+) .*: (\w+)$", label)
        if not parts:
            continue  # a ratio
        n, name = parts.groups()
        found.setdefault(name, []).append((int(n), samples))
    return found


def middle(samples):
    ordered = sorted(samples)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


class Panel:
    """One pair of axes: a logarithmic one to the right, a linear one from 0 up."""

    def __init__(self, left, title, lines):
        self.left, self.title, self.lines = left, title, lines
        self.ticks = sorted({n for line in lines.values() for n, _ in line})
        top = max(max(samples) for line in lines.values() for _, samples in line)
        step = 10 ** math.floor(math.log10(top))
        self.step = next(s for s in (step / 5, step / 2, step, 2 * step) if top / s <= 6)
        self.top = math.ceil(top / self.step) * self.step

    def x(self, n):
        first, last = math.log(self.ticks[0]), math.log(self.ticks[-1])
        return self.left + (math.log(n) - first) / ((last - first) or 1) * WIDTH

    def y(self, value):
        return TOP + HEIGHT * (1 - value / self.top)

    def axes(self):
        yield f'<text x="{self.left + WIDTH / 2}" y="{TOP - 14}" text-anchor="middle">{self.title}</text>'
        for i in range(round(self.top / self.step) + 1):
            y = self.y(i * self.step)
            yield f'<line x1="{self.left}" y1="{y:.1f}" x2="{self.left + WIDTH}" y2="{y:.1f}" stroke="#ddd"/>'
            yield f'<text x="{self.left - 6}" y="{y + 4:.1f}" text-anchor="end">{i * self.step:g}</text>'
        for n in self.ticks:
            yield f'<text x="{self.x(n):.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{n:,}</text>'

    def curves(self):
        for name, line in self.lines.items():
            colour = COLOURS.get(name, "#333")
            path = " ".join(f"{self.x(n):.1f},{self.y(middle(samples)):.1f}" for n, samples in line)
            yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
            for n, samples in line:
                low, high = self.y(min(samples)), self.y(max(samples))
                yield f'<line x1="{self.x(n):.1f}" y1="{low:.1f}" x2="{self.x(n):.1f}" y2="{high:.1f}" ' \
                      f'stroke="{colour}"/>'
            n, samples = line[-1]
            yield f'<text x="{self.x(n) - 4:.1f}" y="{self.y(middle(samples)) - 8:.1f}" text-anchor="end" ' \
                  f'fill="{colour}">{name}</text>'


def draw(rows):
    """The picture, or None where no growth was measured."""
    panels = []
    for row, title in PANELS.items():
        if row in rows:
            panels.append(Panel(LEFT + len(panels) * (WIDTH + LEFT + GAP), title, points(rows[row]["figures"])))
    if not panels:
        return None
    width = panels[-1].left + WIDTH + GAP
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{TOP + HEIGHT + 40}" '
             'font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="4" y="{TOP - 14}">us</text>']
    for panel in panels:
        lines += [*panel.axes(), *panel.curves()]
    return "\n".join([*lines, "</svg>"]) + "\n"
