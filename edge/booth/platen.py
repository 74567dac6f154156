"""Whether the platen was empty before a capture, as the journal keeps it: one word for each order, pure.

Nothing is captured while something lies there, or a print of it: the driver looks before each capture. So
nobody overrides it; a finger is lifted, a print is wiped off.
"""

from typing import Literal

from edge.messages import PresentationFault

OCCUPIED = "platen.occupied"
What = Literal["ghost", "finger", "unknown"]
SAID: dict[PresentationFault, What] = {
    PresentationFault.GHOST: "ghost",
    PresentationFault.NOT_LIFTED: "finger",
}


class Platen:
    """Tell it what the scanner says of an order; it returns what is to be recorded, once."""

    def __init__(self) -> None:
        self._order = 0
        self._waits = False  # something lay there, and what it is was not told
        self._recorded = False

    def occupied(self, order: int) -> None:
        """Something was there before the finger that is asked for."""
        self._of(order)
        self._waits = not self._recorded

    def presented(self, order: int, fault: PresentationFault | None) -> What | None:
        """What lies there was told; a finger that stays after its own picture is none of this."""
        self._of(order)
        if fault in SAID and (self._waits or fault is PresentationFault.GHOST):
            return self._record(SAID[fault])
        return None

    def lifted(self, order: int) -> What | None:
        """The platen is empty; of scanners without previews nobody knows what it was."""
        self._of(order)
        return self._record("unknown") if self._waits else None

    def _of(self, order: int) -> None:
        if order != self._order:
            self._order, self._waits, self._recorded = order, False, False

    def _record(self, what: What) -> What | None:
        first, self._waits, self._recorded = not self._recorded, False, True
        return what if first else None
