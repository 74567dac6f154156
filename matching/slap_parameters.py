"""The constants of slaps: unit, source, and the range tried where one was tuned (on synthetic slaps).

Lengths are pixels at 500 ppi unless said otherwise, cells are 8 x 8 such pixels.
"""

from typing import NamedTuple


class Skin(NamedTuple):
    """Where fingers touch: cells of enough contrast whose grey levels run in one direction."""

    smooth: float = 1.0  # cells, sigma of the smoothing of the local variance
    quantile: float = 0.99  # of all cells, taken as the deviation of a finger: a single one fills 3 %
    share: float = 0.3  # of that deviation; 0.25..0.4 alike
    least: float = 4.0  # grey levels of deviation
    along: float = 1.4  # cells, sigma of the smoothing of the structure tensor
    coherence: float = 0.12  # of it; noise has below 0.1
    sharp: float = 0.6  # cells, sigma of the smoothing of the steepness that shows gaps between fingers
    gap: float = 0.35  # of the median steepness of skin, below which a cell is a gap; 0.3, 0.4 alike
    hole: float = 0.77  # of a cell and its eight neighbours, from which on a gap is but a hole: 7 of 9
    ridged: float = 0.25  # mean coherence of a part, below which it is no skin; a dry finger has 0.35


class Parts(NamedTuple):
    """The masses between necks, and which of them is a fingertip."""

    most: int = 30  # cells of depth that are told apart; a broad thumb has 22
    neck: float = 0.83  # of the depth of the shallower of two, from which on they are one; 0.8..0.85 alike
    finer: float = 0.9  # the same, tried where the number of fingers is wrong; 0.94 alike
    shallow: float = 3.5  # cells of depth below which a part has no life of its own
    area: int = 220  # cells of a fingertip, least: 36 mm2
    share: float = 0.25  # of the largest fingertip, least
    slender: float = 16.0  # ratio of the variances along and across, most: beyond it is an edge, no finger
    aside: float = 0.55  # of the upper one's width, that the lower part of one finger may lie aside
    joint: float = 110.0  # px without contact at a joint, most
    first: float = 0.95  # of the width, that a fingertip is tall at least
    narrow: float = 0.87  # of the breadth above and below, that a joint is at most; 0.8, 0.93 worse
    tall: float = 2.2  # times the width, that a fingertip is tall at most: the rest is below the joint


class Turn(NamedTuple):
    """The direction of the fingers."""

    most: float = 1.2  # rad, the farthest turn that is tried; beyond 60 degrees a hand does not lie
    step: float = 0.035  # rad from one to the next
    usual: float = 0.8  # rad, spread of turns as they come
    doubt: float = 0.5  # rad off the others, at which a part's direction counts by 1/e
    ridges: float = 0.15  # weight of a part's ridges against its shape; 1 worse
    round: float = 1.25  # ratio of the variances along and across, from which on a part has a direction
    long: float = 1.7  # ratio at which that direction is its own fully
    fanned: float = 0.35  # rad that a finger may be off the hand's direction


class Cut(NamedTuple):
    """Upright images of single fingers."""

    margin: float = 10.0  # px around the box


class Anatomy(NamedTuple):
    """Index, middle, ring and little finger of a hand: how far the tips lie below the middle one's."""

    # mm, fingers stretched and together: Chatzioglou, Pinar and Govsa, Anat Cell Biol 57(2), 2024
    drop: tuple[float, float, float, float] = (10.7, 0.0, 10.8, 36.4)
    own: tuple[float, float, float, float] = (5.0, 3.0, 4.0, 5.5)  # mm, spread: theirs, and how fingers bend
    tilt: float = 0.12  # rad, spread of the error of the hand's direction
    size: float = 0.12  # spread of hands' sizes
    breadth: tuple[float, float, float, float] = (1.0, 1.02, 0.99, 0.90)  # of the contacts; little narrowest
    uneven: float = 0.09  # spread of one contact's breadth, as a share
    sure: float = 0.9  # probability below which the hand is undetermined
    # logarithm of how many times likelier than the stated fingers others must be: 1000, see DECISIONS; 5 to 8
    otherwise: float = 6.9


class Slaps(NamedTuple):
    """The constants of all stages."""

    skin: Skin = Skin()
    parts: Parts = Parts()
    turn: Turn = Turn()
    cut: Cut = Cut()
    anatomy: Anatomy = Anatomy()


SLAPS = Slaps()
