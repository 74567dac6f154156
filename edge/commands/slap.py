"""`vantay slap`: the fingers of a four-finger or two-thumb image."""

import io
import json
import math
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from PIL import Image

from edge.errors import BadCommand
from edge.images import add_dpi, load, write_whole
from matching.errors import BadImage
from matching.slap import LEFT_FOUR, RIGHT_FOUR, THUMBS, Slap, name_of, segment
from matching.template import REFERENCE_PPI

POSITIONS = {"right-four": RIGHT_FOUR, "left-four": LEFT_FOUR, "thumbs": THUMBS}


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("image", metavar="IMAGE", type=Path, help="a PNG, TIFF or BMP image, dark ridges")
    parser.add_argument(
        "--position", choices=POSITIONS, help="what it must show; without it, whatever is seen"
    )
    parser.add_argument(
        "--missing", type=missing_fingers, default=frozenset(), metavar="P,P",
        help="fingers known to be missing: 1..5 right thumb to little, 6..10 left",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER", help="write each finger there, upright, as PNG"
    )
    add_dpi(parser)


def missing_fingers(text: str) -> frozenset[int]:
    """Read 4,5 as finger positions."""
    if not re.fullmatch(r"([1-9]|10)(,([1-9]|10))*", text):
        raise ArgumentTypeError(f"'{text}' is not finger positions 1 to 10 with commas, for example 4,5")
    return frozenset(int(position) for position in text.split(","))


def run(arguments: Namespace) -> int:
    """Print the fingers; write them where asked."""
    if arguments.output is not None and not arguments.output.is_dir():
        raise BadCommand(f"{arguments.output}: there is no such folder; make it first")
    if arguments.missing and arguments.position is None:
        raise BadCommand("--missing needs --position: say which fingers the image must show")
    pixels, ppi = load(arguments.image, arguments.dpi)
    position = POSITIONS[arguments.position] if arguments.position else None
    try:
        found = segment(pixels, position, arguments.missing, ppi)
    except (BadImage, ValueError) as error:
        raise BadCommand(f"{arguments.image}: {error}") from error
    files = written(found, arguments.image, arguments.output)
    print(json.dumps(readable(found, files), allow_nan=False) if arguments.json else table(found, files))
    return 0


def written(found: Slap, image: Path, folder: Path | None) -> list[Path | None]:
    """Write each finger as IMAGE_PP.png; fingers without a position as IMAGE_1of3.png and so on."""
    files: list[Path | None] = []
    for number, finger in enumerate(found.fingers, 1):
        if folder is None:
            files.append(None)
            continue
        name = f"{finger.position:02}" if finger.position else f"{number}of{len(found.fingers)}"
        target = folder / f"{image.stem}_{name}.png"
        content = io.BytesIO()
        Image.fromarray(finger.pixels).save(content, "PNG", dpi=(REFERENCE_PPI, REFERENCE_PPI))
        write_whole(target, content.getvalue())
        files.append(target)
    return files


def readable(found: Slap, files: list[Path | None]) -> dict[str, object]:
    """Return the fingers as plain values: pixels of the image, degrees counter-clockwise from upright."""
    return {
        "hand": found.hand,
        "certainty": round(found.certainty, 4),
        "turn": round(math.degrees(found.turn), 2),
        "fingers": [
            {
                "position": finger.position,
                "name": name_of(finger.position),
                "x": round(finger.x, 1),
                "y": round(finger.y, 1),
                "width": round(finger.width, 1),
                "height": round(finger.height, 1),
                "turn": round(math.degrees(finger.turn), 2),
                "file": str(file) if file else None,
            }
            for finger, file in zip(found.fingers, files, strict=True)
        ],
    }


def table(found: Slap, files: list[Path | None]) -> str:
    """Return the same for reading."""
    count = len(found.fingers)
    sure = f" ({100 * found.certainty:.0f} % sure)" if found.hand != "undetermined" else ""
    lines = [
        f"{count} finger{'' if count == 1 else 's'}, turned by {math.degrees(found.turn):.0f} degrees, "
        f"hand {found.hand}{sure}"
    ]
    for finger, file in zip(found.fingers, files, strict=True):
        lines.append(
            f"{finger.position:>2} {name_of(finger.position):14} at {finger.x:6.0f},{finger.y:6.0f}  "
            f"{finger.width:4.0f} x {finger.height:4.0f}  turned {math.degrees(finger.turn):4.0f}"
            + (f"  {file}" if file else "")
        )
    return "\n".join(lines)
