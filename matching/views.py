"""Finger views: the part of a minutiae record that ISO/IEC 19794-2:2005 and ANSI/INCITS 378-2004 share.

Both write the same view header, the same six bytes a minutia and the same extended data block; they differ
in the record header, in the unit of the angle and in the codes they allow, which `Dialect` names.
"""

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.errors import BadRecord
from matching.extended import Coding, read_extended, write_extended
from matching.template import MAXIMUM_MINUTIAE, MINUTIA, REFERENCE_PPI, TYPE_BIFURCATION, Template

MAGIC = b"FMR\0 20\0"  # format identifier and version, the same in both standards
OTHER_VERSIONS = {  # of the same format identifier, not read here
    b"030\0": "ISO/IEC 19794-2:2011 or ANSI/INCITS 378-2009",
    b"035\0": "ANSI/INCITS 378-2009 with amendment 1",
}
NOMINAL_PPCM = 197  # pixels per centimetre both standards write for 500 ppi (exactly 196.85)
MINIMUM_PPCM = 99  # ISO/IEC 19794-2:2005, 7.3.6: 250 ppi
MAXIMUM_COORDINATE = 0x3FFF  # 14 bits
MAXIMUM_VIEWS = 176  # 11 positions of 16 views
MAXIMUM_POSITION = 10
CENTIMETRES_PER_INCH = 2.54
SHARED_IMPRESSIONS = frozenset({0, 1, 2, 3, 8})  # live plain, live rolled, non-live both, swipe


class Dialect(NamedTuple):
    """What sets one standard apart from the other behind the record header."""

    name: str
    angle_step: float  # degrees of one unit of the angle byte
    angle_count: int  # first value of the angle byte that is not allowed
    impressions: frozenset[int]
    unknown_qualities: frozenset[int]  # finger qualities above 100 that mean "not known"
    each_point_says: bool  # whether it has angles; else the list of cores or deltas does for all

    @property
    def points(self) -> Coding:
        """How cores and deltas are written."""
        return Coding(self.angle_step, self.angle_count, self.each_point_says)


class Picture(NamedTuple):
    """Size and resolution of the image the coordinates belong to."""

    width: int  # pixels
    height: int  # pixels
    x_ppcm: int  # pixels per centimetre
    y_ppcm: int  # pixels per centimetre


def to_reference(ppcm: int) -> float:
    """Return 500 ppi pixels per pixel; 196 and 197 px/cm are how 500 ppi is written and change nothing."""
    if ppcm in (NOMINAL_PPCM - 1, NOMINAL_PPCM):
        return 1.0
    return REFERENCE_PPI / (ppcm * CENTIMETRES_PER_INCH)


def check_magic(data: bytes, standard: str) -> None:
    """Refuse what does not start as a record of either standard does; BadRecord says what was found."""
    if len(data) < len(MAGIC):
        raise BadRecord(f"{standard}: {len(data)} bytes are too few for a record header")
    if data[:4] != MAGIC[:4]:
        raise BadRecord(f"{standard}: format identifier at offset 0 is {data[:4]!r}, not {MAGIC[:4]!r}")
    if data[4:8] != MAGIC[4:]:
        known = f" ({OTHER_VERSIONS[data[4:8]]})" if data[4:8] in OTHER_VERSIONS else ""
        raise BadRecord(
            f"{standard}: FMR version at offset 4 is {data[4:8]!r}{known}, only {MAGIC[4:]!r} "
            "(ISO/IEC 19794-2:2005, ANSI/INCITS 378-2004) is read here"
        )


def check_length(data: bytes, declared: int, header: int, standard: str) -> None:
    """Refuse a record whose header declares more bytes than there are, or fewer than a header."""
    if declared < header:
        raise BadRecord(f"{standard}: record length {declared} at offset 8 is shorter than the header")
    if declared > len(data):
        raise BadRecord(f"{standard}: truncated: {declared} bytes declared at offset 8, {len(data)} present")


def check_picture(picture: Picture, offset: int, standard: str) -> None:
    """Refuse an image without area or with a resolution below 250 ppi; `offset` is where its width is."""
    for index, field in enumerate(("image width", "image height")):
        if picture[index] == 0:
            raise BadRecord(f"{standard}: {field} at offset {offset + 2 * index} is zero")
    for index, field in ((2, "X resolution"), (3, "Y resolution")):
        if picture[index] < MINIMUM_PPCM:
            raise BadRecord(
                f"{standard}: {field} at offset {offset + 2 * index} is {picture[index]} px/cm, "
                f"at least {MINIMUM_PPCM} is needed"
            )


