"""Error-versus-discard curves (ISO/IEC 29794-1; Grother and Tabassi, IEEE PAMI 29(4), 2007), free of files.

The threshold stays where 1 in 1000 impostor pairs of everything reaches it. Impressions of one quality go
together: where only some of them are to go, each goes by that share, so that no order decides among equals.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.evaluation import PairLists, Thresholds

Floats = NDArray[np.float64]
SHARES = (0.0, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30)
FORMS = ("images", "pairs")
RATE = 1000  # one in so many impostor pairs reaches the threshold


class Compared(NamedTuple):
    """One engine's comparisons of a set of impressions."""

    finger: NDArray[np.int64]  # (n,) of each impression, 0 ..
    genuine: NDArray[np.int64]  # (g, 2) places of impressions
    missed: NDArray[np.bool_]  # (g,) below the threshold


def compared(fingers: NDArray[np.int64], pairs: PairLists, genuine: Floats, impostor: Floats) -> Compared:
    """Return which genuine pairs are missed at the threshold of `RATE`."""
    limit = Thresholds(genuine, impostor).at(RATE)
    return Compared(fingers, pairs.genuine, genuine < limit)


def without(one: Compared, known: NDArray[np.bool_]) -> Compared:
    """Return the comparisons of the impressions that are known, (n,), all with their places as before."""
    both = known[one.genuine].all(axis=1)
    return Compared(one.finger, one.genuine[both], one.missed[both])


def curve(one: Compared, quality: Floats, form: str, times: Floats | None = None) -> Floats:
    """Return FNMR at each of `SHARES` discarded by the quality (n,) of the impressions.

    form "images": the worst impressions go, with all their pairs; "pairs": the pairs whose lower quality is
    the worst. times (n,) is how often each impression counts, 1 where nothing is said.
    """
    impressions = np.ones(len(quality)) if times is None else times
    pairs = impressions[one.genuine[:, 0]]
    lower = quality[one.genuine].min(axis=1)
    rates = []
    for share in SHARES:
        if form == "images":
            kept = left(quality, impressions, share)
            weight = pairs * kept[one.genuine].prod(axis=1)
        else:
            weight = pairs * left(lower, pairs, share)
        rates.append(float(weight @ one.missed / weight.sum()) if weight.sum() > 0 else np.nan)
    return np.array(rates)


def left(quality: Floats, weight: Floats, share: float) -> Floats:
    """Return 0..1, how much is left of each after the worst `share` of the weight has gone."""
    values, group = np.unique(quality, return_inverse=True)
    amount = np.bincount(group, weight, len(values))
    gone = np.clip(share * weight.sum() - (np.cumsum(amount) - amount), 0, amount)
    kept: Floats = (1 - gone / np.maximum(amount, 1e-12))[group]
    return kept


def difference(
    one: Compared,
    ours: Floats,
    theirs: Floats,
    form: str,
    resamples: int,
    covered: float,
    known: Floats | float = 1.0,
) -> tuple[Floats, Floats]:
    """Return both ends of the interval of FNMR with ours less FNMR with theirs, by drawing fingers anew.

    known (n,) is 0 for impressions that do not take part.
    """
    generator = np.random.default_rng(0)
    count = int(one.finger.max()) + 1
    draws = []
    for _ in range(resamples):
        times = np.bincount(generator.integers(0, count, count), minlength=count)[one.finger] * known
        draws.append(curve(one, ours, form, times) - curve(one, theirs, form, times))
    low, high = np.nanquantile(draws, [(1 - covered) / 2, (1 + covered) / 2], axis=0)
    return low, high
