"""A plot as inline SVG: bars beside their labels, or lines over days. No script, nothing from outside."""

from html import escape
from math import ceil, floor, log10

from edge.campaign.reports.table import Plot

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 900, 300, 70, 130, 20, 50  # px
BAR, LABEL = 22, 190  # px: height of a bar with its gap, width of the labels
SMALLEST = 1e-6  # top of an axis
COLOURS = ("#1f5fa8", "#c2571a", "#2e7d32", "#6a3d9a")


def svg(plot: Plot) -> str:
    """Draw a plot; an empty one is nothing."""
    if not plot.labels or not plot.series:
        return ""
    return _bars(plot) if plot.bars else _lines(plot)


def _frame(width: float, height: float, title: str, body: list[str]) -> str:
    name = f"<title>{escape(title)}</title>"
    return f'<svg viewBox="0 0 {width:g} {height:g}" role="img">{name}{"".join(body)}</svg>'


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _bars(plot: Plot) -> str:
    (values,) = plot.series.values()
    top = max([*values, 0.0]) or 1.0
    body = []
    for row, (label, value) in enumerate(zip(plot.labels, values, strict=True)):
        y, length = row * BAR + 4, (WIDTH - LABEL - 90) * max(value, 0.0) / top
        body.append(_text(LABEL - 8, y + 13, label, "end"))
        body.append(
            f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR - 6}" fill="{COLOURS[0]}"/>'
        )
        body.append(_text(LABEL + length + 6, y + 13, f"{value:,.1f}".removesuffix(".0")))
    return _frame(WIDTH, len(values) * BAR + 8, plot.title, body)


def ticks(top: float) -> list[float]:
    """Return round values from 0 to at least `top`, four to eleven of them."""
    top = max(top, SMALLEST)
    step = 10.0 ** floor(log10(top))
    step = step / 5 if top / step < 2 else step / 2 if top / step < 5 else step
    return [step * n for n in range(ceil(top / step) + 1)]


def _lines(plot: Plot) -> str:
    values = [value for series in plot.series.values() for value in series]
    marks = ticks(max([*values, 1.0]))
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    last = max(len(plot.labels) - 1, 1)
    body = []
    for mark in marks:
        y = TOP + high * (1 - mark / marks[-1])
        body.append(f'<line x1="{LEFT}" x2="{LEFT + wide}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        body.append(
            _text(LEFT - 6, y + 4, f"{mark:,g}" if mark < 1 else f"{mark:,.1f}".removesuffix(".0"), "end")
        )
    for index in sorted({0, last // 2, len(plot.labels) - 1}):
        body.append(_text(LEFT + wide * index / last, HEIGHT - BOTTOM + 20, plot.labels[index], "middle"))
    for colour, (name, series) in zip(COLOURS, plot.series.items(), strict=False):
        points = [(LEFT + wide * i / last, TOP + high * (1 - v / marks[-1])) for i, v in enumerate(series)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        x, y = points[-1]
        body.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
        body.append(f'<g fill="{colour}">{_text(x + 8, y + 4, name)}</g>')
    return _frame(WIDTH, HEIGHT, plot.title, body)
