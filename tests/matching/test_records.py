"""ISO/IEC 19794-2:2005 and ANSI/INCITS 378-2004: round trips, tolerances, refusals, real files."""

import dataclasses
import struct
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching import ansi378, iso19794, record, views
from matching.errors import BadRecord
from matching.template import SINGULAR, Template
from tests.matching.templates import minutiae_of, random_template, same, whole_pixel_templates

BOTH = pytest.mark.parametrize("standard", [iso19794, ansi378])
FIRST_VIEW = {iso19794: 24, ansi378: 26}


def one_minutia(**changes: int) -> Template:
    return Template(minutiae_of([(12, 34, 1.0, 1, 60)]), 300, 400, None, 7, 80)


@given(whole_pixel_templates(360 / 256, 256))
def test_iso_round_trip_loses_nothing(template: Template) -> None:
    assert same(iso19794.read(iso19794.write(template)), template)


@given(whole_pixel_templates(2.0, 180))
def test_ansi_round_trip_loses_nothing(template: Template) -> None:
    assert same(ansi378.read(ansi378.write(template)), template)


@given(st.lists(whole_pixel_templates(2.0, 180), min_size=1, max_size=5))
def test_read_any_tells_the_standards_apart(templates: list[Template]) -> None:
    iso, ansi = iso19794.write(*templates), ansi378.write(*templates)
    assert not record.is_ansi(iso)
    assert record.is_ansi(ansi)
    assert len(record.read_any(iso).minutiae) == len(record.read_any(ansi).minutiae)


def test_read_any_tells_large_records_apart() -> None:
    views = [random_template(seed, 255) for seed in range(64)]
    views = [Template(view.minutiae, 300, 300, None, index % 8, 1) for index, view in enumerate(views)]
    for standard in (iso19794, ansi378):
        data = standard.write(*views)
        assert len(data) > 0xFFFF
        assert record.is_ansi(data) == (standard is ansi378)
        assert [t.position for t in standard.read_all(data)] == [t.position for t in views]


@BOTH
def test_every_truncation_is_refused(standard: ModuleType) -> None:
    data = standard.write(random_template(1, 9), random_template(2, 3))
    for length in range(len(data)):
        with pytest.raises(BadRecord):
            standard.read(data[:length])
        with pytest.raises(BadRecord):
            record.read_any(data[:length])


@BOTH
@given(data=st.binary(max_size=120), at=st.integers(0, 60))
def test_any_bytes_give_a_template_or_a_refusal(standard: ModuleType, data: bytes, at: int) -> None:
    good = standard.write(random_template(3, 6))
    for mixed in (data, good[:at] + data, good[:at] + data + good[at + len(data) :]):
        try:
            template = record.read_any(mixed)
        except BadRecord:
            continue
        assert (template.minutiae["x"] < template.width + 1).all()


@BOTH
@pytest.mark.parametrize(
    ("offset", "value", "words"),
    [
        (0, 0x47, "format identifier at offset 0"),
        (5, 0x33, "version at offset 4"),
        (-1, 11, "finger position 11"),
        (0, 0x04, "impression type 4"),
        (1, 101, "finger quality 101"),
        (2, 2, "truncated"),
        (3, 0xC0, "minutia type 3"),
        (4, 255, "outside the image of width 300"),
        (6, 255, "outside the image of height"),
        (8, 101, "minutia quality 101"),
        (10, 200, "extended data"),
    ],
)
def test_a_bad_field_is_named_with_its_offset(
    standard: ModuleType, offset: int, value: int, words: str
) -> None:
    data = bytearray(standard.write(Template(minutiae_of([(255, 255, 1.0, 1, 60)]), 300, 258, None, 7, 80)))
    first = 0 if "at offset" in words else FIRST_VIEW[standard] + 1
    data[first + offset] = value
    if words == "outside the image of width 300":
        data[first + 3] = 0x41
    if words == "outside the image of height":
        data[first + 5 : first + 7] = b"\x01\x02"
    with pytest.raises(BadRecord, match=words):
        standard.read(bytes(data))


