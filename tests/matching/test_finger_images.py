"""ISO/IEC 19794-4:2005 and :2011: round trips, traps, refusals, real files."""

import tracemalloc
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from matching import fir2005, fir2011
from matching.errors import BadRecord
from matching.finger_image import JPEG2000, JPEG2000_LOSSLESS, PNG, RAW, WSQ, FingerImage, compress, pixels_of

BOTH = pytest.mark.parametrize("standard", [fir2005, fir2011])


def picture(seed: int = 1, width: int = 24, height: int = 17) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)


def image_of(form: str = RAW, seed: int = 1, position: int = 2) -> FingerImage:
    return FingerImage(compress(picture(seed), form), 24, 17, 500.0, form, position, 1, 77, 9)


@BOTH
@pytest.mark.parametrize("form", [RAW, PNG, JPEG2000_LOSSLESS])
@given(seed=st.integers(0, 99), width=st.integers(1, 60), height=st.integers(1, 60))
def test_round_trip_loses_nothing(
    standard: ModuleType, form: str, seed: int, width: int, height: int
) -> None:
    pixels = picture(seed, width, height)
    image = FingerImage(compress(pixels, form), width, height, 500.0, form, seed % 11, seed % 4, seed, seed)
    (found,) = standard.read(standard.write(image))
    assert np.array_equal(pixels_of(found), pixels)
    kept = JPEG2000 if standard is fir2005 and form == JPEG2000_LOSSLESS else form
    assert found == replace(image, compression=kept)


def test_code_5_is_png_in_2005_and_jpeg_2000_in_2011() -> None:
    old, new = fir2005.write(image_of(PNG)), fir2011.write(image_of(JPEG2000_LOSSLESS))
    assert old[29] == 5
    assert new[16 + 19 + 5 + 12] == 5
    assert fir2005.read(old)[0].compression == PNG
    assert fir2011.read(new)[0].compression == JPEG2000_LOSSLESS


def test_view_numbers_start_at_one_in_2005_and_at_zero_in_2011() -> None:
    pair = (image_of(seed=1), image_of(seed=2))
    old, new = fir2005.write(*pair), fir2011.write(*pair)
    view, step = 32, 14 + 24 * 17
    assert [(old[view + 5 + i * step], old[view + 6 + i * step]) for i in (0, 1)] == [(2, 1), (2, 2)]
    step = 46 + 24 * 17
    assert [new[16 + 24 + 1 + i * step] for i in (0, 1)] == [0, 1]


def test_extended_data_of_2011_is_stepped_over() -> None:
    data = fir2011.write(image_of(), image_of(seed=2))
    first = int.from_bytes(data[16:20], "big")
    longer = bytearray(data[: 16 + first] + bytes(60) + data[16 + first :])
    longer[8:12] = len(longer).to_bytes(4, "big")
    longer[16:20] = (first + 60).to_bytes(4, "big")
    warnings: list[str] = []
    assert fir2011.read(bytes(longer), warnings) == fir2011.read(data)
    assert "60 bytes of extended data" in warnings[0]


@BOTH
def test_every_truncation_is_refused(standard: ModuleType) -> None:
    data = standard.write(image_of(), image_of(position=7))
    for length in range(len(data)):
        with pytest.raises(BadRecord):
            standard.read(data[:length])


@BOTH
def test_a_record_without_any_image_is_refused(standard: ModuleType) -> None:
    size = standard.HEADER.size
    empty = bytearray(standard.write(image_of())[:size])
    lengths, count = (slice(8, 14), slice(18, 19)) if standard is fir2005 else (slice(8, 12), slice(12, 14))
    empty[lengths] = size.to_bytes(lengths.stop - 8, "big")
    empty[count] = bytes(count.stop - count.start)
    with pytest.raises(BadRecord, match=f"the number of images at offset {count.start} is zero"):
        standard.read(bytes(empty))


@BOTH
@given(data=st.binary(max_size=40), at=st.integers(0, 90))
def test_any_bytes_give_images_or_a_refusal(standard: ModuleType, data: bytes, at: int) -> None:
    for form in (RAW, PNG, JPEG2000_LOSSLESS):
        good = standard.write(image_of(form))
        for mixed in (data, standard.MAGIC + data, good[:at] + data + good[at + len(data) :]):
            try:
                for image in standard.read(mixed):
                    assert pixels_of(image).shape == (image.height, image.width)
            except BadRecord:
                continue


