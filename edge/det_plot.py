"""DET curves, false non-match rate over false match rate on log axes, as SVG or PNG."""

import io
import itertools
import math
from html import escape
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.evaluation import Scored, Thresholds

WIDTH, HEIGHT = 960, 640  # px
LEFT, TOP, RIGHT, BOTTOM = 90, 40, 300, 70  # px around the plot; the names of the sets are on the right
FMR_DECADES, FNMR_DECADES = (-5, 0), (-4, 0)  # powers of ten at the ends of the axes
BLACK, GREY = "#000000", "#d8d8d8"
COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf")


class Curve(NamedTuple):
    """One line of the plot."""

    label: str
    fmr: NDArray[np.float64]  # (n,) rising thresholds
    fnmr: NDArray[np.float64]


class Line(NamedTuple):
    """A polyline."""

    points: list[tuple[float, float]]
    colour: str
    width: int = 1


class Text(NamedTuple):
    """A word; x, y is the middle of its left or right end, or of its middle."""

    x: float
    y: float
    text: str
    anchor: str = "start"  # or middle, or end


Mark = Line | Text


def curve_of(label: str, sets: list[Scored]) -> Curve:
    """Return the curve of the pooled pairs of some sets."""
    genuine = np.concatenate([one.genuine for one in sets])
    impostor = np.concatenate([one.impostor for one in sets])
    missed, false, all_genuine, all_impostor = Thresholds(genuine, impostor).counts()
    return Curve(label, false / all_impostor, missed / all_genuine)


def marks(curves: list[Curve]) -> list[Mark]:
    """Return everything that is drawn; rates below the axes lie on them."""
    drawn: list[Mark] = []
    for power in range(FMR_DECADES[0], FMR_DECADES[1] + 1):
        x = _across(10.0**power)
        drawn.append(Line([(x, TOP), (x, HEIGHT - BOTTOM)], GREY))
        drawn.append(Text(x, HEIGHT - BOTTOM + 16, _percent(power), "middle"))
    for power in range(FNMR_DECADES[0], FNMR_DECADES[1] + 1):
        y = _down(10.0**power)
        drawn.append(Line([(LEFT, y), (WIDTH - RIGHT, y)], GREY))
        drawn.append(Text(LEFT - 8, y, _percent(power), "end"))
    corner, far = (LEFT, TOP), (WIDTH - RIGHT, HEIGHT - BOTTOM)
    drawn.append(Line([corner, (far[0], TOP), far, (LEFT, far[1]), corner], BLACK))
    drawn.append(Text((LEFT + far[0]) / 2, HEIGHT - 24, "false match rate", "middle"))
    drawn.append(Text(LEFT - 80, TOP - 20, "false non-match rate"))
    for number, curve in enumerate(curves):
        last = number == len(curves) - 1 and number > 0
        colour, width = (BLACK, 3) if last else (COLOURS[number % len(COLOURS)], 2)
        steps = zip(curve.fmr.tolist(), curve.fnmr.tolist(), strict=True)
        drawn.append(Line(_staircase([(_across(fmr), _down(fnmr)) for fmr, fnmr in steps]), colour, width))
        y = TOP + 12 + 22 * number
        drawn.append(Line([(far[0] + 14, y), (far[0] + 40, y)], colour, width))
        drawn.append(Text(far[0] + 48, y, curve.label))
    return drawn


def svg(curves: list[Curve]) -> bytes:
    """Return the plot as an SVG file."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="sans-serif" font-size="14">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for mark in marks(curves):
        if isinstance(mark, Line):
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in mark.points)
            parts.append(
                f'<polyline points="{points}" fill="none" stroke="{mark.colour}" '
                f'stroke-width="{mark.width}"/>'
            )
        else:
            parts.append(
                f'<text x="{mark.x:.1f}" y="{mark.y:.1f}" dy="0.35em" text-anchor="{mark.anchor}">'
                f"{escape(mark.text)}</text>"
            )
    return "\n".join([*parts, "</svg>", ""]).encode()


def png(curves: list[Curve]) -> bytes:
    """Return the plot as a PNG file."""
    from PIL import Image, ImageDraw, ImageFont  # only here: importing it takes time

    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(14)
    anchors = {"start": "lm", "middle": "mm", "end": "rm"}
    for mark in marks(curves):
        if isinstance(mark, Line):
            pen.line(mark.points, mark.colour, mark.width)
        else:
            pen.text((mark.x, mark.y), mark.text, BLACK, font, anchors[mark.anchor])
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()


def _percent(power: int) -> str:
    return f"{10.0 ** (power + 2):g} %"


def _across(rate: float) -> float:
    return LEFT + (WIDTH - RIGHT - LEFT) * _share(rate, *FMR_DECADES)


def _down(rate: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * _share(rate, *FNMR_DECADES)


def _share(rate: float, low: int, high: int) -> float:
    return (math.log10(max(rate, 10.0**low)) - low) / (high - low)


def _staircase(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Keep corners only: between two thresholds one of the rates stays as it is."""
    kept = points[:1]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if (x1, y1) == (x0, y0):
            continue
        if x1 != x0 and y1 != y0:
            kept.append((x1, y0))
        kept.append((x1, y1))
    return kept
