"""Whether someone is enrolled here already: which fingers are looked for where.

Every finger is looked for at its own position. A person's first three are looked for at all positions, too,
so that swapped hands hide nobody; one of them would be enough, but one in ten is not found at that rate, and
so two are of one person in a hundred. As many false hits are expected of that as of a finger's own position:
its rate is a tenth, and it looks through ten times as many.
Where nobody has two fingers to show, one tells, found at a rate that counts all who were looked through.
Once a finger has pointed at somebody, the following ones are compared with all fingers of that person, too.
"""

from collections.abc import Collection

from matching.gallery import Candidate, Gallery
from matching.template import Template

EVERYWHERE = 3  # fingers of a person looked for at all positions
POSITIONS = 10
EXACTLY, EXACTLY_EVERYWHERE = 30, 50  # fingers of its position and of all compared exactly


def enrolled_already(
    gallery: Gallery,
    probe: Template,
    position: int,
    before: int,
    fmr: float,
    suspected: Collection[str] = (),
) -> list[Candidate]:
    """Return the enrolled fingers that a probe of this position matches at this rate a comparison.

    `before` says how many fingers of the person have been accepted before this one, `suspected` which keys of
    the gallery they matched.
    """
    found = gallery.search(probe, position, fmr, exactly=EXACTLY)
    if before < EVERYWHERE:
        found += gallery.search(probe, None, fmr / POSITIONS, exactly=EXACTLY_EVERYWHERE)
    if suspected:
        found += gallery.search(probe, None, fmr / POSITIONS, among=suspected)
    return list({(one.key, one.position): one for one in found}.values())