@BOTH
def test_a_lying_size_costs_no_memory(standard: ModuleType) -> None:
    liar = replace(image_of(PNG), width=65535, height=65535)
    data = standard.write(liar)
    tracemalloc.start()
    with pytest.raises(BadRecord, match="at most"):
        pixels_of(standard.read(data)[0])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000
    with pytest.raises(BadRecord, match="the png data holds 24 x 17"):
        pixels_of(replace(liar, width=25, height=17))


@BOTH
def test_raw_data_of_another_length_than_the_size_is_refused(standard: ModuleType) -> None:
    with pytest.raises(BadRecord, match="need 425"):
        standard.write(replace(image_of(), width=25))


@BOTH
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quality": 101}, "quality 101"),
        ({"device": 70000}, "device"),
        ({"ppi": 1e5}, "resolution"),
        ({"position": 12}, "position 12"),
        ({"impression": 5}, "impression type 5"),
    ],
)
def test_what_does_not_fit_is_not_written(
    standard: ModuleType, changes: dict[str, float], words: str
) -> None:
    with pytest.raises(BadRecord, match=words):
        standard.write(replace(image_of(), **changes))


@pytest.mark.real_data
def test_records_of_nist_and_idemia_read_to_the_right_pixels(real_data: Path) -> None:
    folder = real_data / "records"
    warnings: list[str] = []
    raw = fir2005.read((folder / "gen-fir2005/fir2005-raw.fir").read_bytes(), warnings)
    assert warnings == []
    for number, image in enumerate(raw, 1):
        with Image.open(folder / f"nfiq2/SFinGe_Test0{number}.pgm") as source:
            assert np.array_equal(pixels_of(image), np.asarray(source))
    assert len(raw) == 2
    packed = fir2005.read((folder / "gen-fir2005/fir2005-wsq.fir").read_bytes())
    assert [image.compression for image in packed] == [WSQ, WSQ]
    (annex,) = fir2011.read((folder / "idemia-fir/annexc.fir").read_bytes())
    assert len(annex.data) == 234375 == annex.width * annex.height
    assert len(fir2011.read((folder / "idemia-fir/twofingers.fir").read_bytes())) == 2


@pytest.mark.real_data
def test_records_of_mosip_are_read(real_data: Path) -> None:
    paths = sorted((real_data / "records/mosip-mds").glob("*.iso"))
    assert len(paths) == 30
    for path in paths:
        warnings: list[str] = []
        (image,) = fir2011.read(path.read_bytes(), warnings)
        assert 1 <= image.position <= 10
        assert ("bytes of extended data" in " ".join(warnings)) == path.name.startswith("Registration")
        if image.compression != WSQ:
            assert pixels_of(image).shape == (image.height, image.width)


@BOTH
@given(positions=st.lists(st.integers(0, 10), min_size=1, max_size=6), form=st.sampled_from([RAW, PNG]))
def test_a_record_written_an_image_at_a_time_is_the_same(
    standard: ModuleType, positions: list[int], form: str
) -> None:
    images = [image_of(form, seed, position) for seed, position in enumerate(positions)]
    writer = standard.Writer(positions)
    parts = [writer.add(image) for image in images]
    assert writer.header() + b"".join(parts) == standard.write(*images)
    assert standard.read(standard.write(*images)) == images


def test_a_record_of_2011_longer_than_its_length_can_say_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fir2011.LARGEST == 2**32 - 1
    pair = (image_of(), image_of(seed=2))
    whole = fir2011.write(*pair)
    monkeypatch.setattr(fir2011, "LARGEST", len(whole))
    assert fir2011.write(*pair) == whole
    monkeypatch.setattr(fir2011, "LARGEST", len(whole) - 1)
    with pytest.raises(BadRecord, match="its length cannot say"):
        fir2011.write(*pair)


def test_quality_254_is_undefined_in_2005() -> None:
    data = bytearray(fir2005.write(replace(image_of(), quality=None)))
    at = 32 + 7
    assert data[at] == 254
    for byte, quality in ((0, 0), (100, 100), (254, None), (255, None)):
        data[at] = byte
        assert fir2005.read(bytes(data))[0].quality == quality


