"""`vantay show`: every stage of extraction and the minutiae, drawn into one picture or into one each."""

import io
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from PIL import Image

from edge.errors import BadCommand
from edge.images import FORMATS, add_dpi, load, write_whole
from matching.extract import run_stages
from matching.show import contact_sheet, stage_pictures


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("image", metavar="IMAGE", type=Path, help=FORMATS)
    parser.add_argument("-o", "--output", metavar="OUT.png", type=Path, help="the picture of all stages")
    parser.add_argument("--stages", metavar="OUT", type=Path, help="a folder for a picture of each stage")
    add_dpi(parser)


def run(arguments: Namespace) -> int:
    """Draw the stages of one image."""
    if arguments.output is None and arguments.stages is None:
        raise BadCommand("nothing to draw: name a picture (-o OUT.png), a folder (--stages OUT), or both")
    image = load(arguments.image, arguments.dpi)
    if arguments.stages is not None:
        try:
            arguments.stages.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadCommand(f"{arguments.stages}: no folder can be made here: {error.strerror}") from error
    stages = run_stages(*image)
    if arguments.output is not None:
        title = f"{arguments.image.name}, {image.ppi:g} ppi"
        write_whole(arguments.output, _png(contact_sheet(stages, title)))
        print(f"{arguments.image}: its stages are in {arguments.output}", file=sys.stderr)
    if arguments.stages is not None:
        pictures = stage_pictures(stages)
        for name, picture in pictures.items():
            write_whole(arguments.stages / f"{name}.png", _png(picture))
        print(f"{arguments.image}: {len(pictures)} stages are in {arguments.stages}", file=sys.stderr)
    return 0


def _png(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()
