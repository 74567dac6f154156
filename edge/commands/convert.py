"""`vantay convert IN OUT`: a record or an image to another record format, or a record's images to files."""

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from edge import clock
from edge.errors import BadCommand
from edge.images import load, whole_file, write_whole
from edge.records import CARDS, IMAGES, NAMES, Contents, load_bytes, read
from matching import ansi378, card, fir2005, fir2011, iso19794, nist14, serial
from matching.errors import BadRecord
from matching.finger_image import PNG, RAW, WRITTEN, FingerImage, compress, pixels_of

LIVE_PLAIN = 0
FIRST_TO_HAVE_A_DAY = timedelta(hours=14)  # before UTC; no day is to come that has begun somewhere
IMPRESSIONS = {  # that a format defines
    "iso": iso19794.DIALECT.impressions,
    "ansi": ansi378.DIALECT.impressions,
    "fir2005": fir2005.IMPRESSIONS,
    "fir2011": fir2011.IMPRESSIONS,
    "nist14": nist14.IMPRESSIONS,
}
TARGETS = NAMES | {"png": "PNG"}
PICTURES = (b"\x89PNG", b"II*\0", b"MM\0*", b"BM")


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="IN", type=Path, help="a record, or a PNG, TIFF or BMP image")
    parser.add_argument(
        "target", metavar="OUT", type=Path, help="several images become OUT-1.png, OUT-2.png…"
    )
    parser.add_argument("--from", dest="form", choices=NAMES, help="what IN is; the card formats need it")
    parser.add_argument("--format", choices=TARGETS, required=True, help="what OUT shall be")
    parser.add_argument("--compression", choices=WRITTEN, default=RAW, help="of images (default raw)")
    parser.add_argument("--bit", type=Path, metavar="FILE", help="the card's BIT: its limits are kept")
    parser.add_argument(
        "--wrapped", action="store_true", help="a card format as cards take it, in the tags 7F2E and 81"
    )
    parser.add_argument("--position", type=int, metavar="N", help="finger position, where IN has none")
    parser.add_argument(
        "--impression",
        type=int,
        metavar="N",
        help="impression type, in place of IN's (an image's: 0, live plain)",
    )
    parser.add_argument(
        "--captured", type=date.fromisoformat, metavar="YYYY-MM-DD", help="when; nist14 needs it"
    )
    parser.add_argument("--agency", metavar="NAME", default="VANTAY", help="the source that nist14 names")
    parser.add_argument("--device", type=int, metavar="N", default=0, help="of an image (default 0)")


def run(arguments: Namespace) -> int:
    """Convert one file; a record that cannot be read or written leaves OUT as it was."""
    data = load_bytes(arguments.source)
    warnings: list[str] = []
    if arguments.wrapped and arguments.format not in CARDS:
        raise BadCommand(f"--wrapped is for {' and '.join(CARDS)}: leave it out")
    try:
        if arguments.form is None and data.startswith(PICTURES):
            contents = _picture(arguments)
        else:
            contents = read(data, arguments.form, warnings)
        for warning in warnings:
            _warn(arguments, warning)
        if arguments.format == "nist14":
            _write_transaction(contents, arguments)
        elif arguments.format in IMAGES:
            _write_images(contents, arguments)
        elif arguments.format == "png":
            _write_pictures(contents, arguments)
        else:
            write_whole(arguments.target, _minutiae(contents, arguments))
    except BadRecord as error:
        raise BadCommand(f"{arguments.source}: {error}") from error
    return 0


def _picture(arguments: Namespace) -> Contents:
    pixels, ppi = load(arguments.source)
    height, width = pixels.shape
    image = FingerImage(compress(pixels, RAW), width, height, ppi, device=arguments.device)
    return Contents("image", "", [], [], [image])


def _write_images(contents: Contents, arguments: Namespace) -> None:
    """Write the record an image at a time: only one is decoded in memory."""
    images = _labelled(contents, arguments)
    standard, form = IMAGES[arguments.format], arguments.compression
    writer = standard.Writer([image.position for image in images])
    with whole_file(arguments.target) as file:
        file.seek(standard.HEADER.size)
        for image in images:
            file.write(writer.add(replace(image, data=compress(pixels_of(image), form), compression=form)))
        file.seek(0)
        file.write(writer.header())