def read_views(
    data: bytes,
    offset: int,
    count: int,
    picture: Picture,
    dialect: Dialect,
    declared: int,
    warnings: list[str],
) -> list[Template]:
    """Read `count` views from `offset` on and settle what is left over; tolerated faults go to `warnings`."""
    if count > MAXIMUM_VIEWS:
        raise BadRecord(f"{dialect.name}: {count} finger views, at most {MAXIMUM_VIEWS} are possible")
    templates = []
    seen: dict[int, int] = {}
    for _ in range(count):
        template, number, offset = _read_view(data, offset, picture, dialect, warnings)
        if number != seen.get(template.position, 0):
            warnings.append(f"view number {number} of position {template.position} is out of sequence")
        seen[template.position] = number + 1
        templates.append(template)
    if offset > declared + 1:
        raise BadRecord(f"{dialect.name}: {declared} bytes declared at offset 8, the views fill {offset}")
    if offset == declared + 1:
        warnings.append("the declared record length is one byte short")
    elif offset < len(data):
        warnings.append(f"{len(data) - offset} bytes after the last finger view")
    return templates


def _read_view(
    data: bytes, offset: int, picture: Picture, dialect: Dialect, warnings: list[str]
) -> tuple[Template, int, int]:
    if offset + 4 > len(data):
        raise BadRecord(f"{dialect.name}: truncated: no finger view header at offset {offset}")
    position, view, quality, count = data[offset : offset + 4]
    if position > MAXIMUM_POSITION:
        raise BadRecord(f"{dialect.name}: finger position {position} at offset {offset} is above 10")
    if view & 15 not in dialect.impressions:
        raise BadRecord(f"{dialect.name}: impression type {view & 15} at offset {offset + 1} is not defined")
    if quality in dialect.unknown_qualities:
        quality = 0
    if quality > 100:
        raise BadRecord(f"{dialect.name}: finger quality {quality} at offset {offset + 2} is above 100")
    minutiae = _read_minutiae(data, offset + 4, count, picture, dialect)
    points, end = read_extended(data, offset + 4 + 6 * count, dialect.points, dialect.name, warnings)
    template = Template(
        minutiae=minutiae,
        width=max(1, round(picture.width * to_reference(picture.x_ppcm))),
        height=max(1, round(picture.height * to_reference(picture.y_ppcm))),
        position=position,
        quality=quality,
        singular=_scaled(points, picture),
    )
    return template, view >> 4, end


def _scaled(points: NDArray[np.void], picture: Picture) -> NDArray[np.void]:
    """Return cores and deltas in pixels at 500 ppi."""
    x_scale, y_scale = to_reference(picture.x_ppcm), to_reference(picture.y_ppcm)
    points["x"] *= x_scale
    points["y"] *= y_scale
    points["angle"] = _turned(points["angle"], x_scale, y_scale)
    return points


def _turned(angle: Any, x_scale: float, y_scale: float) -> Any:
    """Return directions of 0 to 2 pi as they are once both axes have the same scale."""
    if x_scale != y_scale:
        angle = np.arctan2(np.sin(angle) * y_scale, np.cos(angle) * x_scale)
    return angle % (2 * np.pi)


def _read_minutiae(
    data: bytes, offset: int, count: int, picture: Picture, dialect: Dialect
) -> NDArray[np.void]:
    if offset + 6 * count > len(data):
        raise BadRecord(f"{dialect.name}: truncated: {count} minutiae at offset {offset} do not fit")
    minutiae = np.zeros(count, MINUTIA)
    x_scale, y_scale = to_reference(picture.x_ppcm), to_reference(picture.y_ppcm)
    for index, at in enumerate(range(offset, offset + 6 * count, 6)):
        x, y, angle, quality = struct.unpack_from(">HHBB", data, at)
        kind, x = x >> 14, x & MAXIMUM_COORDINATE
        y &= MAXIMUM_COORDINATE
        for wrong, field, where in (
            (kind > TYPE_BIFURCATION, f"minutia type {kind}", at),
            (x >= picture.width, f"X {x} outside the image of width {picture.width}", at),
            (y >= picture.height, f"Y {y} outside the image of height {picture.height}", at + 2),
            (angle >= dialect.angle_count, f"angle {angle}", at + 4),
            (quality > 100, f"minutia quality {quality}", at + 5),
        ):
            if wrong:
                raise BadRecord(f"{dialect.name}: {field} at offset {where} is not allowed")
        direction = _turned(np.radians(angle * dialect.angle_step), x_scale, y_scale)
        minutiae[index] = (x * x_scale, y * y_scale, direction, kind, quality)
    return minutiae


