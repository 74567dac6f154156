"""ANSI/NIST-ITL type 14: bytes by hand, round trips, traps, and files that lie."""

from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching import nist14
from matching.errors import BadRecord
from matching.finger_image import (
    JPEG,
    JPEG2000_LOSSLESS,
    PACKED,
    PNG,
    RAW,
    WSQ,
    FingerImage,
    compress,
    pixels_of,
)
from matching.nist14 import Transaction, read, write
from tests.edge.parts import steady
from tests.matching.test_finger_images import image_of, picture

SAID = Transaction(date(2026, 1, 6), date(2026, 1, 5), "BOOTH HN-001")
SMALL = FingerImage(b"\x1c\x1d\x1e\x1f" * 2, 4, 2, 500.0, RAW, 7, 1, 77)  # separators as pixels
BY_HAND = (
    b"1.001:165\x1d1.002:0500\x1d1.003:1\x1f2\x1e2\x1f00\x1e14\x1f01\x1d1.004:FPS\x1d1.005:20260106\x1d"
    b"1.007:BOOTH HN-001\x1d1.008:BOOTH HN-001\x1d1.009:TCN\x1d1.011:00.00\x1d1.012:00.00\x1c"
    b"2.001:18\x1d2.002:00\x1c"
    b"14.001:197\x1d14.002:01\x1d14.003:1\x1d14.004:BOOTH HN-001\x1d14.005:20260105\x1d14.006:4\x1d"
    b"14.007:2\x1d14.008:1\x1d14.009:500\x1d14.010:500\x1d14.011:NONE\x1d14.012:8\x1d14.013:7\x1d"
    b"14.024:7\x1f77\x1f0\x1f0\x1d14.999:" + SMALL.data + b"\x1c"
)


def by_hand(tcn: str = "TCN") -> bytes:
    """The same with its lengths counted here, by their words."""
    first, second, last = BY_HAND.partition(b"\x1c2.001")[0] + b"\x1c", b"2.001:18\x1d2.002:00\x1c", b""
    last = BY_HAND[BY_HAND.index(b"14.001") :]
    first = first.replace(b"1.009:TCN", b"1.009:" + tcn.encode())
    for old in (b"1.001:165", b"14.001:197"):
        whole = first if old.startswith(b"1.") else last
        new = old.split(b":")[0] + b":%d" % len(whole)
        first, last = (first.replace(old, new), last) if whole is first else (first, last.replace(old, new))
    return first + second + last


def test_what_is_written_is_what_the_standard_shows() -> None:
    assert write([SMALL], SAID) == by_hand(nist14.control_number([SMALL]))
    assert read(by_hand()) == [SMALL]


@pytest.mark.parametrize("form", [RAW, PNG, JPEG2000_LOSSLESS])
@steady(40)
@given(seed=st.integers(0, 99), width=st.integers(1, 60), height=st.integers(1, 60))
def test_round_trip_loses_nothing(form: str, seed: int, width: int, height: int) -> None:
    pixels = picture(seed, width, height)
    quality = seed if seed % 5 else None
    image = FingerImage(compress(pixels, form), width, height, 500.0, form, seed % 11, seed % 4, quality)
    warnings: list[str] = []
    (found,) = read(write([image], SAID), warnings)
    assert np.array_equal(pixels_of(found), pixels)
    assert found == image
    assert warnings == []


def test_many_images_and_both_kinds_of_loss() -> None:
    images = [replace(image_of(seed=n, position=p), device=0) for n, p in enumerate((13, 14, 15, 2, 7))]
    images += [FingerImage(b"any", 9, 9, 1000.0, form, 1) for form in (WSQ, JPEG)]
    assert read(write(images, SAID)) == images


def test_every_truncation_is_refused() -> None:
    data = write([SMALL, replace(SMALL, position=2)], SAID)
    for length in range(len(data)):
        with pytest.raises(BadRecord):
            read(data[:length])


def tell(data: bytes) -> tuple[list[FingerImage], list[str]]:
    warnings: list[str] = []
    return read(data, warnings), warnings