@BOTH
def test_missing_resolution_and_size_are_refused(standard: ModuleType) -> None:
    data = standard.write(one_minutia())
    start = FIRST_VIEW[standard] - 10
    for field, words in enumerate(("image width", "image height", "X resolution", "Y resolution")):
        broken = bytearray(data)
        broken[start + 2 * field : start + 2 * field + 2] = b"\0\0"
        with pytest.raises(BadRecord, match=f"{words} at offset {start + 2 * field}"):
            standard.read(bytes(broken))


def test_ansi_angles_stop_at_179() -> None:
    data = bytearray(ansi378.write(one_minutia()))
    data[FIRST_VIEW[ansi378] + 8] = 180
    with pytest.raises(BadRecord, match="angle 180 at offset 34"):
        ansi378.read(bytes(data))


def test_each_reader_refuses_the_other_standard() -> None:
    with pytest.raises(BadRecord):
        iso19794.read(ansi378.write(one_minutia()))
    with pytest.raises(BadRecord):
        ansi378.read(iso19794.write(one_minutia()))


@BOTH
def test_coordinates_become_500_ppi(standard: ModuleType) -> None:
    data = bytearray(standard.write(one_minutia()))
    start = FIRST_VIEW[standard] - 6
    data[start : start + 4] = struct.pack(">HH", 394, 394)  # 1000 ppi
    template = standard.read(bytes(data))
    assert template.minutiae["x"][0] == pytest.approx(6, abs=0.01)
    assert template.minutiae["y"][0] == pytest.approx(17, abs=0.02)
    assert (template.width, template.height) == (150, 200)


@BOTH
def test_unequal_resolutions_turn_the_angle(standard: ModuleType) -> None:
    template = Template(minutiae_of([(100, 100, np.pi / 4, 1, 60)]), 300, 300, None, 1, 50)
    data = bytearray(standard.write(template))
    start = FIRST_VIEW[standard] - 4
    data[start : start + 2] = struct.pack(">H", 394)  # twice as fine down as across
    turned = standard.read(bytes(data)).minutiae["angle"][0]
    assert turned == pytest.approx(np.arctan2(0.5, 1), abs=0.03)


@BOTH
def test_tolerated_faults_are_told(standard: ModuleType) -> None:
    data = standard.write(one_minutia())
    for changed, words in (
        (data + bytes(9), "9 bytes after the last finger view"),
        (_declare(data, standard, -1), "one byte short"),
    ):
        warnings: list[str] = []
        assert same(standard.read(changed, warnings), standard.read(data))
        assert words in " ".join(warnings)
    with pytest.raises(BadRecord, match="the views fill"):
        standard.read(_declare(data, standard, -2))


def _declare(data: bytes, standard: ModuleType, change: int) -> bytes:
    form = ">I" if standard is iso19794 else ">H"
    length = struct.unpack_from(form, data, 8)[0] + change
    return data[:8] + struct.pack(form, length) + data[8 + struct.calcsize(form) :]


@BOTH
@pytest.mark.parametrize("extra", [0, 4])
def test_extended_data_is_read_with_either_item_length(standard: ModuleType, extra: int) -> None:
    data = standard.write(one_minutia())
    items = struct.pack(">HH", 1, 9 - extra) + bytes(5) + struct.pack(">HH", 0x0144, 6 - extra) + bytes(2)
    longer = data[:-2] + struct.pack(">H", len(items)) + items
    assert same(standard.read(_declare(longer, standard, len(items))), standard.read(data))
    broken = data[:-2] + struct.pack(">H", len(items) + 1) + items + b"\0"
    with pytest.raises(BadRecord, match="do not fill"):
        standard.read(_declare(broken, standard, len(items) + 1))


