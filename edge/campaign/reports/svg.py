"""A plot as inline SVG: bars beside their labels, or lines over days. No script, nothing from outside."""

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10

from edge.campaign.reports.table import Plot

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 900, 300, 70, 150, 20, 50  # px
BAR, NUMBER = 22, 90  # px: height of a bar with its gap, room for its number
LETTER, LINE = 7.5, 15  # px: width of most letters at most, and between two lines of text
LONGEST_LABEL, LAST_LETTERS = 48, 18  # letters, and those of them that are the last of a longer name
SMALLEST = 1e-6  # top of an axis
COLOURS = ("#1f5fa8", "#c2571a", "#2e7d32", "#6a3d9a", "#8c6d1f")
MARK, MARK_LINES = "#b00020", 6  # the colour of deadlines, and lines of text for their words


def svg(plot: Plot) -> str:
    """Draw a plot; an empty one is nothing."""
    if plot.empty:
        return ""
    return _bars(plot) if plot.bars else _lines(plot)


def _frame(width: float, height: float, title: str, body: list[str]) -> str:
    name = f"<title>{escape(title)}</title>"
    return f'<svg viewBox="0 0 {width:g} {height:g}" role="img">{name}{"".join(body)}</svg>'


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _cut(words: str) -> str:
    """Shorten a label in its middle: its end is the code that tells it from others."""
    if len(words) <= LONGEST_LABEL:
        return words
    return f"{words[: LONGEST_LABEL - LAST_LETTERS - 1].rstrip()}…{words[-LAST_LETTERS:].lstrip()}"


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def _bars(plot: Plot) -> str:
    """Draw a bar for each label; several series stand behind each other in it, and are named above."""
    rows = [[max(value or 0.0, 0.0) for value in row] for row in zip(*plot.series.values(), strict=True)]
    top = max(map(sum, rows)) or 1.0
    labels = [_cut(label) for label in plot.labels]
    left = max(LETTER * max(map(len, labels)) + 12, 80)
    body, above = [], 4.0
    if len(plot.series) > 1:
        x = left
        for colour, name in zip(COLOURS, plot.series, strict=False):
            body += [_rect(x, above, 12, 12, colour), _text(x + 17, above + 11, name)]
            x += 17 + LETTER * len(name) + 20
        above += BAR
    for place, (label, row) in enumerate(zip(labels, rows, strict=True)):
        y, x = above + place * BAR, left
        body.append(_text(left - 8, y + 13, label, "end"))
        for colour, value in zip(COLOURS, row, strict=False):
            length = (WIDTH - left - NUMBER) * value / top
            body.append(_rect(x, y, length, BAR - 6, colour))
            x += length
        body.append(_text(x + 6, y + 13, f"{sum(row):,.1f}".removesuffix(".0")))
    return _frame(WIDTH, above + len(rows) * BAR + 4, plot.title, body)


def ticks(top: float) -> list[float]:
    """Return round values from 0 to at least `top`, four to eleven of them."""
    top = max(top, SMALLEST)
    step = 10.0 ** floor(log10(top))
    step = step / 5 if top / step < 2 else step / 2 if top / step < 5 else step
    return [step * n for n in range(ceil(top / step) + 1)]


def _lines(plot: Plot) -> str:
    values = [value for series in plot.series.values() for value in series if value is not None]
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
    body += _marks(plot, last)
    ends = []
    for colour, (name, series) in zip(COLOURS, plot.series.items(), strict=False):
        points = [
            (LEFT + wide * i / last, TOP + high * (1 - v / marks[-1]))
            for i, v in enumerate(series)
            if v is not None
        ]
        if not points:
            continue
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        x, y = points[-1]
        body.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
        ends.append((y + 4, name, colour))
    ends.sort()
    for y, (_, name, colour) in zip(_apart([end[0] for end in ends]), ends, strict=True):
        body.append(f'<g fill="{colour}">{_text(LEFT + wide + 8, y, name)}</g>')
    return _frame(WIDTH, HEIGHT, plot.title, body)


def _marks(plot: Plot, last: int) -> list[str]:
    """Draw an upright line at each mark; its words lie in lines of their own, above each other."""
    wide, found = WIDTH - LEFT - RIGHT, list[str]()
    for place, (word, label) in enumerate(sorted(plot.marks.items(), key=lambda mark: mark[1])):
        x = LEFT + wide * plot.labels.index(label) / last
        found.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="{MARK}" '
            'stroke-dasharray="4 4"/>'
        )
        words = _cut(f"{word} {label}")
        anchor, aside = ("start", 4) if x + LETTER * len(words) < LEFT + wide else ("end", -4)
        height = HEIGHT - BOTTOM - 6 - LINE * (place % MARK_LINES)  # at the foot: what is counted rises
        found.append(f'<g fill="{MARK}">{_text(x + aside, height, words, anchor)}</g>')
    return found


def _apart(heights: Sequence[float]) -> list[float]:
    """Move words, from the top down, so that none lies upon another and all stay above the days."""
    lowest = HEIGHT - BOTTOM + 4 - LINE * (len(heights) - 1)
    found: list[float] = []
    for place, height in enumerate(heights):
        y = min(height, lowest + LINE * place)
        found.append(max(y, found[-1] + LINE) if found else y)
    return found
