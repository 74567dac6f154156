"""Our own form of a template: nothing lost, nothing altered unnoticed."""

import dataclasses
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from matching import record, serial
from matching.errors import BadRecord
from matching.extract import extract
from matching.template import PATTERNS, SINGULAR, RidgeEvidence, Template
from tests.matching.impressions import picture
from tests.matching.templates import random_minutiae, random_template, same


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(0, 255),
    rows=st.integers(0, 40),
    columns=st.integers(0, 40),
    ridges=st.booleans(),
    crests=st.booleans(),
    points=st.integers(0, 255),
)
def test_round_trip_is_lossless(
    seed: int, count: int, rows: int, columns: int, ridges: bool, crests: bool, points: int
) -> None:
    rng = np.random.default_rng(seed)
    valid = rng.integers(0, 2, (rows, columns)).astype(np.bool_)
    fine = rng.random((3 * rows, 3 * columns)) < 0.5 * np.kron(valid, np.ones((3, 3)))
    evidence = RidgeEvidence(
        rng.integers(0, 256, (rows, columns), np.uint8) * valid,
        rng.integers(0, 256, (rows, columns), np.uint8) * valid,
        valid,
        fine if crests else None,
    )
    template = Template(
        random_minutiae(seed, count),
        65535,
        seed % 9000,
        evidence if ridges else None,
        3,
        100,
        random_points(seed, points),
        seed % len(PATTERNS),
    )
    data = serial.to_bytes(template)
    assert same(serial.from_bytes(data), template)
    assert same(record.read_any(data), template)
    assert data == serial.to_bytes(serial.from_bytes(data))
    flow = serial.from_bytes(data, flow_only=True)
    assert same(dataclasses.replace(flow, ridges=template.ridges), template)
    if ridges:
        assert flow.ridges is not None
        assert flow.ridges.crests is None
        assert np.array_equal(flow.ridges.orientation, evidence.orientation)
        assert np.array_equal(flow.ridges.valid, valid)


def random_points(seed: int, count: int) -> NDArray[np.void]:
    rng = np.random.default_rng(seed)
    points = np.zeros(count, SINGULAR)
    for name in ("x", "y", "angle"):
        points[name] = rng.uniform(0, 6, count)
    points["kind"] = rng.integers(1, 3, count)
    return points


def before_4(template: Template, version: int) -> bytes:
    """What an earlier version wrote: planes less their left neighbours, deflated, crests by cell."""
    head = bytearray(serial.to_bytes(dataclasses.replace(template, ridges=None))[:-4])
    ridges = template.ridges
    assert ridges is not None
    rows, columns = ridges.valid.shape
    raw = bytearray()
    for plane in (ridges.orientation, ridges.period):
        for row in plane.tolist():
            raw += bytes((value - left) % 256 for value, left in zip(row, [0, *row], strict=False))
    raw += np.packbits(ridges.valid).tobytes()
    bits = "".join(
        "".join(
            "01"[int(point)] for point in ridges.crests[3 * row : 3 * row + 3, 3 * at : 3 * at + 3].ravel()
        )
        for row in range(rows)
        for at in range(columns)
        if ridges.crests is not None and ridges.valid[row, at]
    )
    bits += "0" * (-len(bits) % 8)
    crests = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    head[4], head[5] = version, head[5] | 1 | (4 if ridges.crests is not None else 0)
    return _signed(bytes(head) + struct.pack("<HH", rows, columns) + zlib.compress(raw) + crests + bytes(4))


@pytest.mark.parametrize("version", [1, 2, 3])
def test_earlier_versions_are_still_read(version: int) -> None:
    template = extract(picture(5, side=200))
    assert template.ridges is not None
    template = dataclasses.replace(template, singular=random_points(1, 3), pattern=2)
    if version < 3:
        template = dataclasses.replace(template, ridges=dataclasses.replace(template.ridges, crests=None))
    if version == 1:
        template = dataclasses.replace(template, singular=random_points(1, 0), pattern=0)
    assert template.ridges is not None
    data = before_4(template, version)
    assert data[4] == version
    assert same(serial.from_bytes(data), template)
    assert serial.to_bytes(template)[4] == 4


def test_lies_of_earlier_versions_are_refused() -> None:
    data = before_4(random_template(7, 4, 80, 80), 3)
    grid = serial.HEAD.size + 4 * 14
    for altered, words in (
        (data[:grid] + b"\x0b\x00" + data[grid + 2 :], "does not fill"),
        (data[:grid] + b"\xff\xff\xff\xff" + data[grid + 4 :], "larger than any image"),
        (data[:-9] + data[-4:], "does not fill"),
        (data[: grid + 4] + b"no deflate" + data[-4:], "cannot be unpacked"),
        (data[:grid] + data[-4:], "no ridge evidence"),
        (data[:5] + b"\x05" + data[6:], "0 bytes of crests"),  # promised, and not there
    ):
        with pytest.raises(BadRecord, match=words):
            serial.from_bytes(_signed(altered))


