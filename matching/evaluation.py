"""Accuracy of comparison over a set of fingers: which pairs, which errors, at which thresholds.

A set is one list of impressions. Genuine pairs are all pairs of impressions of one finger; impostor pairs
are all pairs of impressions of two fingers, or, by the protocol of the Fingerprint Verification Competitions
(Maio et al., FVC2000, IEEE PAMI 24(3), 2002), the first impressions of any two fingers. An impression that
could not be extracted takes part in its pairs with score 0.

Several sets are pooled under one threshold by putting their pairs together. No pair is made across sets: the
same name in two sets may or may not be the same finger, so such a pair would be neither genuine nor impostor.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
Scores = NDArray[np.float64]


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
    fmr10000: float  # at most 1 in 10,000
    zerofmr: float  # none


class Scored(NamedTuple):
    """The compared pairs of one set."""

    fingers: Sequence[str]  # (n) of each impression
    pairs: PairLists
    genuine: Scores  # (g,)
    impostor: Scores  # (i,)


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
    packed: Packed,
    pairs: Pairs,
    told: Callable[[int], None],
    constants: Comparison = CONSTANTS,
    jobs: int = 1,
) -> Scores:
    """Return (k, 5), score and its terms, of (k, 2) pairs; `told` hears how many more are done."""
    chunks = [pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK)]
    parts = [np.zeros((0, 5))]
    with ThreadPoolExecutor(jobs) as threads:
        for part in threads.map(lambda chunk: score_pairs(packed, chunk, constants), chunks):
            parts.append(part)
            told(len(part))
    return np.concatenate(parts)


def error_rates(genuine: Scores, impostor: Scores) -> Errors:
    """Return the error rates of two sets of scores; ValueError where one is empty."""
    return Thresholds(genuine, impostor).errors()


class Thresholds:
    """Every threshold that matters for some scores, in rising order, and what errs at each.

    A score is a match from its threshold on. ValueError where there are no genuine or no impostor scores.
    """

    def __init__(self, genuine: Scores, impostor: Scores) -> None:
        if len(genuine) == 0 or len(impostor) == 0:
            raise ValueError("error rates need genuine and impostor pairs")
        above_all = max(genuine.max(), impostor.max()) + 1
        self.values = np.unique(np.concatenate([genuine, impostor, [above_all]]))
        self._genuine = _Rising(genuine, self.values)
        self._impostor = _Rising(impostor, self.values)

    def counts(
        self, genuine: Pairs | None = None, impostor: Pairs | None = None
    ) -> tuple[Pairs, Pairs, int, int]:
        """Return missed and false matches at each threshold, and of how many; weights (g,), (i,) are 1."""
        missed = self._genuine.below(genuine)
        correct = self._impostor.below(impostor)
        all_genuine, all_impostor = int(missed[-1]), int(correct[-1])  # the last threshold is above all
        return missed, all_impostor - correct, all_genuine, all_impostor

    def errors(self, genuine: Pairs | None = None, impostor: Pairs | None = None) -> Errors:
        """Return the error rates, of weighted pairs where weights are given; ValueError where all are 0."""
        missed, false, all_genuine, all_impostor = self.counts(genuine, impostor)
        if not all_genuine or not all_impostor:
            raise ValueError("error rates need genuine and impostor pairs")
        share, false_share = missed / all_genuine, false / all_impostor
        nearest = int(np.argmin(np.abs(share - false_share)))
        eer = float(share[nearest] + false_share[nearest]) / 2
        limits = [(100, all_impostor), (1000, all_impostor), (10000, all_impostor), (1, 0)]
        return Errors(eer, *(float(share[false * rate <= allowed].min()) for rate, allowed in limits))

    def at(self, rate: int) -> float:
        """Return the lowest threshold that at most 1 in `rate` impostor pairs reaches."""
        _, false, _, all_impostor = self.counts()
        return float(self.values[np.argmax(false * rate <= all_impostor)])


class _Rising:
    """Scores sorted once, to be counted below each threshold under many weights."""

    def __init__(self, scores: Scores, thresholds: Scores) -> None:
        self._order = np.argsort(scores, kind="stable")
        self._place = np.searchsorted(scores[self._order], thresholds, "left")

    def below(self, weights: Pairs | None) -> Pairs:
        if weights is None:
            return self._place
        counted: Pairs = np.concatenate([[0], np.cumsum(weights[self._order])])[self._place]
        return counted


def microseconds(packed: Packed, pairs: Pairs) -> float | None:
    """Return the mean time of a comparison in a warm loop of one thread; None without pairs."""
    if len(pairs) == 0:
        return None
    chosen = pairs[np.linspace(0, len(pairs) - 1, min(len(pairs), TIMED_PAIRS)).astype(np.int64)]
    score_pairs(packed, chosen[:1], CONSTANTS)
    start = time.perf_counter()
    score_pairs(packed, chosen, CONSTANTS)
    return (time.perf_counter() - start) / len(chosen) * 1e6
