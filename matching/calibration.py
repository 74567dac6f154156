"""From a comparison score to a false match rate and back, by measured impostor comparisons.

calibration.json holds, for each kind of comparison, the score at each false match rate (FMR), with its
provenance; `benchmarks/fit_comparison.py` writes it. It comes from impostor pairs of real fingers and of
synthetic ones, and of the two scores at a rate the higher one counts. Down to the rate that the number of
pairs supports it is measured; beyond, an exponential tail is fitted and extended. `highest` is the upper end
of an interval from resampling fingers, and that is what decides: false matches are rather rarer than asked
for than more frequent. The interval knows the spread between the fingers there were, not how far other
sensors or people differ from them.
"""

import json
import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("calibration.json")
FULL = "full"
TINY = sys.float_info.min


class Point(NamedTuple):
    """One row of a calibration."""

    fmr: float
    score: float  # best estimate
    highest: float  # upper end of the interval


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a score says that two impressions are of one finger, at a stated false match rate."""

    match: bool
    fmr: float  # the rate asked for
    threshold: float  # the score from which on it is a match
    score_fmr: float  # the rate at which this score would just be a match


def decide(score: float, fmr: float, kind: str = FULL) -> Decision:
    """Return the decision at a false match rate in (0, 1), for a score of this kind; 0 never matches."""
    limit = threshold(fmr, kind)
    return Decision(score >= limit and score > 0, fmr, limit, rate(score, kind))


def threshold(fmr: float, kind: str = FULL) -> float:
    """Return the score from which on the false match rate is at most `fmr`; ValueError outside (0, 1)."""
    if not 0 < fmr < 1:
        raise ValueError(f"a false match rate of {fmr:g} is not between 0 and 1")
    points = calibration(kind)
    row = next((row for row, point in enumerate(points[1:-1]) if fmr >= point.fmr), len(points) - 2)
    frequent, rare = points[row : row + 2]
    share = (math.log(frequent.fmr) - math.log(fmr)) / (math.log(frequent.fmr) - math.log(rare.fmr))
    return max(0.0, frequent.highest + share * (rare.highest - frequent.highest))


def rate(score: float, kind: str = FULL) -> float:
    """Return the false match rate at which a score is just a match, at most 1: the inverse of `threshold`."""
    if score <= 0:
        return 1.0
    points = calibration(kind)
    row = next((row for row, point in enumerate(points[1:-1]) if score <= point.highest), len(points) - 2)
    frequent, rare = points[row : row + 2]
    share = (score - frequent.highest) / (rare.highest - frequent.highest)
    return min(1.0, math.exp(math.log(frequent.fmr) + share * (math.log(rare.fmr) - math.log(frequent.fmr))))


def together(rates: Iterable[float]) -> float:
    """Return the rate at which strangers' fingers match as well as these, all in all.

    `rates`: false match rates in (0, 1] at which comparisons of different fingers are just matches; 1 of
    none. Fisher's method (Statistical Methods for Research Workers, section 21.1): twice the sum of -ln of k
    rates has a chi-square distribution of 2k degrees of freedom where all are strangers'.
    """
    logs = [-math.log(max(one, TINY)) for one in rates]
    x, term, tail = math.fsum(logs), 1.0, 0.0
    for number in range(len(logs)):
        tail += term
        term *= x / (number + 1)
    return math.exp(-x) * tail if logs else 1.0


def fmr_of_search(fpir: float, fingers: int) -> float:
    """Return the FMR a comparison at which a search among so many fingers has this FPIR.

    1 - (1 - FMR)^N = FPIR, as if the comparisons of a search were independent. ValueError outside (0, 1) or
    below one finger.
    """
    if not 0 < fpir < 1:
        raise ValueError(f"a false positive identification rate of {fpir:g} is not between 0 and 1")
    if fingers < 1:
        raise ValueError(f"a search among {fingers} fingers")
    return -math.expm1(math.log1p(-fpir) / fingers)


@cache
def calibration(kind: str) -> tuple[Point, ...]:
    """Return the points of one kind, falling rates and rising scores; ValueError for an unknown kind."""
    stored = json.loads(FILE.read_text("utf-8"))
    if kind not in stored["kinds"]:
        raise ValueError(f"no calibration for comparisons of kind '{kind}'")
    return tuple(Point(*map(float, row)) for row in stored["kinds"][kind]["points"])