def test_cells_that_are_not_valid_carry_nothing() -> None:
    template = random_template(3, 5, 80, 80)
    assert template.ridges is not None
    noisy = dataclasses.replace(
        template.ridges, orientation=template.ridges.orientation | ~template.ridges.valid * np.uint8(255)
    )
    data = serial.to_bytes(dataclasses.replace(template, ridges=noisy))
    assert data == serial.to_bytes(template)


def test_an_ordinary_template_takes_at_most_4_kib() -> None:
    assert len(serial.to_bytes(random_template(5, 60, 400, 500))) <= 4096
    drawn = extract(picture(5, side=340))
    assert drawn.ridges is not None
    assert drawn.ridges.crests is not None
    assert len(drawn.minutiae) > 15
    assert len(serial.to_bytes(drawn)) <= 4096


def test_every_truncation_and_every_flipped_bit_is_refused() -> None:
    data = serial.to_bytes(random_template(6, 5, 80, 80))
    for length in range(len(data)):
        with pytest.raises(BadRecord):
            serial.from_bytes(data[:length])
    for bit in range(8 * len(data)):
        altered = bytearray(data)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadRecord):
            serial.from_bytes(bytes(altered))


def _signed(data: bytes) -> bytes:
    body = data[:6] + struct.pack("<I", len(data)) + data[10:-4]
    return body + struct.pack("<I", zlib.crc32(body))


def test_lies_under_a_correct_crc_are_refused() -> None:
    template = random_template(7, 4, 80, 80)
    data = serial.to_bytes(template)
    grid = serial.HEAD.size + 4 * 14
    infinite = serial.to_bytes(dataclasses.replace(template, ridges=None))
    pointed = serial.to_bytes(dataclasses.replace(template, ridges=None, singular=random_points(1, 2)))
    infinite = infinite[:18] + struct.pack("<f", np.inf) + infinite[22:]
    for altered, words in (
        (data[:16] + b"\xff" + data[17:], "255 minutiae"),
        (data[:grid] + b"\x0b\x00" + data[grid + 2 :], "does not fill"),
        (data[:grid] + b"\xff\xff\xff\xff" + data[grid + 4 :], "larger than any image"),
        (data[:-9] + data[-4:], "does not fill"),
        (data[:grid] + data[-4:], "no ridge evidence"),
        (infinite, "finite numbers"),
        (pointed[:74] + b"\x09" + pointed[75:], "9 singular points at offset 75 do not fit"),
        (pointed[:-5] + b"\x03" + pointed[-4:], "neither a core nor a delta"),
        (pointed[:74] + pointed[-4:], "no singular points"),
        (pointed[:17] + b"\x06" + pointed[18:], "pattern 6 at offset 17"),
    ):
        with pytest.raises(BadRecord, match=words):
            serial.from_bytes(_signed(altered))
    with pytest.raises(BadRecord, match="version 5"):
        serial.from_bytes(_signed(data[:4] + b"\x05" + data[5:]))
    with pytest.raises(BadRecord, match="not a Vantay template"):
        serial.from_bytes(b"FMR\0" + data[4:])


def test_what_does_not_fit_is_not_written() -> None:
    template = random_template(8, 3)
    for changes in ({"width": 65536}, {"position": 256}, {"quality": 101}, {"pattern": 6}):
        with pytest.raises(BadRecord):
            serial.to_bytes(dataclasses.replace(template, **changes))
    with pytest.raises(BadRecord, match="256 singular points"):
        serial.to_bytes(dataclasses.replace(template, singular=random_points(1, 256)))
    with pytest.raises(BadRecord, match="256 minutiae"):
        serial.to_bytes(random_template(8, 256))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("x", np.nan, "finite"),
        ("y", 1e30, "farther out"),
        ("angle", 7, "full turn"),
        ("angle", -1, "full turn"),
        ("type", 3, "type or a quality"),
        ("quality", 101, "type or a quality"),
    ],
)
def test_what_no_extraction_gives_is_neither_written_nor_read(field: str, value: float, words: str) -> None:
    template = random_template(1, 3)
    good = serial.to_bytes(template)
    template.minutiae[field][1] = value
    with pytest.raises(BadRecord, match=words):
        serial.to_bytes(template)
    offset, width = {"x": (18, 4), "y": (30, 4), "angle": (42, 4), "type": (54, 1), "quality": (57, 1)}[field]
    at = offset + width
    coded = template.minutiae[field][1].tobytes()
    with pytest.raises(BadRecord, match=words):
        serial.from_bytes(_signed(good[:at] + coded + good[at + width :]))


def test_a_few_bytes_do_not_become_millions_of_cells() -> None:
    data = serial.to_bytes(random_template(7, 0, 80, 80))
    grid = serial.HEAD.size
    for shape, words in (((2048, 2048), "larger than any image"), ((700, 700), "does not fill")):
        forged = data[:grid] + struct.pack("<HH", *shape) + bytes(20) + data[-4:]
        with pytest.raises(BadRecord, match=words):
            serial.from_bytes(_signed(forged))
