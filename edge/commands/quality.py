"""`vantay quality`: one line of quality an image."""

import json
from argparse import ArgumentParser, Namespace

from edge.images import add_images, load
from matching.quality import Quality, quality


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_images(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead")


def run(arguments: Namespace) -> int:
    """Print each image's quality, its parts, and the hint for the person."""
    for path in arguments.images:
        found = quality(*load(path, arguments.dpi))
        if arguments.json:
            line = {"image": str(path), "score": found.score, "hint": found.hint, "parts": found.parts}
            print(json.dumps(line, allow_nan=False))
        else:
            print(f"{path}: {describe(found)}")
    return 0


def describe(found: Quality) -> str:
    """Return a quality as one readable line."""
    part = found.parts
    hint = f" ({found.hint})" if found.hint else ""
    return (
        f"quality {found.score}{hint}: area {part['area']:.0f} mm2, clarity {100 * part['clarity']:.0f} %, "
        f"flow {100 * part['flow']:.0f} %, period off by {100 * part['frequency']:.1f} %, "
        f"{part['found']:.0f} minutiae (worth {part['minutiae']:.0f}), grey {part['grey']:.0f}, "
        f"contrast {part['contrast']:.0f}, dark {100 * part['ridge']:.0f} %, "
        f"filled {100 * part['filled']:.0f} %, bare {100 * part['bare']:.0f} %"
    )
