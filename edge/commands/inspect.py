"""`vantay inspect FILE`: what a record is, field by field; 0 for a good record, 1 for a bad one."""

import sys
from argparse import ArgumentParser, Namespace
from math import degrees
from pathlib import Path

from edge.records import NAMES, Contents, load_bytes, read
from matching.errors import BadRecord
from matching.finger_image import PACKED, RAW, WSQ, FingerImage, pixels_of
from matching.template import CORE, DELTA, TYPES
from matching.wsq_decoding import MISSING, has_wsq

KINDS = {CORE: "core", DELTA: "delta"}


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument("--format", choices=NAMES, help="what the file is; the card formats need it")
    parser.add_argument("--minutiae", action="store_true", help="every minutia too")


def run(arguments: Namespace) -> int:
    """Print the record; a bad one is one sentence on standard error."""
    warnings: list[str] = []
    try:
        contents = read(load_bytes(arguments.file), arguments.format, warnings)
        for image in contents.images:
            _decode(image, warnings)
    except BadRecord as error:
        print(f"vantay: {arguments.file}: {error}", file=sys.stderr)
        return 1
    print(f"{NAMES[contents.form]}: {contents.header}")
    _print_views(contents, arguments.minutiae)
    for number, image in enumerate(contents.images, 1):
        print(f"image {number}: {_describe(image)}")
    for warning in warnings:
        print(f"warning: {warning}")
    return 0


def _decode(image: FingerImage, warnings: list[str]) -> None:
    """Decode what is compressed, or say why its pixels were not checked."""
    if image.depth != 8:
        warnings.append(f"position {image.position}: pixels of {image.depth} bits were not checked")
    elif image.compression == WSQ and not has_wsq():
        warnings.append(f"position {image.position}: the pixels were not checked: {MISSING}")
    elif image.compression not in (RAW, PACKED):
        pixels_of(image)


def _print_views(contents: Contents, minutiae: bool) -> None:
    for number, template in enumerate(contents.templates):
        kind = f"impression {contents.impressions[number]}, " if contents.impressions else ""
        points = "".join(f"{KINDS[p['kind']]} at {p['x']:.0f}, {p['y']:.0f}; " for p in template.singular)
        print(
            f"view {number + 1}: position {template.position}, {kind}quality {template.quality}, "
            f"{len(template.minutiae)} minutiae, {points}"
            f"{template.width} x {template.height} pixels at 500 ppi"
        )
        for minutia in template.minutiae if minutiae else ():
            print(
                f"  x {minutia['x']:.1f} y {minutia['y']:.1f} angle {degrees(minutia['angle']):.1f} "
                f"{TYPES[minutia['type']]} quality {minutia['quality']}"
            )


def _describe(image: FingerImage) -> str:
    quality = "unknown" if image.quality is None else image.quality
    return (
        f"position {image.position}, impression {image.impression}, quality {quality}, "
        f"{image.width} x {image.height} pixels of {image.depth} bits at {image.ppi:g} ppi, "
        f"{image.compression}, {len(image.data)} bytes, device {image.device:04X}"
    )
