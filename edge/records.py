"""Records of every format the commands know, by name: telling which it is, reading it with its header."""

from pathlib import Path
from typing import NamedTuple

from edge.errors import BadCommand
from edge.files import read_file
from matching import ansi378, card, fir2005, fir2011, iso19794, nist14, serial
from matching.errors import BadRecord
from matching.finger_image import FingerImage
from matching.record import is_ansi
from matching.template import Template
from matching.views import MAGIC, check_magic, impressions

CARDS = {"iso-normal": card.NORMAL, "iso-compact": card.COMPACT}
NAMES = {
    "iso": iso19794.NAME,
    "ansi": ansi378.NAME,
    "iso-normal": card.NORMAL.name,
    "iso-compact": card.COMPACT.name,
    "fir2005": fir2005.NAME,
    "fir2011": fir2011.NAME,
    "nist14": nist14.NAME,
    "vantay": "Vantay template",
}
IMAGES = {"fir2005": fir2005, "fir2011": fir2011}
BARE = {  # images without a record around them, by how they begin
    b"\xff\xa0": "WSQ",
    b"\0\0\0\x0cjP": "JPEG 2000",
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"BM": "BMP",
}
FINGER_IMAGES = b"FIR\0"  # the format identifier of both


class Contents(NamedTuple):
    """What a record holds: templates or images, never both."""

    form: str  # a key of NAMES
    header: str  # fields of the record header, readable
    templates: list[Template]
    impressions: list[int]  # of the templates, where the format has them
    images: list[FingerImage]
    device: int = 0  # number of what took the templates, where the format has one


def load_bytes(path: Path) -> bytes:
    """Return a file's bytes; BadCommand says why not."""
    try:
        return read_file(path)
    except OSError as error:
        raise BadCommand(f"{path}: cannot be read: {error.strerror}") from error


def form_of(data: bytes) -> str:
    """Return the format that bytes begin as; BadRecord where none does, as of the headerless card formats."""
    if serial.is_serial(data):
        return "vantay"
    if data[:4] == MAGIC[:4]:
        check_magic(data, "minutiae record")
        return "ansi" if is_ansi(data) else "iso"
    for name, standard in IMAGES.items():
        if data[:8] == standard.MAGIC:
            return name
    if data[:4] == FINGER_IMAGES:
        known = ", ".join(f"{standard.MAGIC[4:]!r} ({standard.NAME})" for standard in IMAGES.values())
        raise BadRecord(
            f"finger images: FIR version at offset 4 is {data[4:8]!r}, only {known} are read here"
        )
    if nist14.begins(data):
        return "nist14"
    from edge.packet import PACKET_MAGIC  # only here: importing it takes time

    if data.startswith(PACKET_MAGIC):
        raise BadRecord(
            "this is a sealed packet of Vantay: only the ministry's key opens it, by vantay packet open --key"
        )
    for begin, name in BARE.items():
        if data.startswith(begin):
            raise BadRecord(f"this is a bare {name} image, no record: it does not say which finger it shows")
    raise BadRecord(
        f"format and version at offset 0 are {data[:8]!r}, which is no record read here; "
        "a card format has no header and needs --format iso-normal or iso-compact"
    )


def read(data: bytes, form: str | None, warnings: list[str]) -> Contents:
    """Read a record of the named format, or of the one it begins as; BadRecord names field and offset."""
    if not data:
        raise BadRecord("the file is empty")
    form = form or form_of(data)
    if form in CARDS:
        return Contents(
            form, f"{len(data)} bytes, no header", [card.read(data, CARDS[form], 0, warnings)], [], []
        )
    if form in IMAGES:
        return Contents(form, f"{len(data)} bytes", [], [], IMAGES[form].read(data, warnings))
    if form == "nist14":
        return Contents(form, f"{len(data)} bytes", [], [], nist14.read(data, warnings))
    if form == "vantay":
        return Contents(form, f"{len(data)} bytes", [serial.from_bytes(data)], [], [])
    if form == "iso":
        templates = iso19794.read_all(data, warnings)
        start = iso19794.HEADER.size
        _, length, device, width, height, x, y, _, _ = iso19794.HEADER.unpack_from(data)
        product = ""
    else:
        templates = ansi378.read_all(data, warnings)
        length = int.from_bytes(data[8:10], "big")
        start = ansi378.SHORT_HEADER if length else ansi378.LONG_HEADER
        length = length or int.from_bytes(data[10:14], "big")
        fields = ansi378.FIELDS.unpack_from(data, start - ansi378.FIELDS.size)
        owner, kind, device, width, height, x, y, _, _ = fields
        product = f", product {owner:04X} {kind:04X}"
    header = (
        f"length {length} of {len(data)} bytes{product}, device {device & 0xFFF:03X} "
        f"(compliance {device >> 12:X}), {width} x {height} pixels, {x} x {y} px/cm"
    )
    said = impressions(data, start, len(templates))
    return Contents(form, header, templates, said, [], device & 0xFFF)