@BOTH
def test_what_does_not_fit_is_not_written(standard: ModuleType) -> None:
    empty = minutiae_of([])
    for template, words in (
        (Template(empty, 70000, 10), "does not fit"),
        (Template(empty, 10, 10, None, 11), "position 11"),
        (Template(empty, 10, 10, None, 1, 101), "quality 101"),
        (random_template(1, 256), "256 minutiae"),
        (Template(minutiae_of([(1, 1, 0, 3, 0)]), 10, 10), "type above 2"),
    ):
        with pytest.raises(BadRecord, match=words):
            standard.write(template)
    with pytest.raises(BadRecord, match="more than 16 views"):
        standard.write(*[one_minutia()] * 17)
    with pytest.raises(BadRecord, match="finger views"):
        standard.read(standard.write() + bytes(8))


def test_ansi_to_iso_angles_come_back() -> None:
    for unit in range(180):
        template = Template(minutiae_of([(1, 1, np.radians(2 * unit), 1, 0)]), 9, 9)
        through = iso19794.read(iso19794.write(template))
        assert same(ansi378.read(ansi378.write(through)), ansi378.read(ansi378.write(template)))


@pytest.mark.real_data
def test_published_annex_examples_agree(real_data: Path) -> None:
    folder = real_data / "records/biomdi"
    warnings: list[str] = []
    ansi = ansi378.read_all((folder / "incits378-2004-AppendixB2.raw").read_bytes(), warnings)
    iso = iso19794.read_all((folder / "iso19794-2-2005-AppendixC2.raw").read_bytes(), warnings)
    assert warnings == ["the declared record length is one byte short"]
    assert [(t.position, t.quality, len(t.minutiae)) for t in ansi] == [(7, 90, 27), (2, 70, 22)]
    converted = iso19794.read_all((folder / "gen-iso.fmr").read_bytes())
    for of_ansi, of_annex, of_nist in zip(ansi, iso, converted, strict=True):
        for field in ("x", "y", "type", "quality"):
            assert np.array_equal(of_ansi.minutiae[field], of_nist.minutiae[field])
            assert np.array_equal(of_ansi.minutiae[field], of_annex.minutiae[field])
        unit = np.radians(360 / 256)
        assert np.abs(of_ansi.minutiae["angle"] - of_nist.minutiae["angle"]).max() <= 0.501 * unit
        assert np.abs(of_nist.minutiae["angle"] - of_annex.minutiae["angle"]).max() <= 1.001 * unit
    assert iso19794.write(*ansi)[18:] == (folder / "gen-iso.fmr").read_bytes()[18:]


@pytest.mark.real_data
def test_real_records_are_read_and_bad_ones_refused(real_data: Path) -> None:
    folder = real_data / "records"
    good = [*folder.glob("fingerjet/*.ist"), *folder.glob("openafis-iso/fvc2002-DB1_B/*.iso")]
    assert len(good) == 89
    for path in good:
        warnings: list[str] = []
        data = path.read_bytes()
        template = record.read_any(data, warnings)
        assert warnings == []
        assert iso19794.write(template)[24:] == data[24:]
    for path in folder.glob("sourceafis/iso-*.dat"):
        warnings = []
        assert len(record.read_any(path.read_bytes(), warnings).minutiae) in (38, 39)
        assert "after the last finger view" in warnings[0]
    warnings = []
    record.read_any((folder / "libbiomeval/fmr.iso2005").read_bytes(), warnings)
    assert warnings == ["the extended data is one byte short"]
    assert len(ansi378.read_all((folder / "libbiomeval/fmr.ansi2004").read_bytes())) == 3
    for path in folder.glob("nonconforming/*.iso"):
        with pytest.raises(BadRecord, match="resolution at offset"):
            record.read_any(path.read_bytes())
    for path in folder.glob("openafis-iso/truncated/*.iso"):
        with pytest.raises(BadRecord, match="truncated"):
            record.read_any(path.read_bytes())


