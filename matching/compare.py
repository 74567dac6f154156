"""Compare two impressions: probe and candidate in, a comparison score with its parts out.

1. similarity  how alike the surroundings of any two minutiae are: cylinder bits and ridge flow bits
2. shortlist   the most alike pairs, one to one
3. relaxation  pairs that one motion explains support each other
4. alignment   the rigid motion of the best supported pairs
5. pairing     all minutiae, one to one, following the skin's distortion outward
6. ridges      where that leaves doubt: whether the ridges beside the pairs agree
7. scoring     support, merit of the pairing, overlap and ridges, weighed into one number

The score is the same with probe and candidate exchanged, and under any motion of either.
"""

from dataclasses import dataclass

from matching.combination import load_weights
from matching.compare_parameters import COMPARISON
from matching.kernels.prepared import PreparedTemplate
from matching.kernels.scoring import score_pair
from matching.prepare import prepare
from matching.template import Template

__all__ = ["CONSTANTS", "FULL", "MINUTIAE_ONLY", "ComparisonScore", "PreparedTemplate", "compare", "prepare"]

FULL, MINUTIAE_ONLY = "full", "minutiae_only"  # with ridge evidence on both sides, or not
_WEIGHTS = load_weights()
CONSTANTS = COMPARISON._replace(full=_WEIGHTS[FULL], minutiae_only=_WEIGHTS[MINUTIAE_ONLY])


@dataclass(frozen=True, slots=True)
class ComparisonScore:
    """How much speaks for one finger; `calibration` decides what is enough."""

    value: float  # natural logarithm of odds, 0 when nothing speaks for it
    kind: str  # FULL or MINUTIAE_ONLY: each is calibrated by itself
    parts: dict[str, float]  # as kernels.comparison.Parts names them


def compare(probe: Template | PreparedTemplate, candidate: Template | PreparedTemplate) -> ComparisonScore:
    """Return the comparison score; a template compared more than once is better prepared once."""
    first = prepare(probe) if isinstance(probe, Template) else probe
    second = prepare(candidate) if isinstance(candidate, Template) else candidate
    value, parts = score_pair(first, second, CONSTANTS)
    kind = FULL if first.has_flow and second.has_flow else MINUTIAE_ONLY
    named = {name: float(part) for name, part in zip(type(parts)._fields, parts, strict=True)}
    return ComparisonScore(float(value), kind, named)
