"""Every constant of extraction: its unit, its source, and the range tried where it was tuned.

Lengths are pixels at 500 ppi (0.0508 mm), cells are 8 x 8 such pixels. "study" is the project's own
feasibility study on eleven FVC B sets; other ranges were tried on five of them (DECISIONS.md).
A kernel receives its stage's tuple as an argument, because a global would be frozen into its cache.
"""

from typing import NamedTuple


class Flat(NamedTuple):
    """Constant areas: sensor background painted by a driver, masks, saturated glass."""

    reach: int = 1  # tiles of 4 px around a tile that must be as constant; study: 1, 2
    tolerance: int = 6  # grey levels between the darkest and the lightest pixel; study: 2..10


class Normalise(NamedTuple):
    """Local mean to 0 and local deviation to 1, constant areas left out."""

    radius: int = 10  # px of the square window; study: 7..10 alike, 14 worse
    noise: float = 6.0  # grey levels added to the deviation, so that quiet areas stay quiet
    limit: float = 3.0  # deviations at which values are clipped
    enough: int = 20  # pixels of the window that must not be constant


class Contact(NamedTuple):
    """First guess of where skin touched, from the local deviation of grey levels."""

    percentile: float = 0.9  # of cells, taken as the deviation of good contact
    share: float = 0.2  # of that deviation a cell must have
    least: float = 4.0  # grey levels of deviation a cell must have
    island: float = 0.2  # share of the largest component below which a component is dropped


class Flow(NamedTuple):
    """Ridge orientation: a fine estimate where it is sure of itself, a coarse one where not."""

    fine: float = 1.2  # cells, sigma of the fine estimate
    coarse: float = 3.0  # cells, sigma of the coarse estimate
    unsure: float = 0.15  # coherence of the fine estimate below which only the coarse one counts
    sure: float = 0.5  # coherence above which only the fine one counts
    balance: float = 4.0  # gradient energy of a cell at which strong cells stop counting for more


class Period(NamedTuple):
    """Distance from ridge to ridge, from the spectrum of profiles across the ridges."""

    shortest: float = 4.0  # px; children's fingers are near 5
    longest: float = 16.0  # px; at least 12.5 in adults' thumbs
    step: int = 2  # cells between two profiles, each way
    reach: int = 8  # px along the ridge, to each side, averaged into a profile
    smooth: float = 1.2  # sigma, in steps
    prior: float = 0.35  # weight of the whole finger's spectrum against the local one


class Gabor(NamedTuple):
    """The bank of contextual filters."""

    orientations: int = 32  # in half a turn
    periods: tuple[float, ...] = (4.5, 5.2, 6.0, 6.9, 7.9, 9.1, 10.5, 12.0, 14.0)  # px, ratio about 1.15
    radius: int = 7  # px, kernel of 15 x 15; study: 7, 9
    along: float = 4.0  # px, sigma along the ridge; study: 3..5
    across: float = 0.45  # periods, sigma across the ridge
    across_least: float = 2.2  # px


class Segment(NamedTuple):
    """Foreground: where the enhanced image keeps enough of the normalised one."""

    ratio: float = 0.30  # of root mean squares, enhanced to normalised; study: 0.22 and 0.42 worse
    smooth: float = 1.0  # cells, sigma of the smoothing of both mean squares
    opening: int = 2  # cells, radius of the opening that removes thin outgrowths
    island: float = 0.12  # share of the largest component below which a component is dropped


class Skeleton(NamedTuple):
    """Cleaning of the one-pixel ridges."""

    spur: int = 8  # px, branches and islands up to this length are removed; study: 6..10


class Detect(NamedTuple):
    """Minutiae on the skeleton, and what makes one false."""

    follow: int = 10  # px a ridge is followed for its side of the orientation
    arm: int = 6  # px that each ridge of a bifurcation must have
    border: int = 12  # px from the edge of the foreground; study: 8..16
    exit: int = 18  # px ahead of a ridge ending that must be foreground; study: 12..24
    facing: float = 9.0  # px between two minutiae of one broken or bridged ridge; study: 7..11
    crowd: float = 6.0  # px between two minutiae of which only one stays
    touch: float = 4.0  # px between two minutiae of which none stays


class Extraction(NamedTuple):
    """The constants of all stages."""

    flat: Flat = Flat()
    normalise: Normalise = Normalise()
    contact: Contact = Contact()
    flow: Flow = Flow()
    flow_again: Flow = Flow(fine=0.8, coarse=2.0)  # on the enhanced image; study
    period: Period = Period()
    gabor: Gabor = Gabor()
    segment: Segment = Segment()
    skeleton: Skeleton = Skeleton()
    detect: Detect = Detect()


EXTRACTION = Extraction()


class Ramp(NamedTuple):
    """How one part of the quality counts: nothing at its worst, fully at its best."""

    part: str
    worst: float  # in the part's unit
    best: float
    weight: float  # exponent


class Judge(NamedTuple):
    """Quality: a product of ramps, and the limits of the hints."""

    ramps: tuple[Ramp, ...] = (
        Ramp("area", 20.0, 220.0, 0.5),
        Ramp("clarity", 0.3, 0.8, 0.5),
        Ramp("flow", 0.15, 0.7, 0.4),
        Ramp("minutiae", 3.0, 30.0, 0.3),
        Ramp("kept", 0.4, 0.9, 0.2),
    )
    good: int = 60  # score from which no hint is given
    no_finger: float = 20.0  # mm2 of foreground
    small: float = 120.0  # mm2 of foreground; a thumb's contact is about 250
    off_centre: float = 4.0  # mm
    wet: float = 0.56  # share of dark pixels
    dry: float = 0.36  # share of dark pixels
    unclear: float = 0.55  # clarity


QUALITY = Judge()
