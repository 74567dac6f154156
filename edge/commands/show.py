"""`vantay show`: every stage of extraction and the minutiae, drawn into one picture."""

import io
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from edge.images import FORMATS, add_dpi, load, write_whole
from matching.extract import run_stages
from matching.show import contact_sheet


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("image", metavar="IMAGE", type=Path, help=FORMATS)
    parser.add_argument("-o", "--output", metavar="OUT.png", type=Path, required=True, help="the picture")
    add_dpi(parser)


def run(arguments: Namespace) -> int:
    """Draw the stages of one image."""
    image = load(arguments.image, arguments.dpi)
    picture = io.BytesIO()
    contact_sheet(run_stages(*image), f"{arguments.image.name}, {image.ppi:g} ppi").save(picture, "PNG")
    write_whole(arguments.output, picture.getvalue())
    print(f"{arguments.image}: its stages are in {arguments.output}", file=sys.stderr)
    return 0