def changed(old: bytes, new: bytes) -> bytes:
    """The record by hand with other bytes in it, and the lengths that fit them."""
    data = by_hand()
    assert data.count(old) == 1
    of_first = data.index(old) < data.index(b"\x1c")
    data = data.replace(old, new)
    growth = len(new) - len(old)
    tag = b"1.001:" if of_first else b"\x1c14.001:"
    begin = data.index(tag) + len(tag)
    end = data.index(b"\x1d", begin)
    length = int(data[begin:end]) + growth
    return data[:begin] + b"%0*d" % (end - begin, length) + data[end:]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (b"14.011:NONE", b"14.011:JPEGL", "compression b'JPEGL' (14.011)"),
        (b"14.008:1", b"14.008:0", "scale units 0 are neither 1 nor 2"),
        (b"14.009:500", b"14.009:400", "image resolutions 400 and 500"),
        (b"14.009:500\x1d14.010:500", b"14.009:000\x1d14.010:000", "image resolution at offset"),
        (b"14.006:4", b"14.006:x", "field 14.006 of the record at offset"),
        (b"14.006:4", b"14.006:0", "is empty"),
        (b"14.007:2", b"14.007:3", "4 x 3 pixels of 8 bits need 12"),
        (b"14.012:8", b"14.012:0", "0 bits a pixel (14.012)"),
        (b"14.013:7", b"14.013:19", "position 19 (14.013)"),
        (b"14.003:1", b"14.003:19", "impression type 19 (14.003)"),
        (b"14.010:500\x1d", b"", "lacks 14.010 (TVPS)"),
        (b"14.999:" + SMALL.data, b"14.998:", "has no image (14.999)"),
        (b"14.012:8", b"14.011:NONE", "14.011 stands twice"),
        (b"14.012:8", b"15.012:8", "no field of a record of type 14"),
        (b"1.003:1\x1f2", b"1.003:1\x1f3", "says 3 records and lists 2"),
        (b"1.003:1\x1f2\x1e2\x1f00", b"1.003:1\x1f2\x1e1\x1f00", "record type 1 (1.003) is not defined"),
        (b"1.003:1\x1f2\x1e2\x1f00\x1e14\x1f01", b"1.003:1\x1f1\x1e2\x1f00", "no record of type 14"),
        (b"1.003:1\x1f2\x1e2\x1f00\x1e14\x1f01", b"1.003:x", "is no list of types and numbers"),
        (b"\x1c2.001:18", b"\x1c2.002:16", "no length of a record of type 2"),
    ],
)
def test_what_breaks_the_standard_is_named(old: bytes, new: bytes, sentence: str) -> None:
    with pytest.raises(BadRecord) as refused:
        read(changed(old, new))
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "warning"),
    [
        (b"1.002:0500", b"1.002:0201", "version '0201' (1.002)"),
        (b"14.002:01", b"14.002:02", "number 1 in 1.003, and another in 14.002"),
        (b"14.005:20260105\x1d", b"", "lacks 14.005 (FCD)"),
        (b"14.024:7\x1f77", b"14.024:7\x1fgood", "the quality (14.024)"),
    ],
)
def test_what_is_tolerated_is_told(old: bytes, new: bytes, warning: str) -> None:
    (image,), warnings = tell(changed(old, new))
    assert image.data == SMALL.data
    assert warning in " ".join(warnings)
    _, after = tell(by_hand() + b"more")
    assert after == ["4 bytes after the last record"]


def test_traps() -> None:
    """Pixels a centimetre, codes of plain thumbs, unknown quality, short tags, other records between."""
    (image,), _ = tell(
        changed(b"14.008:1\x1d14.009:500\x1d14.010:500", b"14.008:2\x1d14.009:197\x1d14.010:197")
    )
    assert image.ppi == 500
    assert [tell(changed(b"14.013:7", b"14.013:%d" % code))[0][0].position for code in (11, 12)] == [1, 6]
    assert tell(changed(b"14.024:7\x1f77", b"14.024:7\x1f254"))[0][0].quality is None
    assert tell(changed(b"14.006:4", b"14.06:4"))[0][0] == SMALL
    four = (22).to_bytes(4, "big") + bytes(18)
    data = changed(b"1.003:1\x1f2\x1e2\x1f00", b"1.003:1\x1f3\x1e2\x1f00\x1e4\x1f01")
    at = data.index(b"\x1c14.001") + 1
    assert read(data[:at] + four + data[at:]) == [SMALL]
    with pytest.raises(BadRecord, match="declares 4 bytes"):
        read(data[:at] + (4).to_bytes(4, "big") + data[at:])
    with pytest.raises(BadRecord, match="declares 99999999999 bytes"):
        read(by_hand().replace(b"2.001:18", b"2.001:99999999999"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"position": 19}, "position 19"),
        ({"impression": 10}, "impression type 10"),
        ({"compression": PACKED}, "compression packed is not defined"),
        ({"depth": 16, "data": bytes(16)}, "16 bits a pixel"),
        ({"quality": 101}, "quality 101"),
        ({"data": b"short"}, "has 5 bytes"),
    ],
)
def test_what_cannot_be_written_is_refused(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadRecord, match=sentence):
        write([replace(SMALL, **change)], SAID)  # type: ignore[arg-type]


def test_a_transaction_that_cannot_be_is_refused() -> None:
    for images, said in (([], SAID), ([SMALL] * 100, SAID), ([SMALL], replace(SAID, agency="a\x1db"))):
        with pytest.raises(BadRecord):
            write(images, said)
    writer = nist14.Writer(1, "t", SAID)
    writer.add(SMALL)
    with pytest.raises(BadRecord, match="more images than the 1 announced"):
        writer.add(SMALL)


@steady(300)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=6), st.integers(0, 8)), min_size=1, max_size=4)
)
def test_a_file_that_lies_is_read_or_refused_in_one_sentence(cuts: list[tuple[int, bytes, int]]) -> None:
    data = by_hand()
    for at, put, out in cuts:
        data = data[:at] + put + data[at + out :]
    refusal = ""
    images: list[FingerImage] = []
    warnings: list[str] = []
    try:
        images, warnings = tell(data)
    except BadRecord as error:
        refusal = str(error)
    assert bool(refusal) != bool(images)
    assert "\n" not in refusal
    assert all(image.width and image.height for image in images)
    assert all("\n" not in warning for warning in warnings)


@steady(300)
@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda tail: b"1.001:" + tail))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(BadRecord):
        assert read(data), "an image, or a sentence"


@pytest.mark.real_data
def test_transactions_of_nist_without_type_14_are_walked_to_their_end(real_data: Path) -> None:
    folder = real_data / "records"
    for name, types in (
        ("libbiomeval/type4-slaps.an2k", "2, 4, 4, 4, 4"),
        ("libbiomeval/type9-15.an2k", "2, 15, 15, 9"),
        ("libbiomeval/type9-13.an2k", "2, 9, 13"),
        ("nbis-an2k/valid1.14.an2", "2, 4, 9"),
    ):
        with pytest.raises(BadRecord, match=f"no record of type 14 after the first; types are {types}$"):
            read((folder / name).read_bytes())
        cut = (folder / name).read_bytes()[:-1]
        with pytest.raises(BadRecord, match="truncated"):
            read(cut)
