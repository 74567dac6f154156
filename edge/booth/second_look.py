"""Whether a sample is of a finger taken before, where one comparison leaves it open.

Each comparison comes as the false match rate (FMR) at which its score would just be a match. At or below
`AT_ONCE` it is the same finger; above `ASK` it is not. In between the same finger is asked for once more, and
both samples decide: the same where the geometric mean of the two rates, which is the mean of their scores
where the tail is exponential, is at most `TOGETHER`, or where the second one alone says so at once. There is
no third look while fingers are captured; where doubt is left, both fingers are confirmed before sealing
(`enrolment`). Two samples of the same two fingers are alike: the rate of the decision is measured, not the
product (DECISIONS.md, 2026-11-26).
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

AT_ONCE, TOGETHER, ASK = 3e-6, 2e-5, 1e-3
Place = TypeVar("Place", int, tuple[int, int])  # a position taken, or of a slap: shown as, and taken


@dataclass(frozen=True, slots=True)
class Looked(Generic[Place]):
    """What one sample, with the one before it where that was doubtful, says of the fingers taken before."""

    same: tuple[Place, ...] = ()  # positions that it is
    doubtful: dict[Place, float] = field(default_factory=dict)  # position -> FMR: another look is needed
    together: dict[Place, float] = field(default_factory=dict)  # position -> mean of both samples' FMR


def look(
    sure: Collection[Place], perhaps: Mapping[Place, float], before: Mapping[Place, float]
) -> Looked[Place]:
    """Decide by the comparisons with fingers taken before, by their positions.

    `sure` are those at most AT_ONCE, `perhaps` those between it and ASK with their FMR, `before` the doubtful
    ones of the sample before this one, empty at the first look.
    """
    either = {**before, **perhaps} if before else {}
    together: dict[Place, float] = {
        p: math.sqrt(before.get(p, 1.0) * perhaps.get(p, 1.0)) for p in either if p not in sure
    }
    same: set[Any] = {*sure, *(p for p, rate in together.items() if rate <= TOGETHER)}
    return Looked(tuple(sorted(same)), {} if before or same else dict(perhaps), together)
