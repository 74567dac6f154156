"""Accuracy of comparison over a set of fingers: which pairs, which errors, at which thresholds.

A set is one list of impressions. Genuine pairs are all pairs of impressions of one finger; impostor pairs
are all pairs of impressions of two fingers, or, by the protocol of the Fingerprint Verification Competitions
(Maio et al., FVC2000, IEEE PAMI 24(3), 2002), the first impressions of any two fingers. An impression that
could not be extracted takes part in its pairs with score 0.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.compare import CONSTANTS
from matching.compare_parameters import Comparison
from matching.kernels.packed import Packed
from matching.kernels.scoring import score_pairs

CHUNK = 2000  # pairs between two reports of progress
TIMED_PAIRS = 2880  # at most, of each kind, in the pass for speed
Pairs = NDArray[np.int64]


class PairLists(NamedTuple):
    """(g, 2) and (i, 2) places in the list of impressions."""

    genuine: Pairs
    impostor: Pairs


@dataclass(frozen=True, slots=True)
class Errors:
    """Error rates as fractions; each is the false non-match rate where the false match rate is as named."""

    eer: float  # both rates, where they are equal
    fmr100: float  # at most 1 in 100
    fmr1000: float  # at most 1 in 1000
    zerofmr: float  # none


def pairs_of(fingers: Sequence[str], first_only: bool = False) -> PairLists:
    """Return the pairs of impressions whose fingers are named; `first_only` limits the impostor pairs."""
    _, finger = np.unique(np.asarray(fingers), return_inverse=True)
    left, right = np.triu_indices(len(finger), 1)
    same = finger[left] == finger[right]
    different = ~same
    if first_only:
        is_first = np.zeros(len(finger), np.bool_)
        is_first[np.unique(finger, return_index=True)[1]] = True
        different &= is_first[left] & is_first[right]
    every = np.stack([left, right], 1).astype(np.int64)
    return PairLists(every[same], every[different])


def scores_of(
    packed: Packed, pairs: Pairs, told: Callable[[int], None], constants: Comparison = CONSTANTS
) -> NDArray[np.float64]:
    """Return (k, 4), score and its terms, of (k, 2) pairs; `told` hears how many more are done."""
    parts = [np.zeros((0, 4))]
    for start in range(0, len(pairs), CHUNK):
        chunk = pairs[start : start + CHUNK]
        parts.append(score_pairs(packed, chunk, constants))
        told(len(chunk))
    return np.concatenate(parts)


def error_rates(genuine: NDArray[np.float64], impostor: NDArray[np.float64]) -> Errors:
    """Return the error rates of two sets of scores; ValueError where one is empty."""
    if len(genuine) == 0 or len(impostor) == 0:
        raise ValueError("error rates need genuine and impostor pairs")
    thresholds = np.unique(np.concatenate([genuine, impostor, [max(genuine.max(), impostor.max()) + 1]]))
    missed = np.searchsorted(np.sort(genuine), thresholds, "left") / len(genuine)
    false = 1 - np.searchsorted(np.sort(impostor), thresholds, "left") / len(impostor)
    nearest = int(np.argmin(np.abs(missed - false)))
    counted = np.rint(false * len(impostor)).astype(np.int64)  # whole false matches, free of rounding
    fmr100, fmr1000, zerofmr = (
        float(missed[counted * share <= allowed].min())
        for share, allowed in ((100, len(impostor)), (1000, len(impostor)), (1, 0))
    )
    return Errors(float(missed[nearest] + false[nearest]) / 2, fmr100, fmr1000, zerofmr)


def microseconds(packed: Packed, pairs: Pairs) -> float | None:
    """Return the mean time of a comparison in a warm loop of one thread; None without pairs."""
    if len(pairs) == 0:
        return None
    chosen = pairs[np.linspace(0, len(pairs) - 1, min(len(pairs), TIMED_PAIRS)).astype(np.int64)]
    score_pairs(packed, chosen[:1], CONSTANTS)
    start = time.perf_counter()
    score_pairs(packed, chosen, CONSTANTS)
    return (time.perf_counter() - start) / len(chosen) * 1e6