def with_points(*points: tuple[float, float, float, int]) -> Template:
    return dataclasses.replace(one_minutia(), singular=np.array(list(points), SINGULAR))


def test_cores_and_deltas_as_the_standards_lay_them_out() -> None:
    template = with_points((150.4, 250, np.radians(90), 1), (400, -3, np.radians(30), 2))
    core, delta = "4096 00fa 40", "412b 0000 156bc0"  # 90 and 30, 150, 270 degrees in units of 360/256
    expected = bytes.fromhex(f"0012 0002 0012 01 {core} 01 {delta}")
    assert iso19794.write(template)[34:] == expected
    core, delta = "0096 00fa 2d", "012b 0000 0f4b87"  # the same in units of 2 degrees
    assert ansi378.write(template)[36:] == bytes.fromhex(f"0012 0002 0012 41 {core} 41 {delta}")
    without = ansi378.write(with_points((1, 2, 0, 2)))[36:]
    assert without == bytes.fromhex("000d 0002 000d 00 41 0001 0002 003c78")


@BOTH
def test_more_than_fifteen_cores_are_cut(standard: ModuleType) -> None:
    template = with_points(*((float(at), 5, 0, 1) for at in range(20)), (7, 8, 0, 2))
    points = standard.read(standard.write(template)).singular
    assert points["x"].tolist() == [*range(15), 7]
    assert points["kind"].tolist() == [1] * 15 + [2]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("02 0096 00fa 4064 0096 2d 01 0067 0068", [(150, 250, 0, 1), (100, 150, 45, 1), (103, 104, 0, 2)]),
        ("00 00", []),
        ("01 0096 00", None),  # ends within a core
        ("01 0096 00fa", None),  # no deltas
        ("00 01 4067 0068 0102", None),  # two of three angles
        ("00 00 00", None),  # a byte too many
        ("", None),
    ],
)
def test_cores_and_deltas_of_others(item: str, expected: list[tuple[float, ...]] | None) -> None:
    content = bytes.fromhex(item.replace("2d", "20"))
    head = struct.pack(">HHH", 4 + len(content), 2, 4 + len(content))
    bare = iso19794.write(one_minutia())
    data = bare[:8] + struct.pack(">I", len(bare) + 4 + len(content)) + bare[12:-2] + head + content
    warnings: list[str] = []
    points = iso19794.read(data, warnings).singular
    assert warnings == (
        []
        if expected is not None
        else ["the cores and deltas at offset 36 cannot be read: they are left out"]
    )
    found = [(p["x"], p["y"], round(np.degrees(float(p["angle"]))), p["kind"]) for p in points]
    assert found == (expected or [])


def test_cores_and_deltas_of_a_record_in_another_resolution() -> None:
    data = bytearray(iso19794.write(with_points((100, 200, np.radians(45), 1))))
    data[18:22] = struct.pack(">HH", 394, 197)  # twice as fine across
    point = iso19794.read(bytes(data)).singular[0]
    assert (round(float(point["x"]), 1), float(point["y"])) == (50.0, 200.0)
    assert np.degrees(float(point["angle"])) == pytest.approx(63.45, abs=0.05)


@pytest.mark.real_data
def test_cores_and_deltas_of_a_sample(real_data: Path) -> None:
    views = iso19794.read_all((real_data / "records/libbiomeval/fmr.iso2005").read_bytes())
    points = np.concatenate([view.singular for view in views])
    assert points["kind"].tolist() == [1, 1, 2, 2, 2, 2]
    assert points["x"].tolist() == [150, 100, 143, 103, 136, 130]
    assert np.degrees(points["angle"][:2]) / (360 / 256) == pytest.approx([0x5A, 0x2D])


