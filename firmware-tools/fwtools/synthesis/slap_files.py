"""Slaps as files: SSSS_PP_I.png and beside it SSSS_PP_I.json, its ground truth; PP is 13, 14 or 15."""

import json
import math
from functools import lru_cache
from pathlib import Path

from fwtools.errors import ToolError
from fwtools.synthesis.files import PPI, png
from fwtools.synthesis.finger import synthesise_finger
from fwtools.synthesis.hand import IN_PICTURE, LEFT_FOUR, RIGHT_FOUR
from fwtools.synthesis.people import draw_person
from fwtools.synthesis.slap import MOST_TURN, SIZE, Masters, Slap, synthesise_slap

HANDS = {RIGHT_FOUR: "right", LEFT_FOUR: "left"}


def write_slaps(
    folder: Path, seed: int, subject: int, impressions: int, missing: frozenset[int] = frozenset(),
    most_turn: float = MOST_TURN, size: tuple[int, int] = SIZE, masters: Masters | None = None,
) -> list[Path]:  # fmt: skip
    """Write a subject's slaps of both hands and both thumbs; return the images.

    A position of which every finger is missing is left out. ToolError where a file cannot be written or the
    fingers do not fit into a picture of this size. masters: the subject's fingers, where they are others.
    """
    masters = masters or lru_cache(maxsize=None)(lambda position: synthesise_finger(seed, subject, position))
    person = draw_person(seed, subject)
    paths = []
    for position, fingers in IN_PICTURE.items():
        if missing.issuperset(fingers):
            continue
        for index in range(1, impressions + 1):
            path = folder / f"{subject:04}_{position}_{index}.png"
            try:
                slap = synthesise_slap(
                    masters, person, position, (seed, subject, index), missing, most_turn, size
                )
                path.write_bytes(png(slap.pixels))
                path.with_suffix(".json").write_text(
                    json.dumps(truth(slap, path.name, missing), indent=1) + "\n"
                )
            except ValueError as error:
                raise ToolError(f"{path.name}: {error}: give a larger --size") from error
            except OSError as error:
                raise ToolError(f"{path} cannot be written: {error.strerror}") from error
            paths.append(path)
    return paths


def truth(slap: Slap, image: str, missing: frozenset[int]) -> dict[str, object]:
    """Return the ground truth as plain values: pixels from the top left, degrees counter-clockwise."""
    height, width = slap.pixels.shape
    return {
        "image": image,
        "width": width,
        "height": height,
        "ppi": PPI,
        "position": slap.position,
        "hand": HANDS.get(slap.position),
        "missing": sorted(missing & set(IN_PICTURE[slap.position])),
        "turn": round(math.degrees(slap.turn), 2),
        "touching": slap.touching,
        "second_phalanges": slap.phalanges,
        "fingers": [
            {
                "position": finger.position,
                "x": round(finger.x, 1),
                "y": round(finger.y, 1),
                "width": round(finger.width, 1),
                "height": round(finger.height, 1),
                "turn": round(math.degrees(finger.turn), 2),
            }
            for finger in slap.fingers
        ],
    }