def test_quality_255_is_failed_in_2011() -> None:
    data = bytearray(fir2011.write(image_of()))
    at = 16 + 19
    assert data[at] == 77
    for byte, quality in ((0, 0), (100, 100), (255, None)):
        data[at] = byte
        assert fir2011.read(bytes(data))[0].quality == quality
    unscored = fir2011.write(replace(image_of(), quality=None))
    assert unscored[at - 1] == 0
    assert fir2011.read(unscored)[0].quality is None


@pytest.mark.parametrize(("ppi", "level"), [(500.0, 31), (1000.0, 41), (385.0, 10)])
def test_the_acquisition_level_of_2005_follows_the_resolution(ppi: float, level: int) -> None:
    data = fir2005.write(replace(image_of(), ppi=ppi))
    assert int.from_bytes(data[16:18], "big") == level
    warnings: list[str] = []
    assert fir2005.read(data, warnings)[0].ppi == ppi
    assert warnings == []


def test_an_undefined_acquisition_level_is_told() -> None:
    data = bytearray(fir2005.write(image_of()))
    for level in range(256):
        data[17] = level
        warnings: list[str] = []
        fir2005.read(bytes(data), warnings)
        told = [f"acquisition level {level} at offset 16 is not defined"]
        assert warnings == ([] if level in (10, 20, 30, 31, 35, 40, 41) else told)


@BOTH
@pytest.mark.parametrize(
    ("units", "rate", "ppi"),
    [(1, 500, 500.0), (1, 197, 197.0), (2, 197, 500.0), (2, 196, 500.0), (2, 100, 254.0), (2, 394, 1000.76)],
)
def test_pixels_a_centimetre_become_pixels_an_inch(
    standard: ModuleType, units: int, rate: int, ppi: float
) -> None:
    data = bytearray(standard.write(image_of()))
    at = 19 if standard is fir2005 else 16 + 19 + 5 + 2
    assert data[at] == 1
    data[at] = units
    data[at + 1 : at + 9] = rate.to_bytes(2, "big") * 4
    assert standard.read(bytes(data))[0].ppi == pytest.approx(ppi)
    for wrong in (0, 3):
        data[at] = wrong
        with pytest.raises(BadRecord, match=f"scale units {wrong} are neither"):
            standard.read(bytes(data))


def test_no_image_of_2011_reaches_beyond_its_representation() -> None:
    data = bytearray(fir2011.write(image_of(PNG), image_of(PNG, seed=2)))
    at = 16 + 19 + 5 + 18  # the length of the first image's data
    size = int.from_bytes(data[at : at + 4], "big")
    assert size == len(image_of(PNG).data)
    data[at : at + 4] = (size + 1).to_bytes(4, "big")
    with pytest.raises(BadRecord, match=f"image data length {size + 1} at offset {at} is not allowed"):
        fir2011.read(bytes(data))


def test_no_representation_of_2011_reaches_beyond_the_record_or_ends_in_its_header() -> None:
    data = bytearray(fir2011.write(image_of(PNG), image_of(PNG, seed=2)) + bytes(50))
    first = int.from_bytes(data[16:20], "big")
    second = int.from_bytes(data[16 + first : 20 + first], "big")
    for length, words in ((second + 1, "does not fit the record"), (45, "ends early"), (0, "ends early")):
        data[16 + first : 20 + first] = length.to_bytes(4, "big")
        with pytest.raises(BadRecord, match=words):
            fir2011.read(bytes(data))


def ansi381(data: bytes) -> bytes:
    """A record of 2005 with the longer header of ANSI/INCITS 381-2004."""
    length = (int.from_bytes(data[8:14], "big") + 4).to_bytes(6, "big")
    return data[:8] + length + bytes.fromhex("01070011") + data[14:]


@given(positions=st.lists(st.integers(0, 10), min_size=1, max_size=6), form=st.sampled_from([RAW, PNG]))
def test_ansi_381_has_four_bytes_more_in_its_header(positions: list[int], form: str) -> None:
    data = fir2005.write(*[image_of(form, seed, position) for seed, position in enumerate(positions)])
    warnings: list[str] = []
    assert fir2005.read(ansi381(data), warnings) == fir2005.read(data)
    assert warnings == ["this is ANSI/INCITS 381-2004, product 0107 0011"]


