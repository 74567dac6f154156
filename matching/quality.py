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
from matching.parameters import QUALITY, Judge
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
    exponent = 0.0
    for ramp in p.ramps:
        share = (parts[ramp.part] - ramp.worst) / (ramp.best - ramp.worst)
        exponent += ramp.weight * math.log(min(max(share, 1e-9), 1.0))
    score = round(100.0 * math.exp(exponent))
    return Quality(score, parts, hint(parts, score, p))


def measure(stages: Stages, p: Judge = QUALITY) -> dict[str, float]:
    """Return the parts of the quality by name; they are 0 where there is no foreground.

    area: mm2 of foreground; clarity: share of the normalised image that looks like ridges, 0..1;
    flow: mean coherence of the ridges' direction, 0..1; minutiae: their number; kept: share of the
    minutiae found that are not false; grey: mean grey level, 0..255; contrast: mean standard deviation
    in a cell, grey levels; ridge: share of pixels darker than their surroundings, 0..1, low when dry,
    high when wet; imbalance: how far that is from a good finger's; off_centre: mm from the image's centre
    to the foreground's, 0 when it touches no edge or all.
    """
    inside = stages.foreground
    cells = max(1, int(inside.sum()))
    grey, dark = _in_cells(stages.image, inside), _in_cells(stages.normalised > 0, inside)
    ridge = float(dark.mean(axis=1).sum() / cells)
    return {
        "area": float(inside.sum()) * (CELL * MM) ** 2,
        "clarity": float(stages.clarity[inside].sum() / cells),
        "flow": float(np.hypot(stages.flow[0], stages.flow[1])[inside].sum() / cells),
        "minutiae": float(len(stages.kept)),
        "kept": len(stages.kept) / max(1, len(stages.found)),
        "grey": float(grey.mean(axis=1).sum() / cells),
        "contrast": float(grey.std(axis=1).sum() / cells),
        "ridge": ridge,
        "imbalance": abs(ridge - p.balanced),
        "off_centre": _off_centre(inside),
    }


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
    if parts["ridge"] > p.wet:
        return "dry the finger"
    if parts["area"] < p.small:
        return "press harder"
    if parts["ridge"] < p.dry:
        return "moisten the finger"
    return "clean the finger and hold it still"
