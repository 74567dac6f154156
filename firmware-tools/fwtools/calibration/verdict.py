"""From what pictures of a target show to a unit's resolution, or one sentence why there is none. Pure."""

from collections.abc import Sequence
from math import hypot

from drivers.calibrated import Resolution
from fwtools.calibration.pitch import PURE, Lines, Seen
from fwtools.errors import ToolError

MOST_TILT = 6.0  # degrees; more is carelessness, and both axes mix in each figure
MOST_SKEW = 1.5  # degrees by which a grid's lines do not cross at right angles
MOST_SPREAD = 0.04  # by which the pitch differs within a picture: not a target, or not flat


def resolution_of(seen: Sequence[Seen], error: float) -> Resolution:
    """Return the mean of pictures that `check` let pass; `error` is the target's, a fraction of its pitch.

    The uncertainty of an axis is the most that any quarter of any picture differs from the mean, and the
    target's beside it, independent. ToolError when an axis is in none.
    """
    ppi_x, error_x = _axis([one.x for one in seen if one.x], "across the picture", error)
    ppi_y, error_y = _axis([one.y for one in seen if one.y], "down the picture", error)
    return Resolution(ppi_x, ppi_y, error_x, error_y)


def _axis(lines: Sequence[Lines], which: str, error: float) -> tuple[float, float]:
    if not lines:
        raise ToolError(
            f"no picture shows how long a millimetre is {which}: lay a grid, or the ruling once more, turned "
            "by a quarter"
        )
    mean = sum(one.ppi for one in lines) / len(lines)
    spread = max(abs(one.ppi - mean) + one.spread for one in lines)
    return mean, hypot(spread, mean * error)


def check(name: str, seen: Seen, lines_per_mm: float) -> None:
    """Refuse a picture that shows something else than the target, or not as it should; ToolError names it."""
    families = [one for one in (seen.x, seen.y) if one]
    if not families or seen.pure < PURE:
        raise ToolError(
            f"{name} shows no lines of {lines_per_mm:g} per mm: lay the target flat on the clean platen, its "
            "lines along the platen's edges, a drop of water between, and say with --lines-per-mm what it is"
        )
    for one in families:
        if one.spread > MOST_SPREAD * one.ppi:
            raise ToolError(
                f"{name}: the lines' pitch is not the same in all parts of the picture ({one.ppi:.1f} ± "
                f"{one.spread:.1f} ppi): lay the target flat, so that it covers the platen"
            )
        if abs(one.tilt) > MOST_TILT:
            raise ToolError(
                f"{name}: the target lies {abs(one.tilt):.1f}° askew: lay it along the platen's edges, at "
                f"most {MOST_TILT:g}° off"
            )
    if seen.x and seen.y and abs(seen.x.tilt - seen.y.tilt) > MOST_SKEW:
        raise ToolError(
            f"{name}: the lines do not cross at right angles ({seen.x.tilt:+.1f}° and {seen.y.tilt:+.1f}°): "
            "the target must be a square grid, or a ruling"
        )