def test_faults_in_ansi_381_are_named_by_their_own_offsets() -> None:
    good = ansi381(fir2005.write(image_of(), image_of(position=7)))
    for offset, value, words in (
        (33, 9, "compression 9 at offset 33"),
        (32, 0, "0 bits a pixel at offset 32"),
        (28, 9, "at offset 28 differ"),
        (40, 99, "position 99 at offset 40"),
    ):
        data = bytearray(good)
        data[offset] = value
        with pytest.raises(BadRecord, match=words):
            fir2005.read(bytes(data))
    for length in range(len(good)):
        with pytest.raises(BadRecord):
            fir2005.read(good[:length])
    empty = good[:8] + (36).to_bytes(6, "big") + good[14:22] + b"\0" + good[23:36]
    for length in range(32, 36):
        with pytest.raises(BadRecord, match="truncated"):
            fir2005.read(empty[:length])


def test_the_length_of_2005_has_48_bits() -> None:
    data = bytearray(fir2005.write(image_of()))
    assert int.from_bytes(data[8:14], "big") == len(data)
    for offset in (8, 9, 10):
        longer = bytearray(data)
        longer[offset] = 1
        with pytest.raises(BadRecord, match="truncated"):
            fir2005.read(bytes(longer))


@BOTH
def test_each_code_of_compression_means_what_its_edition_says(standard: ModuleType) -> None:
    at = 29 if standard is fir2005 else 16 + 19 + 5 + 12
    forms = ["raw", "packed", "wsq", "jpeg", "jpeg2000", "png"]
    if standard is fir2011:
        forms[5:] = ["jpeg2000-lossless", "png"]
    data = bytearray(standard.write(image_of()))
    for code, form in enumerate(forms):
        data[at] = code
        assert standard.read(bytes(data))[0].compression == form
    data[at] = len(forms)
    with pytest.raises(BadRecord, match=f"compression {len(forms)} at offset {at} is not"):
        standard.read(bytes(data))


@BOTH
def test_slaps_of_two_and_three_fingers_have_codes_in_2011_only(standard: ModuleType) -> None:
    at = 32 + 4 if standard is fir2005 else 16 + 19 + 5
    data = bytearray(standard.write(image_of()))
    for position in (0, 10, 13, 14, 15, 20, 36):
        data[at] = position
        assert standard.read(bytes(data))[0].position == position
    for position in (11, 12, 16, 37, *range(40, 52)):
        data[at] = position
        if standard is fir2011 and 40 <= position <= 50:
            assert standard.read(bytes(data))[0].position == position
        else:
            with pytest.raises(BadRecord, match=f"position {position} at offset {at} is not"):
                standard.read(bytes(data))


@pytest.mark.parametrize("qualities", [0, 1, 3])
@pytest.mark.parametrize("certificates", [None, 0, 2])
def test_a_representation_of_2011_has_blocks_of_quality_and_certification(
    qualities: int, certificates: int | None
) -> None:
    image = replace(image_of(), quality=None)
    plain = fir2011.write(image)
    begin = 16 + 18
    blocks = b"".join(bytes((60 + n, 0, 0x0F, 0, 1)) for n in range(qualities))
    if certificates is not None:
        blocks += bytes((certificates,)) + bytes((0, 5, 1)) * certificates
    more = len(blocks)
    length = (len(plain) + more).to_bytes(4, "big")
    inner = (len(plain) - 16 + more).to_bytes(4, "big")
    flag = bytes((certificates is not None,))
    data = plain[:8] + length + plain[12:14] + flag + plain[15:16] + inner + plain[20:begin]
    data += bytes((qualities,)) + blocks + plain[begin + 1 :]
    certified = 0 if certificates is None else 1 + 3 * certificates
    assert int.from_bytes(data[16:20], "big") == 41 + 5 * qualities + certified + len(image.data)
    assert fir2011.read(data) == [replace(image, quality=60 if qualities else None)]


def test_an_image_finer_than_its_scan_is_told() -> None:
    data = bytearray(fir2005.write(image_of()))
    data[20:24] = (400).to_bytes(2, "big") * 2
    warnings: list[str] = []
    fir2005.read(bytes(data), warnings)
    assert warnings == ["image resolution 500 at offset 24 is above the scan resolution 400"]
