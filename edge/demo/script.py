"""Who comes to the demo's booth, with which fingers, and what goes wrong: plain values."""

import re
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from edge.errors import BadSettings
from edge.messages import POSITION_NAMES

IMAGES = {".png", ".bmp", ".tif", ".tiff"}
NAME = re.compile(r"(?P<finger>.+)_(?P<impression>\d+)")
PEOPLE = 5  # enrolled at most
AMPUTEE = 2  # which person lacks a finger, where there are so many
BOOTH_KILLED, NETWORK_CUT = "booth killed", "network cut"
Fingers = dict[int, list[str]]  # position -> images, one per impression


@dataclass(frozen=True)
class Visit:
    """One person steps up to the booth. `slip`: shown at that position before the right finger."""

    title: str
    identity_number: str
    fingers: Fingers
    missing: dict[int, str] = field(default_factory=dict)
    slip: tuple[int, str] | None = None
    outcome: str = "enrolled"
    again: str | None = None  # why a number that was enrolled before is enrolled once more
    trouble: str | None = None  # BOOTH_KILLED | NETWORK_CUT, in the middle of the visit
    stranger: str | None = None  # somebody else's finger, shown to confirm until there is an alarm

    def image(self, position: int, attempt: int, wrong_shown: bool) -> str:
        """Return the image that the person shows now."""
        if self.slip and self.slip[0] == position and not wrong_shown:
            return self.slip[1]
        impressions = self.fingers[position]
        return impressions[(attempt - 1) % len(impressions)]

    def image_to_confirm(self, position: int, attempt: int, alarmed: bool) -> str:
        """Return the image shown when a captured finger is asked for once more."""
        if self.stranger and not alarmed:
            return self.stranger
        return self.image(position, attempt + 1, True)


def portrait_of(visit: Visit) -> str:
    """Return the SHA-256 of the portrait that another device took: made up, one a person."""
    return sha256(f"portrait of {visit.identity_number}".encode()).hexdigest()


def read_people(folder: Path) -> list[Fingers]:
    """Group a folder of FINGER_IMPRESSION images into people of ten fingers; BadSettings when it has none."""
    if not folder.is_dir():
        raise BadSettings(f"{folder} is no folder: name one with images called FINGER_IMPRESSION.png")
    fingers: dict[str, list[tuple[int, str]]] = {}
    for path in sorted(folder.iterdir()):
        name = NAME.fullmatch(path.stem)
        if name and path.suffix.lower() in IMAGES:
            fingers.setdefault(name["finger"], []).append((int(name["impression"]), path.name))
    rows = [
        [image for _, image in sorted(images)] for _, images in sorted(fingers.items()) if len(images) > 1
    ]
    if len(rows) < 2:
        raise BadSettings(
            f"{folder} has fewer than two fingers with two impressions each, called FINGER_IMPRESSION.png"
        )
    count = len(POSITION_NAMES)
    people = [dict(enumerate(rows[start : start + count], 1)) for start in range(0, len(rows), count)]
    return [person for person in people if len(person) > 1][:PEOPLE]


def write_visits(people: list[Fingers]) -> list[Visit]:
    """Everybody comes once, the first person twice; mistakes and troubles are spread over the visits."""
    visits = [_visit(f"person {n + 1}", n, _halves(fingers)[0]) for n, fingers in enumerate(people)]
    slipping, cut_short = min(1, len(people) - 1), min(2, len(people) - 1)
    slip = (2, people[slipping][1][1])  # the right thumb, another impression, where the right index is wanted
    visits[slipping] = replace(
        visits[slipping], title=f"{visits[slipping].title}, who shows the right thumb twice", slip=slip
    )
    if len(people) > cut_short == AMPUTEE:
        visits[AMPUTEE] = _amputated(visits[AMPUTEE])
    visits[cut_short] = replace(visits[cut_short], trouble=BOOTH_KILLED)
    swapped = len(people) - 1
    if swapped > cut_short:
        title = f"{visits[swapped].title}, for whom another person shows the last finger"
        visits[swapped] = replace(visits[swapped], title=title, stranger=people[0][2][0])
    again = _visit("person 1 again, under another number", len(people), _halves(people[0])[1])
    visits.insert(min(3, len(visits)), replace(again, outcome="already-enrolled"))
    last = min(4, len(visits) - 1)
    visits[last] = replace(visits[last], trouble=NETWORK_CUT)
    return visits


def _visit(title: str, number: int, fingers: Fingers) -> Visit:
    missing = {p: "no such finger in the folder" for p in POSITION_NAMES if p not in fingers}
    return Visit(title, f"001090{number + 1:06d}", fingers, missing)  # Hanoi, male, 1990: made up


def _amputated(visit: Visit) -> Visit:
    fingers = {p: images for p, images in visit.fingers.items() if p != 4}
    title = f"{visit.title}, without the right ring finger"
    return replace(visit, title=title, fingers=fingers, missing={**visit.missing, 4: "amputated"})


def _halves(fingers: Fingers) -> tuple[Fingers, Fingers]:
    """The first impressions are the first visit's, the rest the second's."""
    halves = {p: (len(images) + 1) // 2 for p, images in fingers.items()}
    first = {p: images[: halves[p]] for p, images in fingers.items()}
    return first, {p: images[halves[p] :] for p, images in fingers.items()}
