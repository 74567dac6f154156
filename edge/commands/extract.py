"""`vantay extract`: images to minutiae records."""

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from edge.errors import BadCommand
from edge.images import add_images, load, write_whole
from matching import ansi378, iso19794
from matching.errors import BadRecord
from matching.quality import examine
from matching.template import CORE, PATTERNS, REFERENCE_PPI, TYPES, Template

SUFFIXES = {"iso": ".fmr", "ansi": ".ansi", "json": ".json"}


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_images(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=Path,
        help="a file, or a folder (must be one for several images); without it the current folder",
    )
    parser.add_argument(
        "--format",
        choices=SUFFIXES,
        default="iso",
        help="iso: ISO/IEC 19794-2:2005 (default); ansi: ANSI 378-2004; json: for reading",
    )


def run(arguments: Namespace) -> int:
    """Extract every image; a bad one stops the command and leaves no file of its own."""
    targets = _targets(arguments.images, arguments.output, SUFFIXES[arguments.format])
    for path, target in zip(arguments.images, targets, strict=True):
        image = load(path, arguments.dpi)
        template, _ = examine(image.pixels, image.ppi)
        write_whole(target, encode(template, arguments.format, path))
        print(
            f"{path}: {len(template.minutiae)} minutiae, quality {template.quality}, to {target}",
            file=sys.stderr,
        )
    return 0


def encode(template: Template, form: str, path: Path) -> bytes:
    """Return the template as bytes of the asked form."""
    try:
        if form == "iso":
            return iso19794.write(template)
        if form == "ansi":
            return ansi378.write(template)
    except BadRecord as error:
        raise BadCommand(f"{path}: {error}") from error
    return (json.dumps(readable(template), indent=1) + "\n").encode()


def readable(template: Template) -> dict[str, object]:
    """Return the minutiae as plain values: pixels at 500 ppi, degrees counter-clockwise from the right."""
    return {
        "width": template.width,
        "height": template.height,
        "ppi": REFERENCE_PPI,
        "quality": template.quality,
        "pattern": PATTERNS[template.pattern],
        "singular": [
            {
                "x": round(float(point["x"]), 2),
                "y": round(float(point["y"]), 2),
                "angle": round(float(point["angle"]) * 57.29577951308232, 2) % 360,
                "type": "core" if point["kind"] == CORE else "delta",
            }
            for point in template.singular
        ],
        "minutiae": [
            {
                "x": round(float(minutia["x"]), 2),
                "y": round(float(minutia["y"]), 2),
                "angle": round(float(minutia["angle"]) * 57.29577951308232, 2) % 360,
                "type": TYPES[minutia["type"]],
                "quality": int(minutia["quality"]),
            }
            for minutia in template.minutiae
        ],
    }


def _targets(images: list[Path], output: Path | None, suffix: str) -> list[Path]:
    if output is None:
        targets = [Path(image.stem + suffix) for image in images]
    elif output.is_dir():
        targets = [output / (image.stem + suffix) for image in images]
    elif len(images) > 1:
        raise BadCommand(f"{output}: there is no such folder; -o must be one when several images are given")
    else:
        targets = [output]
    for target in targets:
        if targets.count(target) > 1:
            raise BadCommand(f"{target}: two of the images would be written there; extract them apart")
    return targets