def write_views(templates: list[Template], dialect: Dialect, impressions: Sequence[int]) -> bytes:
    """Return the views of templates in pixels at 500 ppi; view numbers count up for each position.

    `impressions` has the type of each, or is empty: all are live plain.
    """
    if len(templates) > MAXIMUM_VIEWS:
        raise BadRecord(f"{dialect.name}: {len(templates)} views, at most {MAXIMUM_VIEWS} fit")
    parts = []
    seen: dict[int, int] = {}
    for template, impression in zip(templates, impressions or [0] * len(templates), strict=True):
        number = seen.get(template.position, 0)
        if number > 15:
            raise BadRecord(f"{dialect.name}: more than 16 views of finger position {template.position}")
        seen[template.position] = number + 1
        if impression not in dialect.impressions:
            raise BadRecord(f"{dialect.name}: impression type {impression} is not defined")
        parts.append(_write_view(template, number << 4 | impression, dialect))
    return b"".join(parts)


def check_rows(template: Template, standard: str) -> None:
    """Refuse to write minutiae or singular points of which a number or a type is none."""
    places = (rows[name] for rows in (template.minutiae, template.singular) for name in ("x", "y", "angle"))
    if not all(np.isfinite(values).all() for values in places):
        raise BadRecord(f"{standard}: a minutia or singular point that is not made of finite numbers")
    if (template.minutiae["type"] > TYPE_BIFURCATION).any():
        raise BadRecord(f"{standard}: a minutia type above {TYPE_BIFURCATION}")


def _write_view(template: Template, view: int, dialect: Dialect) -> bytes:
    minutiae = template.minutiae
    if not (0 < template.width <= 0xFFFF and 0 < template.height <= 0xFFFF):
        size = f"{template.width} x {template.height}"
        raise BadRecord(f"{dialect.name}: an image of {size} does not fit its 16-bit fields")
    if not 0 <= template.position <= MAXIMUM_POSITION:
        raise BadRecord(f"{dialect.name}: finger position {template.position} is not 0 to 10")
    if not 0 <= template.quality <= 100:
        raise BadRecord(f"{dialect.name}: finger quality {template.quality} is not 0 to 100")
    if len(minutiae) > MAXIMUM_MINUTIAE:
        raise BadRecord(f"{dialect.name}: {len(minutiae)} minutiae, at most {MAXIMUM_MINUTIAE} fit")
    check_rows(template, dialect.name)
    xs = np.clip(np.rint(minutiae["x"]), 0, min(template.width - 1, MAXIMUM_COORDINATE)).astype(int)
    ys = np.clip(np.rint(minutiae["y"]), 0, min(template.height - 1, MAXIMUM_COORDINATE)).astype(int)
    degrees = np.degrees(minutiae["angle"].astype(float))
    angles = (np.rint(degrees / dialect.angle_step) % dialect.angle_count).astype(int)
    written = bytearray((template.position, view, template.quality, len(minutiae)))
    for x, y, angle, kind, quality in zip(xs, ys, angles, minutiae["type"], minutiae["quality"], strict=True):
        written += struct.pack(">HHBB", int(kind) << 14 | int(x), int(y), int(angle), min(100, int(quality)))
    return bytes(written) + write_extended(template.singular, template.width, template.height, dialect.points)


def picture_of(templates: list[Template]) -> Picture:
    """Return the image size a record of written templates declares: the largest of them, at 500 ppi."""
    width = max((template.width for template in templates), default=1)
    height = max((template.height for template in templates), default=1)
    return Picture(width, height, NOMINAL_PPCM, NOMINAL_PPCM)


def impressions(data: bytes, offset: int, count: int) -> list[int]:
    """Return the impression type of each of `count` views of a record that `read_views` has accepted."""
    found = []
    for _ in range(count):
        found.append(data[offset + 1] & 15)
        offset += 4 + 6 * data[offset + 3]
        offset += 2 + int.from_bytes(data[offset : offset + 2], "big")
    return found
