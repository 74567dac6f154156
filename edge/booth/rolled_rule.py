"""Rolled fingers, pure: which of several attempts is kept, and what the plain impressions say of one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

UNDETERMINED_AT_MOST = 2  # of one person's rolls by chance, where others are their own finger (DECISIONS)


class Control(StrEnum):
    """What comparing a rolled impression with the plain ones taken before says (BSI TR-03121-3 volume 4)."""

    OWN = "own"  # its own finger matches
    OTHER = "other"  # only another finger matches: fingers were not shown in the order asked for
    UNDETERMINED = "undetermined"  # none matches


def control(position: int, own: Collection[int], others: Collection[int]) -> Control:
    """Compare with the plain impressions.

    `own`: positions that match at the rate asked of the finger's own impression; `others`: those that match
    at the stricter rate asked of each of the others. Whether the own one matches is what counts.
    """
    if position in own:
        return Control.OWN
    return Control.OTHER if set(others) - {position} else Control.UNDETERMINED


def too_many(unsigned: int, undetermined: int, rolled: int) -> bool:
    """Whether so many kept rolls match no plain finger that it is no chance: three, or all that were rolled.

    `unsigned`: those of them that no supervisor has looked at.
    """
    return unsigned >= UNDETERMINED_AT_MOST + 1 or (unsigned > 0 and undetermined == rolled)


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt, as the rule sees it."""

    quality: int
    issue: bool  # reported while it was taken: rolled back, slipped …


def best_of(attempts: Sequence[Try]) -> int:
    """Return which of several attempts is kept.

    BSI TR-03121-3 volume 4: the highest quality among those without an issue; where all have one, the highest
    of all; of equals the last.
    """
    return max(range(len(attempts)), key=lambda n: (not attempts[n].issue, attempts[n].quality, n))