def _write_transaction(contents: Contents, arguments: Namespace) -> None:
    """Write an ANSI/NIST-ITL transaction, an image at a time."""
    if arguments.captured is None:
        raise BadCommand("a type 14 record says when it was captured: add --captured YYYY-MM-DD")
    if arguments.captured > (clock.moment() + FIRST_TO_HAVE_A_DAY).date():
        raise BadCommand(f"--captured {arguments.captured} is a day to come: name the day of the capture")
    images, form = _labelled(contents, arguments), arguments.compression
    if any(image.device for image in images):
        _warn(arguments, f"the device's number is lost: {nist14.NAME} knows none")
    said = nist14.Transaction(clock.moment().date(), arguments.captured, arguments.agency)
    writer = nist14.Writer(len(images), nist14.control_number(images), said)
    with whole_file(arguments.target) as file:
        file.write(writer.header())
        for image in images:
            file.write(writer.add(replace(image, data=compress(pixels_of(image), form), compression=form)))


def _labelled(contents: Contents, arguments: Namespace) -> list[FingerImage]:
    """Return the images with position and impression as they are to be written."""
    return [
        replace(
            image,
            position=image.position or arguments.position or 0,
            impression=_impression(image.impression, arguments),
        )
        for image in _images_of(contents, arguments)
    ]


def _write_pictures(contents: Contents, arguments: Namespace) -> None:
    """Write each image as a file with its resolution; several are numbered, and all are there or none is."""
    images, target = _images_of(contents, arguments), arguments.target
    _check_no_impression(arguments)
    if len(images) == 1:
        write_whole(target, _png(images[0]))
        return
    width = len(str(len(images)))
    names = [f"{target.stem}-{number:0{width}}{target.suffix}" for number in range(1, len(images) + 1)]
    try:
        with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
            for name, image in zip(names, images, strict=True):
                write_whole(Path(folder) / name, _png(image))
            for name in names:
                (Path(folder) / name).replace(target.with_name(name))
    except OSError as error:
        raise BadCommand(f"{target}: cannot be written: {error.strerror}") from error
    for name, image in zip(names, images, strict=True):
        print(f"{arguments.source}: position {image.position} to {target.with_name(name)}", file=sys.stderr)


def _png(image: FingerImage) -> bytes:
    return compress(pixels_of(image), PNG, image.ppi)


def _images_of(contents: Contents, arguments: Namespace) -> list[FingerImage]:
    if not contents.images:
        held = "minutiae, which cannot become" if contents.templates else "no image to become"
        raise BadRecord(f"it holds {held} {TARGETS[arguments.format]}")
    return contents.images


def _minutiae(contents: Contents, arguments: Namespace) -> bytes:
    if not contents.templates:
        raise BadRecord("it holds no minutiae; vantay extract makes them from an image")
    if contents.device:
        _warn(
            arguments, f"the device's number {contents.device:03X} is lost: minutiae are written without one"
        )
    templates = [replace(t, position=t.position or arguments.position or 0) for t in contents.templates]
    if arguments.format in IMPRESSIONS:
        own = contents.impressions or [LIVE_PLAIN] * len(templates)
        impressions = [_impression(impression, arguments) for impression in own]
        write = iso19794.write if arguments.format == "iso" else ansi378.write
        return write(*templates, impressions=impressions)
    _check_no_impression(arguments)
    if len(templates) != 1:
        raise BadRecord(f"it holds {len(templates)} views, {NAMES[arguments.format]} takes one")
    if any(contents.impressions):
        _warn(
            arguments,
            f"impression type {contents.impressions[0]} is lost: {NAMES[arguments.format]} knows none",
        )
    if arguments.format in CARDS:
        limits = _limits(load_bytes(arguments.bit)) if arguments.bit else card.ANY
        written = card.write(templates[0], CARDS[arguments.format], limits)
        return card.wrapped(written) if arguments.wrapped else written
    return serial.to_bytes(templates[0])


def _limits(data: bytes) -> card.Limits:
    limits = set(card.read_bit(data))
    if len(limits) > 1:
        raise BadRecord(f"BIT: its fingers have {len(limits)} different limits: give --bit the one finger's")
    return limits.pop()


def _impression(own: int, arguments: Namespace) -> int:
    impression = own if arguments.impression is None else arguments.impression
    known = IMPRESSIONS[arguments.format]
    if impression not in known:
        raise BadRecord(
            f"impression type {impression} is not defined in {NAMES[arguments.format]}: "
            f"name the right one with --impression, one of {', '.join(map(str, sorted(known)))}"
        )
    return impression


def _check_no_impression(arguments: Namespace) -> None:
    if arguments.impression is not None:
        raise BadRecord(f"{TARGETS[arguments.format]} knows no impression type: leave --impression out")


def _warn(arguments: Namespace, warning: str) -> None:
    print(f"{arguments.source}: warning: {warning}", file=sys.stderr)
