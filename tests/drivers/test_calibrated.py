"""The signed-off entry of a unit: read as written for that unit, refused damaged, moved or out of bounds."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import DeviceIdentity
from drivers.calibrated import Calibrated, Resolution, file_name, read, write

UNIT = DeviceIdentity("U.are.U", "{A-1}", "0115", "usb:1-1")
NAMELESS = replace(UNIT, serial="")
GOOD = Resolution(501.2, 499.1, 0.8, 0.9)
ENTRY = Calibrated(
    "U.are.U", "{A-1}", "", GOOD, 2.0, "lưới kính 7", "Bình", "2026-11-26T15:00:00Z", ("0" * 64, "a" * 64)
)


def test_an_entry_is_read_as_it_was_written_for_its_unit_at_whatever_port() -> None:
    assert read(write(ENTRY), UNIT) == ENTRY
    moved = replace(UNIT, location="usb:2-4", firmware="0116")
    assert read(write(ENTRY), moved) == ENTRY
    assert file_name(moved) == file_name(UNIT)
    other = replace(UNIT, serial="{A-2}")
    assert file_name(other) != file_name(UNIT)
    with pytest.raises(ValueError, match="another unit's"):
        read(write(ENTRY), other)
    with pytest.raises(ValueError, match="another unit's"):
        read(write(ENTRY), NAMELESS)


def test_a_unit_without_a_number_is_its_ports() -> None:
    entry = replace(ENTRY, serial="", location="usb:1-1")
    assert read(write(entry), NAMELESS) == entry
    moved = replace(NAMELESS, location="usb:1-2")
    assert file_name(moved) != file_name(NAMELESS)
    with pytest.raises(ValueError, match="another port's"):
        read(write(entry), moved)


@pytest.mark.parametrize(
    ("resolution", "why"),
    [
        (Resolution(490.5, 494, 0.5, 0.5), None),
        (Resolution(489.9, 495, 0.1, 0.1), "across is 489.9"),
        (Resolution(500, 509.8, 0.5, 0.5), "down is 509.8 ± 0.5 ppi"),
        (Resolution(512, 512, 0.5, 0.5), "490 to 510"),
        (Resolution(500, 500, 12, 0.5), "across is 500.0 ± 12.0"),
        (Resolution(497, 503, 0.5, 0.5), "more than 1% apart"),
        (Resolution(float("nan"), 500, 0.5, 0.5), "across is nan"),
    ],
)
def test_what_enrolment_records_cannot_have_is_refused_written_or_not(
    resolution: Resolution, why: str | None
) -> None:
    told = resolution.refused()
    if why is None:
        assert told is None
        return
    assert told
    assert why in told
    with pytest.raises(ValueError, match=r"its resolution|no JSON|a figure"):
        read(write(replace(ENTRY, resolution=resolution)), UNIT)


@pytest.mark.parametrize(
    "change",
    [
        {"by": " "},
        {"target": "x" * 101},
        {"at": "2026-11-26T15:00:00"},
        {"at": "once"},
        {"pictures": ()},
        {"pictures": ("A" * 64,)},
        {"lines_per_mm": float("inf")},
    ],
)
def test_an_entry_that_does_not_say_who_what_and_when_is_none(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        read(write(replace(ENTRY, **change)), UNIT)  # type: ignore[arg-type]


@given(at=st.integers(0, 2000), byte=st.integers(0, 255))
def test_a_damaged_entry_is_refused_or_the_same(at: int, byte: int) -> None:
    data = bytearray(write(ENTRY))
    data[at % len(data)] = byte
    try:
        found = read(bytes(data), UNIT)
    except ValueError:
        return
    assert found == ENTRY


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(
        lambda value: json.dumps({"calibration": 1, "resolution": value, "digest": ""}).encode()
    )
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        read(data, UNIT)


def test_a_digest_does_not_make_an_entry() -> None:
    from drivers.calibrated import _digest

    for body in ({"calibration": 1}, {"calibration": 1, "resolution": {"ppi_x": "1"}}, {"calibration": 2}):
        with pytest.raises(ValueError, match="entry"):
            read(json.dumps({**body, "digest": _digest(body)}).encode(), UNIT)
