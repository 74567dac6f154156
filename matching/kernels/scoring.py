"""From parts to one number, for one pair and for many."""

import math

import numpy as np
from numpy.typing import NDArray

from matching.compare_parameters import Comparison
from matching.kernels._jit import kernel
from matching.kernels.comparison import Parts, compare_prepared, merit_of
from matching.kernels.packed import Packed, unpacked
from matching.kernels.prepared import PreparedTemplate


@kernel
def terms_of(parts: Parts, constants: Comparison) -> tuple[float, float, float, float]:
    """Return what the score is linear in: support, merit and overlap on logarithmic scales from 0; ridges.

    All 0 where no minutiae were paired.
    """
    if parts.pairs == 0:
        return 0.0, 0.0, 0.0, 0.0
    overlap = math.sqrt(parts.probe_overlap * parts.candidate_overlap)
    return (
        math.log1p(parts.supported / constants.evidence.faint),
        math.log1p(merit_of(parts, constants.evidence)),
        math.log1p(overlap),
        parts.ridges,
    )


@kernel
def score_pair(
    probe: PreparedTemplate, candidate: PreparedTemplate, constants: Comparison
) -> tuple[float, Parts]:
    """Return the score, at least 0, and its parts; the same with probe and candidate exchanged."""
    count, others = probe.minutiae.shape[1], candidate.minutiae.shape[1]
    if count < others or (count == others and probe.digest <= candidate.digest):
        parts = compare_prepared(probe, candidate, constants)
    else:
        turned = compare_prepared(candidate, probe, constants)
        parts = Parts(
            turned.alike,
            turned.supported,
            turned.pairs,
            turned.strength,
            turned.candidate_overlap,
            turned.probe_overlap,
            turned.ridges,
        )
    support, merit, overlap, ridges = terms_of(parts, constants)
    full = probe.has_flow and candidate.has_flow
    weights = constants.full if full else constants.minutiae_only
    value = weights.support * support + weights.merit * merit + weights.overlap * overlap
    value += weights.ridges * ridges
    return max(0.0, value), parts


@kernel
def score_one_to_many(
    probe: PreparedTemplate, gallery: Packed, constants: Comparison
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (n,) scores of a probe against the impressions of a gallery, and the merits (n,) behind them."""
    scores, merits = np.zeros(len(gallery.heads)), np.zeros(len(gallery.heads))
    for place in range(len(scores)):
        scores[place], parts = score_pair(probe, unpacked(gallery, place), constants)
        merits[place] = merit_of(parts, constants.evidence)
    return scores, merits


@kernel
def score_pairs(gallery: Packed, pairs: NDArray[np.int64], constants: Comparison) -> NDArray[np.float64]:
    """Return (k, 5): score and its four terms for (k, 2) pairs of impressions of one gallery."""
    rows = np.zeros((len(pairs), 5))
    for place in range(len(pairs)):
        probe, candidate = unpacked(gallery, pairs[place, 0]), unpacked(gallery, pairs[place, 1])
        rows[place, 0], parts = score_pair(probe, candidate, constants)
        rows[place, 1], rows[place, 2], rows[place, 3], rows[place, 4] = terms_of(parts, constants)
    return rows
