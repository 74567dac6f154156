"""One comparison of two prepared impressions, all its stages in order."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.compare_parameters import Comparison, Evidence
from matching.kernels._jit import kernel
from matching.kernels.agreement import backwards, count_covered
from matching.kernels.alignment import fit_motion
from matching.kernels.pairing import Pairs, pair_outward, room_for
from matching.kernels.prepared import PreparedTemplate
from matching.kernels.relaxation import mutual_support, relax
from matching.kernels.shortlist import shortlist
from matching.kernels.similarity import compare_surroundings

FEWEST = 3  # minutiae below which nothing can be said


class Parts(NamedTuple):
    """What a score is made of."""

    alike: float  # mean likeness of the most alike pairs, 0..1
    supported: float  # mean likeness, grown by support, of the pairs that support each other best
    pairs: int  # minutiae paired under the best motion
    strength: float  # sum over the pairs of closeness and likeness
    probe_overlap: int  # minutiae of the probe that are paired or that the candidate covers
    candidate_overlap: int  # minutiae of the candidate that are paired or that the probe covers


class Candidates(NamedTuple):
    """The shortlisted pairs."""

    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    likeness: NDArray[np.float32]
    relaxed: NDArray[np.float32]
    support: NDArray[np.float32]  # (k, k)


@kernel
def compare_prepared(probe: PreparedTemplate, candidate: PreparedTemplate, constants: Comparison) -> Parts:
    """Return the parts of the score; all zero when either has too few minutiae or nothing is alike."""
    nothing = Parts(0.0, 0.0, 0, 0.0, 0, 0)
    count, others = probe.minutiae.shape[1], candidate.minutiae.shape[1]
    if min(count, others) < FEWEST:
        return nothing
    alike = np.empty((count, others), np.float32)
    compare_surroundings(probe, candidate, constants.similarity, alike)
    listed = _list_pairs(probe, candidate, constants, alike)
    mean_alike, mean_supported = _local_parts(listed, _expected(min(count, others)))
    best, merit = nothing, -1.0
    tried = np.zeros(len(listed.rows), np.bool_)
    pairs = room_for(count)
    for _ in range(constants.alignment.seeds):
        seed = _best_untried(listed.relaxed, tried)
        if seed < 0:
            break
        tried[seed] = True
        parts = _lay_over(probe, candidate, constants, listed, seed, alike, pairs)
        _mark_tried(listed, pairs, parts.pairs, tried)
        if merit_of(parts, constants.evidence) > merit:
            best, merit = parts, merit_of(parts, constants.evidence)
    return Parts(
        mean_alike, mean_supported, best.pairs, best.strength, best.probe_overlap, best.candidate_overlap
    )


@kernel
def merit_of(parts: Parts, constants: Evidence) -> float:
    """Return the strength of the pairing against the number of minutiae that could have been paired."""
    overlap = math.sqrt(parts.probe_overlap * parts.candidate_overlap)
    return parts.strength * parts.strength / (overlap + constants.few)


@kernel
def _list_pairs(
    probe: PreparedTemplate, candidate: PreparedTemplate, constants: Comparison, alike: NDArray[np.float32]
) -> Candidates:
    rows = np.empty(constants.shortlist.size, np.int32)
    columns = np.empty(constants.shortlist.size, np.int32)
    kept = shortlist(alike, constants.shortlist, rows, columns)
    rows, columns = rows[:kept], columns[:kept]
    likeness = np.empty(kept, np.float32)
    for pair in range(kept):
        likeness[pair] = alike[rows[pair], columns[pair]]
    relaxed = likeness.copy()
    support = mutual_support(probe, candidate, rows, columns, constants.relaxation)
    relax(relaxed, support, constants.relaxation)
    return Candidates(rows, columns, likeness, relaxed, support)


@kernel
def _expected(count: int) -> int:
    """Return how many pairs the local parts average over (MCC, equation 25: 4 to 12 by minutiae)."""
    return int(4.5 + 8 / (1 + math.exp(-0.4 * (count - 20))))


@kernel
def _best_untried(relaxed: NDArray[np.float32], tried: NDArray[np.bool_]) -> int:
    best = -1
    for pair in range(len(relaxed)):
        if not tried[pair] and (best < 0 or relaxed[pair] > relaxed[best]):
            best = pair
    return best


@kernel
def _local_parts(listed: Candidates, expected: int) -> tuple[float, float]:
    """Return the means of the largest likenesses, before and after relaxation."""
    alike, supported = 0.0, 0.0
    spent = np.zeros(len(listed.rows), np.bool_)
    for place in range(min(expected, len(listed.rows))):
        best = _best_untried(listed.relaxed, spent)
        spent[best] = True
        alike += listed.likeness[place]
        supported += listed.relaxed[best]
    return alike / expected, supported / expected


@kernel
def _mark_tried(listed: Candidates, pairs: Pairs, known: int, tried: NDArray[np.bool_]) -> None:
    """Mark the shortlisted pairs that a pairing holds: they would lead to the same motion."""
    for pair in range(len(tried)):
        for place in range(known):
            if listed.rows[pair] == pairs.rows[place] and listed.columns[pair] == pairs.columns[place]:
                tried[pair] = True


@kernel
def _lay_over(
    probe: PreparedTemplate,
    candidate: PreparedTemplate,
    constants: Comparison,
    listed: Candidates,
    seed: int,
    alike: NDArray[np.float32],
    pairs: Pairs,
) -> Parts:
    """Return the global parts for the motion grown from a shortlisted pair and those that support it."""
    nothing = Parts(0.0, 0.0, 0, 0.0, 0, 0)
    weights = np.empty(len(listed.rows), np.float32)
    for pair in range(len(weights)):
        weight = listed.support[seed, pair] * listed.likeness[pair]
        weights[pair] = weight if weight > constants.alignment.faint else 0
    weights[seed] = listed.likeness[seed]
    lever = constants.alignment.lever
    motion = fit_motion(probe, candidate, listed.rows, listed.columns, weights, lever)
    known = pair_outward(probe, candidate, motion, constants.pairing, pairs)
    for _ in range(1, constants.alignment.rounds):
        if known < FEWEST:
            return nothing
        rows, columns, closeness = pairs.rows[:known], pairs.columns[:known], pairs.closeness[:known]
        motion = fit_motion(probe, candidate, rows, columns, closeness, lever)
        known = pair_outward(probe, candidate, motion, constants.pairing, pairs)
    if known < FEWEST:
        return nothing
    share, floor = constants.evidence.share, constants.evidence.floor
    strength = 0.0
    for pair in range(known):
        likeness = alike[pairs.rows[pair], pairs.columns[pair]]
        strength += (1 - share + share * pairs.closeness[pair]) * (floor + likeness)
    overlap = count_covered(probe.minutiae, candidate.covered, motion, pairs.rows[:known])
    back = count_covered(candidate.minutiae, probe.covered, backwards(motion), pairs.columns[:known])
    return Parts(0.0, 0.0, known, strength, overlap, back)
