"""The constants of rolled impressions: unit, source, and the range tried (on synthetic rolls).

Lengths are pixels at 500 ppi, cells are 8 x 8 such pixels.
"""

from typing import NamedTuple


class Touch(NamedTuple):
    """Where the finger touches in one picture."""

    light: float = 90.0  # percentile of the grey levels that is empty glass
    dark: float = 24.0  # grey levels darker than it a cell and its neighbours are on average
    least: int = 60  # cells that touch: 38 mm2, less is no finger


class Joining(NamedTuple):
    """How neighbouring pictures are laid on each other."""

    apart: float = 20.0  # px that the strip has moved between two pictures that are used; tried 12..40
    inside: float = 1.5  # cells inside the rim from which ridges are compared
    slide: int = 24  # steps of 2 px that the whole strip may have slid
    node: int = 32  # px from one place where the move is measured to the next
    half: int = 24  # px from such a place to the edge of what is compared
    near: int = 5  # px that one place may have moved against the whole
    smooth: float = 1.5  # nodes over which moves are evened out
    likeness: float = 0.6  # of the mean difference that the least one is at most, where a match is believed
    power: float = 6.0  # of the depth inside the strip: how much the deepest picture prevails; tried 2..12


class Refusal(NamedTuple):
    """What is no roll from nail to nail."""

    overlap: float = 0.25  # of the smaller strip that it must share with the one before
    back: float = 60.0  # px that the strip may come back: a finger trembles
    slipped: float = 12.0  # px that the skin may slide between two pictures that are used
    gone: float = 0.12  # of the usual strip that is less than touching
    breadth: float = 1.8  # of the usual strip that all of it must be broad


TOUCH, JOINING, REFUSAL = Touch(), Joining(), Refusal()
