"""From NFIQ 2 to Vantay quality, for thresholds that were published in NFIQ 2.

quality_scale.json pairs the quantiles of both over the same images, with their provenance;
`benchmarks/fit_quality_scale.py` writes it. As many of those images are below a threshold on the one scale as
on the other. It says nothing about a single image: the two rank images differently.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).with_name("quality_scale.json")
Floats = NDArray[np.float64]


def vantay_quality_of(nfiq2: int) -> int:
    """Return the Vantay quality, 0..100, that stands for an NFIQ 2 of 0..100; ValueError for any other.

    255, could not be computed, is no quality and stands for none.
    """
    if not 0 <= nfiq2 <= 100:
        raise ValueError(f"a quality of {nfiq2} is not 0..100")
    return round(float(np.interp(nfiq2, *points())))


@cache
def points() -> tuple[Floats, Floats]:
    """Return NFIQ 2 and Vantay quality of the same quantiles, both strictly rising from 0 to 100."""
    stored = json.loads(FILE.read_text("utf-8"))
    _, nfiq2, vantay = np.array(stored["points"], np.float64).T
    return nfiq2, vantay
