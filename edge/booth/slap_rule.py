"""Slaps, pure: which fingers lie together, what they are called, and which of several attempts is kept."""

from collections.abc import Collection, Mapping, Sequence

from edge.messages import POSITION_NAMES

RIGHT_FOUR, LEFT_FOUR, THUMBS = 13, 14, 15  # ISO/IEC 19794-4:2005, table 6
FINGERS = {RIGHT_FOUR: (2, 3, 4, 5), LEFT_FOUR: (7, 8, 9, 10), THUMBS: (1, 6)}  # in the order they decide
NAMES = {RIGHT_FOUR: "four right fingers", LEFT_FOUR: "four left fingers", THUMBS: "two thumbs"}
HANDS = {RIGHT_FOUR: "right", LEFT_FOUR: "left"}


def words_for(position: int, fingers: Collection[int] = ()) -> str:
    """Name a finger, or what is laid down together; `fingers`: those of the slap that the person has."""
    if position not in FINGERS:
        return POSITION_NAMES[position]
    if not fingers or len(fingers) == len(FINGERS[position]):
        return NAMES[position]
    return listed(sorted(fingers))


def listed(positions: Sequence[int]) -> str:
    """Return the names of fingers: "right index, right middle and right little"."""
    *first, last = (POSITION_NAMES[p] for p in positions)
    return f"{', '.join(first)} and {last}" if first else last


def best_of(attempts: Sequence[Mapping[int, int]], slap: int) -> int:
    """Return which of several attempts is kept; each is quality by finger, all of the same fingers.

    BSI TR-03121-3 volume 4: the better index, of equals the better middle, then ring, then little finger; of
    thumbs the right, then the left. Of equal attempts the last.
    """
    order = FINGERS[slap]
    return max(range(len(attempts)), key=lambda n: ([attempts[n].get(p, 0) for p in order], n))