@BOTH
def test_impression_types_are_written_and_read(standard: ModuleType) -> None:
    known = [0, 1, 2, 3, 8] if standard is iso19794 else [0, 1, 2, 3, 8, 9]
    start, plain = FIRST_VIEW[standard], standard.write(one_minutia())
    for impression in range(16):
        changed = plain[: start + 1] + bytes((impression,)) + plain[start + 2 :]
        if impression in known:
            assert standard.write(one_minutia(), impressions=[impression]) == changed
            assert views.impressions(changed, start, 1) == [impression]
            assert same(standard.read(changed), standard.read(plain))
            continue
        with pytest.raises(BadRecord, match=f"impression type {impression} is not defined"):
            standard.write(one_minutia(), impressions=[impression])
        with pytest.raises(BadRecord, match=f"impression type {impression} at offset"):
            standard.read(changed)


def test_ansi_finger_qualities_254_and_255_are_unknown_and_iso_has_none() -> None:
    for standard in (ansi378, iso19794):
        data = bytearray(standard.write(one_minutia()))
        for quality in range(101, 256):
            data[FIRST_VIEW[standard] + 2] = quality
            if standard is ansi378 and quality in (254, 255):
                assert ansi378.read(bytes(data)).quality == 0
            else:
                with pytest.raises(BadRecord, match=f"finger quality {quality} at offset"):
                    standard.read(bytes(data))


@BOTH
@pytest.mark.parametrize("field", ["x", "y", "angle"])
def test_what_is_no_number_is_not_written(standard: ModuleType, field: str) -> None:
    for name in ("minutiae", "singular"):
        template = with_points((1, 2, 0, 1))
        getattr(template, name)[field][0] = np.nan
        with pytest.raises(BadRecord, match="not made of finite numbers"):
            standard.write(template)


@BOTH
@pytest.mark.parametrize("count", [0, 1, 77, 255])
def test_a_view_takes_six_bytes_a_minutia_and_six_more(standard: ModuleType, count: int) -> None:
    data = standard.write(random_template(1, count))
    assert len(data) == FIRST_VIEW[standard] + 6 + 6 * count
    assert standard.read(data).minutiae.size == count


@BOTH
def test_view_numbers_out_of_sequence_are_told(standard: ModuleType) -> None:
    data = bytearray(standard.write(one_minutia(), one_minutia()))
    second = FIRST_VIEW[standard] + 12 + 1
    assert data[second] >> 4 == 1
    data[second] = 3 << 4
    warnings: list[str] = []
    assert len(standard.read_all(bytes(data), warnings)) == 2
    assert warnings == ["view number 3 of position 7 is out of sequence"]


@BOTH
def test_99_pixels_a_centimetre_are_the_least(standard: ModuleType) -> None:
    data = bytearray(standard.write(one_minutia()))
    start = FIRST_VIEW[standard] - 6
    for rate, good in ((98, False), (99, True)):
        data[start : start + 4] = struct.pack(">HH", rate, rate)
        if good:
            assert standard.read(bytes(data)).width == round(300 * 500 / (99 * 2.54))
            continue
        with pytest.raises(BadRecord, match=f"X resolution at offset {start} is 98 px/cm"):
            standard.read(bytes(data))


def test_an_ansi_record_without_product_owner_is_told() -> None:
    data = bytearray(ansi378.write(one_minutia()))
    assert any(data[10:12])
    data[10:12] = b"\0\0"
    warnings: list[str] = []
    ansi378.read(bytes(data), warnings)
    assert warnings == ["CBEFF product owner at offset 10 is zero"]


@pytest.mark.parametrize(
    ("at_8", "ansi"),
    [
        ("001a 0103", True),
        ("ffff 0000", True),
        ("0019 0000", False),
        ("0001 0000", False),
        ("0000 0018", False),
        ("0000 0017", True),
        ("0000 0001", True),
    ],
)
def test_the_bytes_at_offset_8_tell_iso_from_ansi(at_8: str, ansi: bool) -> None:
    assert record.is_ansi(b"FMR\0 20\0" + bytes.fromhex(at_8)) is ansi
