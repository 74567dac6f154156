"""Quality of one finger's image, 0..100, by its parts, and a hint for the person.

Everything is read off the stages of extraction, so that it costs next to nothing beyond it.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.extract import Stages, run_stages, template_of
from matching.kernels.cells import CELL
from matching.parameters import EXTRACTION, QUALITY, Judge, Ramp
from matching.template import REFERENCE_PPI, Template

MM = 25.4 / REFERENCE_PPI  # of a pixel at 500 ppi


@dataclass(frozen=True, slots=True)
class Quality:
    """A score, what it is made of, and what the person can do about it."""

    score: int  # 0..100, monotonic in the parts; 0 when there is no finger
    parts: dict[str, float]  # see `measure`
    hint: str | None  # None when nothing needs to be done


def examine(pixels: NDArray[np.uint8], ppi: float = 500.0) -> tuple[Template, Quality]:
    """Return template and quality of a grey image (h, w) uint8 in one pass; the template has the score."""
    stages = run_stages(pixels, ppi)
    quality = judge(stages)
    return template_of(stages, pixels.shape, ppi, quality.score), quality


def quality(pixels: NDArray[np.uint8], ppi: float = 500.0) -> Quality:
    """Return the quality of a grey image (h, w) uint8, dark ridges, ppi in 250..1000."""
    return judge(run_stages(pixels, ppi))


def judge(stages: Stages, p: Judge = QUALITY) -> Quality:
    """Return the quality that the stages of extraction show."""
    parts = measure(stages, p)
    score = score_of(parts, p)
    return Quality(score, parts, hint(parts, score, p))


def score_of(parts: dict[str, float], p: Judge = QUALITY) -> int:
    """Return 0..100, monotonic in each part that has a ramp."""
    return round(
        100.0 * math.exp(p.steepness * sum(ramp.weight * shortfall(parts, ramp) for ramp in p.ramps))
    )


def shortfall(parts: dict[str, float], ramp: Ramp) -> float:
    """Return the logarithm of how far a part is from its worst to its best: 0 at the best, else negative."""
    share = (parts[ramp.part] - ramp.worst) / (ramp.best - ramp.worst)
    return math.log(min(max(share, ramp.least), 1.0))


def measure(stages: Stages, p: Judge = QUALITY) -> dict[str, float]:
    """Return the parts of the quality by name; without foreground they are 0.

    area: mm2 of foreground; clarity: share of the normalised image that looks like ridges, 0..1; flow: mean
    coherence of the ridges' direction, 0..1; frequency: mean change of the logarithm of the ridges' period
    between neighbouring places, 0 where it is steady; minutiae: their number, each counted by how clear the
    ridges around it are, 0..1; found: their number; grey: mean grey level, 0..255; contrast: mean standard
    deviation in a cell, grey levels; ridge: share of pixels darker than their surroundings, 0..1, low when
    dry, high when wet; imbalance: how far that is from a good finger's; filled, bare: share of cells that
    are nearly all dark or light; closed: of both; uneven: standard deviation of the cells' share of dark
    pixels; off_centre: mm from the image's centre to the foreground's, 0 when it touches no edge or all.
    """
    inside = stages.foreground
    cells = max(1, int(inside.sum()))
    grey = _in_cells(stages.image, inside)
    dark = _in_cells(stages.normalised > 0, inside).mean(axis=1)
    ridge = float(dark.sum() / cells)
    filled, bare = float((dark > p.filled).sum() / cells), float((dark < p.bare).sum() / cells)
    return {
        "area": float(inside.sum()) * (CELL * MM) ** 2,
        "clarity": float(stages.clarity[inside].sum() / cells),
        "flow": float(np.hypot(stages.flow[0], stages.flow[1])[inside].sum() / cells),
        "frequency": _unsteadiness(stages.period, inside),
        "minutiae": _clear_minutiae(stages, p),
        "found": float(len(stages.kept)),
        "grey": float(grey.mean(axis=1).sum() / cells),
        "contrast": float(grey.std(axis=1).sum() / cells),
        "ridge": ridge,
        "imbalance": abs(ridge - p.balanced),
        "filled": filled,
        "bare": bare,
        "closed": filled + bare,
        "uneven": float(dark.std()) if len(dark) else 0.0,
        "off_centre": _off_centre(inside),
    }


def _unsteadiness(period: NDArray[np.float32], inside: NDArray[np.bool_]) -> float:
    """Periods are known at every second cell, so two cells apart are neighbours."""
    step, change, pairs = EXTRACTION.period.step, 0.0, 0
    logarithm = np.log(np.maximum(period, 1.0))
    for one, both in ((logarithm, inside), (logarithm.T, inside.T)):
        here = both[step:] & both[:-step]
        change += float(np.abs(one[step:] - one[:-step])[here].sum())
        pairs += int(here.sum())
    return change / max(1, pairs)


def _clear_minutiae(stages: Stages, p: Judge) -> float:
    column, row = (stages.kept[:, :2].T / CELL).astype(np.int64)
    rows, columns = stages.clarity.shape
    clear = stages.clarity[np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)]
    return float(np.clip((clear - p.unclear) / (p.clear - p.unclear), 0.0, 1.0).sum())


def _in_cells(image: NDArray[Any], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(h, w) -> (n, 64): the pixels of each cell that is inside."""
    rows, columns = inside.shape
    blocks = image.reshape(rows, CELL, columns, CELL).transpose(0, 2, 1, 3)[inside]
    return blocks.reshape(-1, CELL * CELL).astype(np.float32)


def _off_centre(inside: NDArray[np.bool_]) -> float:
    edges = (inside[0].any(), inside[-1].any(), inside[:, 0].any(), inside[:, -1].any())
    if not any(edges) or all(edges):
        return 0.0
    rows, columns = inside.shape
    y, x = np.nonzero(inside)
    return float(np.hypot(x.mean() - (columns - 1) / 2, y.mean() - (rows - 1) / 2)) * CELL * MM


def hint(parts: dict[str, float], score: int, p: Judge) -> str | None:
    """Return what the person should do differently; None when the score is good enough."""
    if parts["area"] < p.no_finger:
        return "put the finger on the scanner"
    if score >= p.good:
        return None
    if parts["off_centre"] > p.off_centre:
        return "move the finger to the centre"
    if parts["area"] < p.small:
        return "lay the finger down flat"
    if parts["ridge"] > p.wet:
        return "dry the finger"
    if parts["ridge"] < p.thin:
        return "moisten the finger" if parts["flow"] < p.broken else "press harder"
    return "clean the finger and hold it still"
