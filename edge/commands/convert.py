"""`vantay convert IN OUT`: a record or an image to another record format."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path

from edge.errors import BadCommand
from edge.images import load, write_whole
from edge.records import CARDS, IMAGES, NAMES, Contents, load_bytes, read
from matching import ansi378, card, iso19794, serial
from matching.errors import BadRecord
from matching.finger_image import RAW, WRITTEN, FingerImage, compress, pixels_of

PICTURES = (b"\x89PNG", b"II*\0", b"MM\0*", b"BM")


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="IN", type=Path, help="a record, or a PNG, TIFF or BMP image")
    parser.add_argument("target", metavar="OUT", type=Path)
    parser.add_argument("--from", dest="form", choices=NAMES, help="what IN is; the card formats need it")
    parser.add_argument("--format", choices=NAMES, required=True, help="what OUT shall be")
    parser.add_argument("--compression", choices=WRITTEN, default=RAW, help="of images (default raw)")
    parser.add_argument("--bit", type=Path, metavar="FILE", help="the card's BIT: its limits are kept")
    parser.add_argument("--position", type=int, metavar="N", help="finger position, where IN has none")
    parser.add_argument("--impression", type=int, metavar="N", default=0, help="of an image (default 0)")
    parser.add_argument("--device", type=int, metavar="N", default=0, help="of an image (default 0)")


def run(arguments: Namespace) -> int:
    """Convert one file; a record that cannot be read or written leaves OUT as it was."""
    data = load_bytes(arguments.source)
    try:
        if arguments.form is None and data.startswith(PICTURES):
            contents = _picture(arguments)
        else:
            contents = read(data, arguments.form, [])
        written = (
            _images(contents, arguments) if arguments.format in IMAGES else _minutiae(contents, arguments)
        )
    except BadRecord as error:
        raise BadCommand(f"{arguments.source}: {error}") from error
    write_whole(arguments.target, written)
    return 0


def _picture(arguments: Namespace) -> Contents:
    pixels, ppi = load(arguments.source)
    height, width = pixels.shape
    image = FingerImage(
        compress(pixels, RAW), width, height, ppi, impression=arguments.impression, device=arguments.device
    )
    return Contents("image", "", [], [], [image])


def _images(contents: Contents, arguments: Namespace) -> bytes:
    if not contents.images:
        raise BadRecord(f"it holds minutiae, which cannot become {NAMES[arguments.format]}")
    form = arguments.compression
    images = [
        replace(
            image,
            data=compress(pixels_of(image), form),
            compression=form,
            position=image.position or arguments.position or 0,
        )
        for image in contents.images
    ]
    written: bytes = IMAGES[arguments.format].write(*images)
    return written


def _minutiae(contents: Contents, arguments: Namespace) -> bytes:
    if not contents.templates:
        raise BadRecord("it holds no minutiae; vantay extract makes them from an image")
    templates = [replace(t, position=t.position or arguments.position or 0) for t in contents.templates]
    if arguments.format == "iso":
        return iso19794.write(*templates)
    if arguments.format == "ansi":
        return ansi378.write(*templates)
    if len(templates) != 1:
        raise BadRecord(f"it holds {len(templates)} views, {NAMES[arguments.format]} takes one")
    if arguments.format in CARDS:
        limits = card.read_bit(load_bytes(arguments.bit))[0] if arguments.bit else card.ANY
        return card.write(templates[0], CARDS[arguments.format], limits)
    return serial.to_bytes(templates[0])
