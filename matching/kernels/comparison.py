"""One comparison of two prepared impressions, all its stages in order."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.compare_parameters import Comparison, Evidence
from matching.kernels._jit import kernel
from matching.kernels.agreement import backwards, count_covered, spaciousness
from matching.kernels.alignment import fit_motion
from matching.kernels.pairing import Pairs, pair_outward, room_for
from matching.kernels.prepared import PreparedTemplate
from matching.kernels.relaxation import mutual_support, relax
from matching.kernels.ridges import ridge_agreement
from matching.kernels.shortlist import shortlist
from matching.kernels.similarity import LANES, compare_surroundings

FEWEST = 3  # minutiae below which nothing can be said


class Parts(NamedTuple):
    """What a score is made of."""

    alike: float  # mean likeness of the most alike pairs, 0..1
    supported: float  # mean likeness, grown by support, of the pairs that support each other best
    pairs: int  # minutiae paired under the best motion
    strength: float  # sum over the pairs of closeness and likeness, less where minutiae are crowded
    probe_overlap: int  # minutiae of the probe that are paired or that the candidate covers
    candidate_overlap: int  # minutiae of the candidate that are paired or that the probe covers
    ridges: float  # 0..1, agreement of the ridges beside the pairs; 0 where it was not looked at


class Shortlisted(NamedTuple):
    """The most alike pairs, and the room to pair all minutiae in."""

    alike: NDArray[np.float32]  # (n, m) likeness of every pair, and zeros to the right
    rows: NDArray[np.int32]  # (k,) minutiae of the probe
    columns: NDArray[np.int32]  # (k,) minutiae of the candidate
    likeness: NDArray[np.float32]  # (k,) falling
    relaxed: NDArray[np.float32]  # (k,) grown by support
    support: NDArray[np.float32]  # (k, k)
    pairs: Pairs  # workspace


@kernel
def compare_prepared(probe: PreparedTemplate, candidate: PreparedTemplate, constants: Comparison) -> Parts:
    """Return the parts of the score; no pairs where there is nothing to hope for."""
    fewest = min(probe.minutiae.shape[1], candidate.minutiae.shape[1])
    if fewest < FEWEST:
        return Parts(0.0, 0.0, 0, 0.0, 0, 0, 0.0)
    listed = _list_pairs(probe, candidate, constants)
    alike, supported = _local_parts(listed, _expected(fewest))
    best = Parts(alike, supported, 0, 0.0, 0, 0, 0.0)
    evidence = constants.evidence
    with_flow = probe.has_flow and candidate.has_flow
    if supported < (evidence.hopeless if with_flow else evidence.hopeless_bare):
        return best
    tried = np.zeros(len(listed.rows), np.bool_)
    rows, columns = listed.rows[:0], listed.columns[:0]
    least = constants.alignment.worth * listed.relaxed.max()
    for _ in range(constants.alignment.seeds):
        seed = _best_untried(listed.relaxed, tried)
        if seed < 0 or listed.relaxed[seed] < least:
            break
        tried[seed] = True
        parts = _lay_over(probe, candidate, constants, listed, seed, best)
        _mark_tried(listed, parts.pairs, tried)
        if merit_of(parts, evidence) > merit_of(best, evidence):
            best = parts
            rows, columns = (
                listed.pairs.rows[: parts.pairs].copy(),
                listed.pairs.columns[: parts.pairs].copy(),
            )
    best = _less_crowded(best, probe, candidate, evidence.room)
    merit = merit_of(best, evidence)
    if not with_flow or merit < constants.ridges.doubtful:
        return best
    agreement = constants.ridges.granted
    if merit < constants.ridges.certain:
        agreement = ridge_agreement(probe, candidate, rows, columns, constants.ridges)
    return with_ridges(best, agreement)


@kernel
def _less_crowded(parts: Parts, probe: PreparedTemplate, candidate: PreparedTemplate, room: float) -> Parts:
    if parts.pairs == 0:
        return parts
    share = spaciousness(probe.minutiae.shape[1], probe.covered, room)
    share = min(share, spaciousness(candidate.minutiae.shape[1], candidate.covered, room))
    overlaps = parts.probe_overlap, parts.candidate_overlap
    return Parts(
        parts.alike, parts.supported, parts.pairs, parts.strength * share, overlaps[0], overlaps[1], 0.0
    )


@kernel
def with_ridges(parts: Parts, agreement: float) -> Parts:
    """Return the parts with the agreement of the ridges in its place."""
    overlaps = parts.probe_overlap, parts.candidate_overlap
    return Parts(
        parts.alike, parts.supported, parts.pairs, parts.strength, overlaps[0], overlaps[1], agreement
    )


@kernel
def merit_of(parts: Parts, constants: Evidence) -> float:
    """Return the strength of the pairing against the number of minutiae that could have been paired."""
    overlap = math.sqrt(parts.probe_overlap * parts.candidate_overlap)
    return parts.strength * parts.strength / (overlap + constants.few)


@kernel
def _list_pairs(probe: PreparedTemplate, candidate: PreparedTemplate, constants: Comparison) -> Shortlisted:
    width = (candidate.minutiae.shape[1] + LANES - 1) // LANES * LANES
    alike = np.empty((probe.minutiae.shape[1], width), np.float32)
    compare_surroundings(probe, candidate, constants.similarity, alike)
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
    return Shortlisted(alike, rows, columns, likeness, relaxed, support, room_for(len(alike)))


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
def _local_parts(listed: Shortlisted, expected: int) -> tuple[float, float]:
    """Return the means of the largest likenesses, before and after relaxation."""
    alike, supported = 0.0, 0.0
    falling = _falling(listed.relaxed)
    for place in range(min(expected, len(falling))):
        alike += listed.likeness[place]
        supported += falling[place]
    return alike / expected, supported / expected


@kernel
def _falling(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the few values, the largest first: each goes where its rank says."""
    falling = np.empty(len(values), np.float32)
    for own in range(len(values)):
        rank = 0
        for other in range(len(values)):
            before = (values[other] == values[own]) & (other < own)
            rank += int((values[other] > values[own]) | before)
        falling[rank] = values[own]
    return falling


