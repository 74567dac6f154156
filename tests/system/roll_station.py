"""The hands of one made-up person at a slap scanner, who also rolls fingers from nail to nail."""

from functools import cache

from edge.messages import State
from fwtools.synthesis.files import png
from fwtools.synthesis.hand import IN_PICTURE
from fwtools.synthesis.people import draw_person
from fwtools.synthesis.roll_files import pages
from fwtools.synthesis.rolled import Mishap
from fwtools.synthesis.slap import synthesise_slap
from tests.fwtools.rolls import flat_finger, rolled
from tests.system.slap_station import Hands


@cache
def laid_flat(fingers: tuple[int, ...], impression: int, subject: int) -> bytes:
    """Return a picture (PNG) of the flat parts of fingers that are also rolled."""
    (position,) = [p for p, all_of_it in IN_PICTURE.items() if set(fingers) <= set(all_of_it)]
    missing = frozenset(IN_PICTURE[position]) - set(fingers)
    path = (1, subject, impression)
    made = synthesise_slap(
        lambda p: flat_finger(subject, p), draw_person(1, subject), position, path, missing, 15.0
    )
    return png(made.pixels)


@cache
def roll_of(position: int, impression: int, subject: int, mishap: Mishap) -> bytes:
    """Return the pictures of a roll (TIFF)."""
    return pages(rolled(subject, position, impression, mishap).frames)


class RollingHands(Hands):
    """Lays fingers down and rolls them."""

    def picture(self, fingers: tuple[int, ...], impression: int, subject: int) -> bytes:
        """Return what these fingers look like on the scanner (PNG)."""
        return laid_flat(fingers, impression, subject)

    def roll(self, finger: int, impression: int = 1, subject: int = 1, mishap: Mishap = Mishap.NONE) -> State:
        """Roll a finger when one is wanted; return the state when it was judged."""
        name = f"{subject}-{finger}-{impression}-{mishap}.tif"
        return self._show(name, roll_of(finger, impression, subject, mishap))
