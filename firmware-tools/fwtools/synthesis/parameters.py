"""The tuned constants of impressions: unit, source, and the range tried.

Lengths are pixels at 500 ppi. "look" means judged by eye beside FVC2002 DB1 and UareU images; "EER" means
tuned so that NBIS's equal error rate over 100 fingers of four impressions lies between 2 and 4 %, as it does
on good optical sensors (4.2 % on FVC2002 DB1, 2.3 % on UareU). A spread is a normal distribution's deviation.
"""

from typing import NamedTuple


class Presentation(NamedTuple):
    """How a finger comes down. Haste is drawn first: 1 is usual, 2 spreads everything below twice as far."""

    haste: float = 0.4  # spread of its logarithm; EER: 0.4, 0.5
    turn: float = 0.16  # radians, spread; EER: 0.13..0.16
    most_turn: float = 0.7  # radians
    shift: tuple[float, float] = (18.0, 23.0)  # px, spread, across and along; EER: 14..18, 18..23
    most_shift: tuple[float, float] = (50.0, 65.0)  # px
    roll: float = 18.0  # px, spread of the patch that touches, across; EER: 13..18
    most_roll: float = 45.0
    pitch: float = 32.0  # px, spread of the patch, along; EER: 22..32
    most_pitch: float = 75.0
    force: tuple[float, float] = (0.05, 0.5)  # mean and spread, -1 a touch to 1 pressed hard; look
    moisture: float = 0.42  # spread around the person's own; look, EER: 0.35..0.42
    half_width: tuple[float, float] = (108.0, 132.0)  # px of the patch, least and most: 11 to 13 mm across
    half_height: tuple[float, float] = (140.0, 188.0)  # px
    swell: float = 0.15  # share by which the patch grows with force; look: 0.07..0.18


class Slip(NamedTuple):
    """Ranges of the plastic distortion (Cappelli, Maio, Maltoni 2001); steeper ones fold the skin (look)."""

    middle: tuple[float, float] = (18.0, 24.0)  # px, spread of the middle of the part that sticks
    half_width: tuple[float, float] = (36.0, 55.0)  # px of that part; look: 35..62
    half_height: tuple[float, float] = (40.0, 65.0)
    softness: tuple[float, float] = (2.3, 3.4)  # its own radii; look, EER: 1.2..3.4
    pull: tuple[float, float] = (12.5, 13.5)  # px, spread, across and along; EER: 6..13.5
    most_pull: float = 24.0  # px; look: 11..25
    twist: float = 0.08  # radians, spread; EER: 0.045..0.08
    most_twist: float = 0.16  # radians
    waves: float = 1.2  # px, deviation of what no model says
    wave_length: float = 70.0  # px


class Ink(NamedTuple):
    """From the profile of the skin (-1 valley to 1 crest) to contact; all found by look."""

    soft: float = 0.17  # of the profile, scale of the sigmoid; tried 0.15..0.22
    level: float = 0.10  # share of the profile added for broader ridges
    by_force: float = 0.28
    by_moisture: float = 0.26  # tried 0.2..0.3
    blotch: float = 0.13  # deviation of the level over `blotch_size`
    wet_blotch: float = 0.10  # more of it on a wet finger
    blotch_size: float = 45.0  # px
    lean: float = 0.12  # spread of the level's tilt from one side to the other
    rim: float = 1.5  # of the level lost at the very rim
    rim_width: float = 7.0  # px over which it comes back
    grain: tuple[float, float] = (0.12, 0.28)  # deviation on any finger, and more on a dry one
    grain_size: float = 1.8  # px
    patches: tuple[float, float] = (
        0.05,
        0.28,
    )  # deviation of what stays off the glass, and more on a dry one
    patch_size: float = 14.0  # px
    rough: tuple[float, float, float] = (0.20, 0.18, 0.45)  # of the texture: any finger, dry, worn
    pores: tuple[float, float] = (0.75, 0.35)  # how open, and how much less on a wet finger
    creases: tuple[float, float] = (0.95, 0.3)  # how open, and how much less when pressed hard
    pale: tuple[float, float, float] = (0.10, 0.08, 0.07)  # of the darkness lost: mean, less by force, uneven
    pale_size: float = 30.0  # px


class Optics(NamedTuple):
    """The sensor."""

    background: float = 238.0  # grey level of the empty glass
    darkest: float = 28.0  # grey level of full contact
    darkest_range: tuple[float, float] = (-10.0, 22.0)  # added to it at each presentation
    falloff: float = 5.0  # grey levels lost in the corners
    slope: tuple[float, float] = (2.0, -3.0)  # grey levels, to the right and down
    mottle: float = 1.2  # grey levels, deviation over 90 px
    dust: float = 5.0  # specks on the glass, mean
    lens: float = 0.15  # share a pixel takes from each neighbour; tried 0.15..0.25
    noise: tuple[float, float] = (
        1.6,
        3.4,
    )  # grey levels, deviation on empty glass, and more under full contact


PRESENTATION, SLIP, INK, OPTICS = Presentation(), Slip(), Ink(), Optics()