@kernel
def _mark_tried(listed: Shortlisted, known: int, tried: NDArray[np.bool_]) -> None:
    """Mark the shortlisted pairs that a pairing holds: they would lead to the same motion."""
    for pair in range(len(tried)):
        for place in range(known):
            same_row = listed.rows[pair] == listed.pairs.rows[place]
            if same_row and listed.columns[pair] == listed.pairs.columns[place]:
                tried[pair] = True


@kernel
def _lay_over(
    probe: PreparedTemplate,
    candidate: PreparedTemplate,
    constants: Comparison,
    listed: Shortlisted,
    seed: int,
    rival: Parts,
) -> Parts:
    """Return the parts for the motion grown from a shortlisted pair and those that support it."""
    nothing = Parts(rival.alike, rival.supported, 0, 0.0, 0, 0, 0.0)
    weights = np.empty(len(listed.rows), np.float32)
    for pair in range(len(weights)):
        weight = listed.support[seed, pair] * listed.likeness[pair]
        weights[pair] = weight if weight > constants.alignment.faint else 0
    weights[seed] = listed.likeness[seed]
    lever, pairs = constants.alignment.lever, listed.pairs
    motion = fit_motion(probe, candidate, listed.rows, listed.columns, weights, lever)
    known = pair_outward(probe, candidate, motion, constants.pairing, pairs)
    for _ in range(1, constants.alignment.rounds):
        if known < max(FEWEST, constants.alignment.hope * rival.pairs):
            return nothing
        rows, columns, closeness = pairs.rows[:known], pairs.columns[:known], pairs.closeness[:known]
        motion = fit_motion(probe, candidate, rows, columns, closeness, lever)
        known = pair_outward(probe, candidate, motion, constants.pairing, pairs)
    if known < FEWEST:
        return nothing
    strength = _strength(listed, known, constants.evidence)
    overlap = count_covered(probe.minutiae, candidate.covered, motion, pairs.rows[:known])
    back = count_covered(candidate.minutiae, probe.covered, backwards(motion), pairs.columns[:known])
    return Parts(rival.alike, rival.supported, known, strength, overlap, back, 0.0)


@kernel
def _strength(listed: Shortlisted, known: int, constants: Evidence) -> float:
    strength = 0.0
    for pair in range(known):
        likeness = listed.alike[listed.pairs.rows[pair], listed.pairs.columns[pair]]
        close = 1 - constants.share + constants.share * listed.pairs.closeness[pair]
        strength += close * (constants.floor + likeness)
    return strength
