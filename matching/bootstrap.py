"""Intervals of error rates, by drawing the fingers of each set anew with replacement.

Pairs that share a finger err together, so it is the fingers that are resampled and not the pairs (Bolle,
Ratha and Pankanti, Error analysis of pattern recognition systems: the subsets bootstrap, Computer Vision and
Image Understanding 93(1), 2004). A pair counts as often as its two fingers were drawn together; a finger
paired with another draw of itself makes no impostor pair. The same scores give the same intervals.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from matching.evaluation import Scored, Thresholds

RESAMPLES = 1000
COVERED = 0.9  # share of the resamples that an interval holds
SEED = 0
Interval = tuple[float, float]


def intervals(sets: Sequence[Scored]) -> dict[str, Interval]:
    """Return the interval of eer, fmr1000 and fmr10000 over the pooled pairs of some sets.

    ValueError where no draw has genuine and impostor pairs.
    """
    thresholds = Thresholds(
        np.concatenate([one.genuine for one in sets]), np.concatenate([one.impostor for one in sets])
    )
    fingers = [np.unique(np.asarray(one.fingers), return_inverse=True)[1] for one in sets]
    generator = np.random.default_rng(SEED)
    draws = []
    for _ in range(RESAMPLES):
        genuine, impostor = weights(sets, fingers, generator)
        if genuine.any() and impostor.any():
            errors = thresholds.errors(genuine, impostor)
            draws.append((errors.eer, errors.fmr1000, errors.fmr10000))
    if not draws:
        raise ValueError("too few fingers to resample them")
    low, high = np.quantile(draws, [(1 - COVERED) / 2, (1 + COVERED) / 2], axis=0)
    names = ("eer", "fmr1000", "fmr10000")
    return {name: (float(a), float(b)) for name, a, b in zip(names, low, high, strict=True)}


def weights(
    sets: Sequence[Scored], fingers: Sequence[NDArray[np.int64]], generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw each set's fingers (n,) anew; return how often each genuine and each impostor pair is drawn."""
    genuine, impostor = [], []
    for one, finger in zip(sets, fingers, strict=True):
        count = int(finger.max()) + 1
        times = np.bincount(generator.integers(0, count, count), minlength=count)[finger]
        genuine.append(times[one.pairs.genuine[:, 0]])
        impostor.append(times[one.pairs.impostor[:, 0]] * times[one.pairs.impostor[:, 1]])
    return np.concatenate(genuine), np.concatenate(impostor)
