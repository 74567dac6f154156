"""One made-up finger: its ridges, skin and minutiae, before any impression of it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fwtools.synthesis.growth import grow
from fwtools.synthesis.minutiae import find_minutiae
from fwtools.synthesis.noise import smooth_noise
from fwtools.synthesis.orientation import orientation_field
from fwtools.synthesis.patterns import Layout, Pattern, draw_layout, draw_pattern
from fwtools.synthesis.people import Person, draw_person, stream
from fwtools.synthesis.period import LONGEST, SHORTEST, period_map
from fwtools.synthesis.skin import creases, pores, worn

HEIGHT, WIDTH = 512, 368  # pixels at 500 ppi, 26 by 19 mm: more than a flat finger touches
ROUND = 560  # width of a master that goes from nail to nail, 28 mm
SQUARE = 3  # exponent of the finger's outline: 2 would be an ellipse
RIM = 4  # pixels of a master without ridges at its rim
EDGE = 12  # pixels of a master without ground truth at its rim
SINGULAR = 7.0  # pixels around a core or delta where no line ends, the ridges just turn; tried 4..10
SOFTEN = 0.1  # share of the ridges' usual height below which they stay flat, at the very minutiae
GRAIN = 2.6  # pixels, size of the texture; tried 2..3

Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Finger:
    """The master of one finger; every array is float32 at 500 ppi, y growing down.

    It is (HEIGHT, WIDTH) large, or (HEIGHT, ROUND) of one that is there to be rolled.
    """

    seed: int
    subject: int
    position: int  # ISO/IEC 19794-2:2005 table 2: 1..5 right thumb to little, 6..10 left
    pattern: Pattern
    person: Person
    ridges: Image  # 1 on a crest, -1 in a valley
    pores: Image  # 0 closed to 1 open
    creases: Image  # 0 to 1 open
    texture: Image  # unevenness of the ridges, deviation 1
    wear: Image  # 0 sound to 1 ridges gone
    minutiae: NDArray[np.void]  # (n,) of MINUTIA in pixels of this master


def synthesise_finger(seed: int, subject: int, position: int, width: int = WIDTH) -> Finger:
    """Return the finger of a subject (1 ..) at a position (1..10); the same arguments, the same finger.

    width: WIDTH, or ROUND for one from nail to nail, which has the same pattern and other ridges; its
    `flat_part` is what lies on the glass when it is not rolled. ValueError for a position that no finger has.
    """
    if not 1 <= position <= 10:
        raise ValueError(f"finger position {position} is not 1..10")
    person = draw_person(seed, subject)
    rng = stream(seed, subject, position)
    layout = draw_layout(rng, draw_pattern(rng, position))
    x, y = finger_grid(width)
    orientation = orientation_field(rng, layout, x, y)
    period = period_map(rng, position, person.period, layout, x, y)
    even, odd = grow(rng, orientation, period, outline(x, y, RIM, width), SHORTEST, LONGEST)
    keep = outline(x, y, EDGE, width) & away_from(layout, x, y)
    return Finger(
        seed=seed,
        subject=subject,
        position=position,
        pattern=layout.pattern,
        person=person,
        ridges=(even / (np.hypot(even, odd) + SOFTEN)).astype(np.float32),
        pores=pores(rng, np.arctan2(odd, even), orientation, period),
        creases=creases(rng, even.shape, person.creases),
        texture=smooth_noise(rng, even.shape, GRAIN),
        wear=worn(rng, even.shape, person.wear),
        minutiae=find_minutiae(even, odd, orientation, period, keep),
    )


def flat_part(finger: Finger) -> Finger:
    """Return the middle of a finger from nail to nail as a master (HEIGHT, WIDTH)."""
    aside = (finger.ridges.shape[1] - WIDTH) // 2
    moved = finger.minutiae.copy()
    moved["x"] -= aside
    x, y = moved["x"] - np.float32((WIDTH - 1) / 2), np.float32((HEIGHT - 1) / 2) - moved["y"]

    def middle(image: Image) -> Image:
        return np.ascontiguousarray(image[:, aside : aside + WIDTH])

    return replace(
        finger,
        ridges=middle(finger.ridges),
        pores=middle(finger.pores),
        creases=middle(finger.creases),
        texture=middle(finger.texture),
        wear=middle(finger.wear),
        minutiae=moved[outline(x.astype(np.float32), y.astype(np.float32), EDGE)],
    )


def finger_grid(width: int = WIDTH) -> tuple[Image, Image]:
    """Return x to the right of and y above the finger's middle, both (HEIGHT, width) float32 pixels."""
    columns = np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2)
    rows = np.float32((HEIGHT - 1) / 2) - np.arange(HEIGHT, dtype=np.float32)
    x, y = np.meshgrid(columns, rows)
    return x, y


def outline(x: Image, y: Image, margin: float, width: int = WIDTH) -> NDArray[np.bool_]:
    """Return where the finger of this width is, less a margin in pixels."""
    across, along = np.abs(x) / (width / 2 - margin), np.abs(y) / (HEIGHT / 2 - margin)
    inside: NDArray[np.bool_] = across**SQUARE + along**SQUARE < 1
    return inside


def away_from(layout: Layout, x: Image, y: Image) -> NDArray[np.bool_]:
    """Return where no core or delta is near."""
    points = [(core.x, core.y) for core in layout.cores] + list(layout.deltas)
    far = np.ones(x.shape, np.bool_)
    for point in points:
        far &= np.hypot(x - point[0], y - point[1]) > SINGULAR
    return far
