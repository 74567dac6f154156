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
    noise: float = 4.0  # grey levels added to the deviation, so that quiet areas stay quiet; 3..12 alike
    limit: float = 3.0  # deviations at which values are clipped
    enough: int = 20  # pixels of the window that must not be constant


class Contact(NamedTuple):
    """First guess of where skin touched, from the local deviation of grey levels."""

    quantile: float = 0.9  # of all cells, taken as the deviation of good contact
    share: float = 0.2  # of that deviation a cell must have
    least: float = 2.0  # grey levels of deviation a cell must have; 4 loses faint impressions
    island: float = 0.2  # share of the largest component below which a component is dropped


class Flow(NamedTuple):
    """Ridge orientation: a fine estimate where it is sure of itself, a coarse one where not."""

    fine: float = 1.4  # cells, sigma of the fine estimate; 0.8 worse, 1.2..2.0 alike
    coarse: float = 3.0  # cells, sigma of the coarse estimate; 2.5..4.0, 4.0 worse
    unsure: float = 0.15  # coherence of the fine estimate below which only the coarse one counts
    sure: float = 0.5  # coherence above which only the fine one counts
    balance: float = 4.0  # gradient energy of a cell at which strong cells stop counting for more


class Period(NamedTuple):
    """Distance from ridge to ridge, from the spectrum of profiles across the ridges."""

    shortest: float = 4.0  # px; children's fingers are near 5
    longest: float = 16.0  # px; at least 12.5 in adults' thumbs
    step: int = 2  # cells between two profiles, each way
    reach: int = 8  # px along the ridge, to each side, averaged into a profile
    smooth: float = 1.6  # sigma, in steps; 1.2..3.0, 3.0 worse
    prior: float = 0.7  # weight of the whole finger's spectrum against the local one; 0.15..1.2, both worse


class Fine(NamedTuple):
    """Children's ridges: the image is enlarged until they are as an adult's."""

    below: float = 7.0  # px, median period to do so under; 6.6 helps less; adults have 6.7 to 12
    wanted: float = 9.0  # px, median period of an adult
    most: float = 1.6  # times: what is taken for finer still is more often a misjudged finger
    least: int = 4  # cells, side of an image that a finger can be seen in


class Gabor(NamedTuple):
    """The bank of contextual filters."""

    orientations: int = 64  # in half a turn; 32 a little worse
    periods: int = 13  # steps from shortest to longest; 9 a little worse
    shortest: float = 4.5  # px
    longest: float = 14.5  # px
    radius: int = 7  # px, kernel of 15 x 15; 6, 8, 9 worse
    along: float = 3.6  # px, sigma along the ridge; 3..5
    across: float = 0.45  # periods, sigma across the ridge
    across_least: float = 2.2  # px


class Segment(NamedTuple):
    """Foreground: where enough of the normalised image passes the filter and contrast is not too low."""

    ratio: float = 0.30  # of root mean squares, enhanced to normalised; 0.26..0.34 alike, study: 0.22..0.42
    smooth: float = 1.0  # cells, sigma of the smoothing of mean squares and contrast
    quantile: float = 0.8  # of cells in contact, taken as the contrast of good contact
    share: float = 0.5  # of that contrast; below it the ratio must be higher in proportion; 0, 0.4, 0.6, 0.8
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
    facing: float = 10.0  # px between two minutiae of one broken or bridged ridge; 7..11
    crowd: float = 6.0  # px between two minutiae of which only one stays
    touch: float = 4.0  # px between two minutiae of which none stays


class Place(NamedTuple):
    """Exact places of minutiae, from the enhanced image."""

    ahead: int = 5  # px ahead of the minutia over which the crest is averaged
    aside: int = 3  # px to each side in which the crest is looked for
    most_aside: float = 1.5  # px a minutia is moved across its direction
    reach: int = 6  # px ahead and behind in which the ridge or valley may begin
    late: float = 1.0  # px that the sign changes late; without bias on synthetic truth; -3.5..2 tried
    most_ahead: float = 4.0  # px a minutia is moved along its direction; 2, 4, 6


