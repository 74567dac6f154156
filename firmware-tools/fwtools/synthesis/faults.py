"""What can be wrong with one presentation of a finger, added to how it was drawn."""

from typing import NamedTuple


class Fault(NamedTuple):
    """All zero and one: nothing is wrong."""

    force: float = 0.0  # added; usual forces are -1 a touch to 1 pressed hard
    moisture: float = 0.0  # added; usual fingers are -1.2 dry to 1.2 wet
    shift: tuple[float, float] = (0.0, 0.0)  # px, added, right and down
    patch: float = 1.0  # of the usual length and width of what touches

    def weaker(self, strength: float) -> "Fault":
        """Return the fault at a strength of 0 (nothing wrong) to 1 (all of it)."""
        across, along = self.shift
        return Fault(
            self.force * strength,
            self.moisture * strength,
            (across * strength, along * strength),
            1 + (self.patch - 1) * strength,
        )


SOUND = Fault()
FAULTS = {  # found by look: the worst that an operator still shows to a scanner
    "dry": Fault(force=-0.4, moisture=-1.6),
    "wet": Fault(force=0.5, moisture=1.6),
    "light": Fault(force=-1.3),
    "small": Fault(patch=0.5),
    "off-centre": Fault(shift=(105.0, 70.0)),
}
