"""Every constant of comparison: its unit, its source, and the range tried where it was tuned.

Lengths are pixels at 500 ppi (0.0508 mm), angles radians. "MCC" is Cappelli, Ferrara and Maltoni, Minutia
Cylinder-Code, IEEE PAMI 32(12), 2010. A kernel receives its stage's tuple as an argument, because a global
would be frozen into its cache.
"""

import math
from typing import NamedTuple


class Cylinder(NamedTuple):
    """The cylinder around a minutia: which cells are full, one bit each (MCC, bit-based)."""

    radius: float = 70.0  # px; MCC 70
    side: int = 8  # cells along the diameter; MCC 8 or 16
    sections: int = 6  # of the full turn; MCC 5 or 6
    spread: float = 7.0  # px, sigma of a neighbour's position; MCC 28/3
    turn: float = 2 * math.pi / 9  # rad, sigma of a neighbour's direction; MCC 2 pi / 9
    full: float = 0.005  # contribution above which a cell is 1; MCC 0.01, 0.005 in later work
    margin: float = 40.0  # px around the convex hull of the minutiae in which cells count; MCC 50


class Coverage(NamedTuple):
    """Where a minutia would have been found."""

    margin: float = 12.0  # px around the convex hull of the minutiae


class Similarity(NamedTuple):
    """How alike two minutiae are by their surroundings alone, in 0..1."""

    least_cells: int = 27  # of the 52 of a cylinder that must be valid in both
    least_points: int = 8  # points of the flow code that must be valid in both
    flow_gate: float = 0.6  # flow agreement (-1..1) below which the minutiae are unlike
    cylinder_slope: float = 18.5 / 12  # of the likeness over cylinder similarity, with flow
    flow_slope: float = 15.0 / 12  # of the likeness over flow agreement
    offset: float = -0.81875  # of the likeness, with flow
    bare_slope: float = 2.0  # of the likeness over cylinder similarity, without flow
    bare_offset: float = -0.4  # of the likeness, without flow


class Shortlist(NamedTuple):
    """The most alike pairs, which decide how the impressions lie on each other."""

    pool: int = 24  # most alike pairs looked at; 24..128 alike
    size: int = 12  # pairs kept; 10..20, above 14 worse


class Relaxation(NamedTuple):
    """Support of pairs for each other by geometry (MCC, local similarity sort with relaxation)."""

    distance: float = 5.0  # px of misfit at which support has halved, for close pairs
    stretch: float = 0.10  # of the distance between the pairs, added to it
    turn: float = 0.30  # rad of misfit at which support has halved
    memory: float = 0.5  # of the earlier value kept in a round; MCC 0.5
    gain: float = 2.0  # of the mean support
    rounds: int = 4  # MCC 5


class Alignment(NamedTuple):
    """The rigid motion that lays the probe on the candidate."""

    seeds: int = 4  # pairs tried as the root of a motion; 2..6 alike
    lever: float = 20.0  # px a direction weighs as much as
    worth: float = 0.5  # of the best supported pair's likeness, for a pair to be tried as a root; 0..0.7
    hope: float = 1.0  # of the best pairing so far, for a pairing to be refined; 0..1 alike, 1 faster
    faint: float = 0.02  # support below which a pair does not take part
    rounds: int = 2  # pairings, the motion fitted again in between; 1..3, 1 a little worse


class Pairing(NamedTuple):
    """One to one pairing that follows the skin's distortion outward from where it is sure."""

    reach: float = 14.0  # px of misfit allowed under the rigid motion alone
    tight: float = 8.0  # px of misfit allowed beside a paired minutia
    loosen: float = 0.15  # px allowed more per pixel of distance to the nearest paired minutia
    loose: float = 28.0  # px of misfit allowed at most
    turn: float = 0.45  # rad of misfit of direction allowed
    soften: float = 400.0  # px^2 added to squared distances in the weights of displacements


class Evidence(NamedTuple):
    """What a pairing is worth."""

    share: float = 0.5  # of a pair's strength that depends on how close it is
    floor: float = 0.4  # strength of a pair without likeness
    hopeless: float = 0.1  # supported likeness below which the score is 0; 0.06..0.1 alike, time falls
    hopeless_bare: float = 0.055  # the same without ridge flow; 0.04..0.055 alike, 0.07 misses matches
    few: float = 6.0  # minutiae added to the overlap, so that a tiny overlap is worth little
    faint: float = 0.02  # supported likeness from which on support counts
    room: float = 400.0  # px^2 a minutia below which strength fades; no impression of ours has below 750


class Ridges(NamedTuple):
    """Whether ridges agree beside paired minutiae; looked at only where that can decide.

    Ranges tried on five FVC sets as they are, and each of them bent, dried, wetted, cut and dirtied.
    """

    doubtful: float = 2.0  # merit from which on impostors come near genuine pairs; 1 no better and slower
    certain: float = 15.0  # merit that 1 in a million impostor pairs is expected to reach; 10..20 alike
    granted: float = 0.15  # agreement taken for such a pairing: two in three genuine ones agree better
    lever: float = 20.0  # px a direction weighs as much as
    soften: float = 400.0  # px^2 added to squared distances in the weights of displacements; 1600 alike
    step: int = 4  # cells between two patches, each way; 3..5 alike, time falls
    near: float = 40.0  # px from a paired minutia within which patches lie; 25..60, both a little worse
    half: int = 4  # points of 8/3 px, so patches of 9 x 9; 3 worse, 5 alike
    least: int = 40  # points of a patch that must be known in both
    chance: float = 0.55  # correlation of a patch that counts for nothing; 0.35 worse, 0.5..0.65 alike
    few: float = 8.0  # patches added to their number, so that few patches are worth little; 4..16 alike


class Weights(NamedTuple):
    """The score: a weighted sum of four terms, in natural logarithms of odds; all 0 gives 0."""

    support: float
    merit: float
    overlap: float
    ridges: float


class Comparison(NamedTuple):
    """The constants of all stages, and the weights of the score with ridge evidence on both sides or not."""

    similarity: Similarity = Similarity()
    shortlist: Shortlist = Shortlist()
    relaxation: Relaxation = Relaxation()
    alignment: Alignment = Alignment()
    pairing: Pairing = Pairing()
    evidence: Evidence = Evidence()
    ridges: Ridges = Ridges()
    full: Weights = Weights(1.0, 1.0, 0.0, 1.0)
    minutiae_only: Weights = Weights(1.0, 1.0, 0.0, 0.0)


CYLINDER = Cylinder()
COVERAGE = Coverage()
COMPARISON = Comparison()


class Ranking(NamedTuple):
    """The first stage of a search: likeness of short codes, without geometry."""

    neighbours: float = 0.6  # weight of the neighbours' places against the ridge flow; 0.3..1 alike
    least_points: int = 8  # flow points that must be valid in both
    best: int = 10  # minutiae of the probe that count; 6..15 alike


RANKING = Ranking()
