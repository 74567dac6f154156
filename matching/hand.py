"""Left or right hand, and which fingers, by how far the tips lie below each other and how broad they are.

In the picture a right hand has its index on the left. Both hands are Gaussian models of the same anatomy, the
left one mirrored; the hand's place, size and a small tilt are unknown (Rasmussen and Williams, Gaussian
Processes for Machine Learning, 2.7: a linear part with a prior goes into the covariance).
"""

import math
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from matching.slap_parameters import Anatomy
from matching.template import REFERENCE_PPI

RIGHT, LEFT, UNDETERMINED = "right", "left", "undetermined"
MM = 25.4 / REFERENCE_PPI
ANYWHERE = 1e4  # mm2, variance of the hand's place

Floats = NDArray[np.float64]


def tell_hand(
    across: Floats, tips: Floats, breadths: Floats, known: dict[str, tuple[int, ...]], p: Anatomy
) -> tuple[str, float]:
    """Return RIGHT, LEFT or UNDETERMINED, and the probability of the likelier hand.

    Of n fingers from left to right: across and tips (growing down), breadths, px at 500 ppi, hand upright.
    known: for RIGHT and LEFT the fingers it has, 0 index to 3 little, from left to right; a hand that has
    another number of them may be any n of the four.
    """
    if not 2 <= len(tips) <= len(p.drop):
        return UNDETERMINED, 0.5
    right = _best(across, tips, breadths, known[RIGHT], (0, 1, 2, 3), p)
    left = _best(across, tips, breadths, known[LEFT], (3, 2, 1, 0), p)
    sure = 1 / (1 + math.exp(-min(abs(right - left), 50.0)))
    return (UNDETERMINED if sure < p.sure else RIGHT if right > left else LEFT), sure


def other_fingers(
    across: Floats, tips: Floats, breadths: Floats, stated: tuple[int, ...], p: Anatomy
) -> tuple[int, ...]:
    """Return the fingers of the same hand that are clearly likelier than the stated ones, () when none are.

    stated: two or three fingers from left to right, as in `tell_hand`, to which the other hand is left.
    """
    order = sorted(range(len(p.drop)), reverse=stated[0] > stated[-1])
    sets = list(combinations(order, len(stated)))
    fits = {fingers: _likelihood(across, tips, breadths, fingers, p) for fingers in sets}
    likeliest = max(fits, key=fits.__getitem__)
    mirrored = max(_likelihood(across, tips, breadths, fingers[::-1], p) for fingers in sets)
    clear = fits[likeliest] - fits[stated] > p.otherwise
    other_hand = mirrored - fits[likeliest] > math.log(p.sure / (1 - p.sure))
    return likeliest if clear and not other_hand else ()


def _best(
    across: Floats, tips: Floats, breadths: Floats, known: tuple[int, ...], order: tuple[int, ...], p: Anatomy
) -> float:
    choices = [known] if len(known) == len(tips) else list(combinations(order, len(tips)))
    return max(_likelihood(across, tips, breadths, choice, p) for choice in choices)


def _likelihood(
    across: Floats, tips: Floats, breadths: Floats, fingers: tuple[int, ...], p: Anatomy
) -> float:
    """Return the logarithm of the likelihood that these are those fingers, 0 index to 3 little."""
    which = np.array(fingers)
    drop, own = np.array(p.drop)[which], np.array(p.own)[which]
    aside = (across - across.mean()) * MM
    unknown = ANYWHERE + p.tilt**2 * np.outer(aside, aside) + p.size**2 * np.outer(drop, drop)
    breadth = np.log(breadths * MM) - np.log(np.array(p.breadth)[which])
    return _gaussian(tips * MM - drop, np.diag(own**2) + unknown) + _gaussian(
        breadth - breadth.mean(), np.eye(len(which)) * p.uneven**2
    )


def _gaussian(off: Floats, covariance: Floats) -> float:
    off = off - off.mean()
    _, volume = np.linalg.slogdet(covariance)
    return float(-0.5 * (off @ np.linalg.solve(covariance, off) + volume))