class Singular(NamedTuple):
    """Cores and deltas, and the class of the pattern; tuned on synthetic fingers, looked at on five sets."""

    smooth: float = 1.0  # cells, sigma of the smoothing of directions; 0.7..1.5 alike
    reach: int = 2  # cells to each side that the linear field is fitted to
    misfit: float = 0.25  # share of the field's energy that the linear field may leave
    astray: float = 1.5  # cells from the square that turns to the zero of the fit
    undone: float = 28.0  # px between a core and a delta that undo each other
    same: float = 8.0  # px between two points of one kind of which one stays
    tented: float = 0.2  # rad between where a core opens to and its delta
    leaning: float = 0.1  # rad from straight down that a core without a delta opens to, to be a loop
    area: float = 100.0  # mm2 of foreground from which on a pattern without points is seen whole
    slope: float = 0.15  # mean sine of twice the ridges' angle on both sides of an arch


class Extraction(NamedTuple):
    """The constants of all stages."""

    flat: Flat = Flat()
    normalise: Normalise = Normalise()
    contact: Contact = Contact()
    flow: Flow = Flow()
    flow_again: Flow = Flow(fine=0.8, coarse=2.0)  # on the enhanced image; study
    period: Period = Period()
    fine: Fine = Fine()
    gabor: Gabor = Gabor()
    segment: Segment = Segment()
    skeleton: Skeleton = Skeleton()
    detect: Detect = Detect()
    place: Place = Place()
    singular: Singular = Singular()


EXTRACTION = Extraction()


class Ramp(NamedTuple):
    """How one part of the quality counts: least at its worst, fully at its best."""

    part: str
    worst: float  # in the part's unit
    best: float
    weight: float  # exponent
    least: float = 0.05  # left at the worst; next to 0 in parts without which there is no finger


class Judge(NamedTuple):
    """Quality: a product of ramps, and the limits of the hints.

    Worsts and bests are about the 2nd and the 80th of a hundred images of five FVC sets. The weights were
    fitted by benchmarks/fit_quality.py to genuine comparison scores, ours and NBIS's.
    """

    ramps: tuple[Ramp, ...] = (
        Ramp("area", 10.0, 200.0, 0.18, least=1e-9),
        Ramp("clarity", 0.3, 0.85, 0.03, least=1e-9),
        Ramp("flow", 0.1, 0.65, 0.06, least=1e-9),
        Ramp("frequency", 0.1, 0.0, 0.17),
        Ramp("minutiae", 0.0, 35.0, 0.23, least=2e-3),
        Ramp("contrast", 2.0, 25.0, 0.11),
        Ramp("imbalance", 0.3, 0.0, 0.07),
        Ramp("closed", 0.6, 0.07, 0.23),
        Ramp("uneven", 0.3, 0.15, 0.40),
    )
    steepness: float = 1.99  # of the exponent of all ramps; sets the median of the five sets to 50
    unclear: float = 0.45  # clarity at and below which a minutia does not count; 0.35..0.55
    clear: float = 0.85  # clarity from which on it counts fully
    filled: float = 0.8  # share of dark pixels above which a cell is filled; 0.75, 0.8
    bare: float = 0.15  # share of dark pixels below which it is bare; 0.15, 0.2
    balanced: float = 0.45  # share of dark pixels of a finger neither dry nor wet
    good: int = 45  # score from which no hint is given
    no_finger: float = 15.0  # mm2 of foreground
    small: float = 85.0  # mm2 of foreground; a thumb's contact is about 250
    off_centre: float = 3.2  # mm
    wet: float = 0.52  # share of dark pixels
    thin: float = 0.41  # share of dark pixels: dry, or pressed lightly
    broken: float = 0.52  # coherence of flow below which thin ridges are broken, as on a dry finger


QUALITY = Judge()
