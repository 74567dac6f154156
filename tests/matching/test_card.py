"""The card formats of ISO/IEC 19794-2:2005 and the limits of a BIT."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching import ansi378, card
from matching.card import COMPACT, NORMAL, Layout, Limits
from matching.errors import BadRecord
from matching.template import Template
from tests.matching.templates import minutiae_of, random_template

BOTH = pytest.mark.parametrize("layout", [NORMAL, COMPACT])


def bit(low: int, high: int, order: int) -> bytes:
    block = bytes((0xB1, 7, 0x81, 2, low, high, 0x82, 1, order))
    header = bytes((0xA1, 3 + len(block), 0x81, 1, 8)) + block
    inner = bytes((0x02, 1, 1, 0x7F, 0x60, len(header))) + header
    return bytes((0x7F, 0x61, len(inner))) + inner


@BOTH
@given(data=st.binary(max_size=900))
def test_any_bytes_give_a_template_that_is_written_back_or_a_refusal(layout: Layout, data: bytes) -> None:
    try:
        template = card.read(data, layout)
    except BadRecord:
        return
    again = card.write(template, layout)
    if layout is NORMAL:  # the two reserved bits above Y are not kept
        data = bytes(b & 0x3F if i % 5 == 2 else b for i, b in enumerate(data))
    assert again == data


@pytest.mark.parametrize(
    ("x", "y", "degrees", "normal", "compact"),
    [(100, 14, 112, "41FC004750", "330754"), (164, 17, 86, None, "53094F")],
)
def test_worked_example_of_annex_b2(x: int, y: int, degrees: int, normal: str | None, compact: str) -> None:
    template = Template(minutiae_of([(x, y, np.radians(degrees), 1, 60)]), 512, 512)
    assert card.write(template, COMPACT).hex().upper() == compact
    if normal:
        assert card.write(template, NORMAL).hex().upper() == normal


def test_beyond_25_5_millimetres_is_left_out_and_never_wraps() -> None:
    template = Template(minutiae_of([(600, 5, 0, 1, 0), (502, 5, 0, 1, 0)]), 700, 700)
    assert card.write(template, COMPACT) == bytes((255, 3, 64))
    assert len(card.write(template, NORMAL)) == 10


def test_too_many_leave_from_the_outside_and_too_few_are_refused() -> None:
    rows = [(x, 100, 0.0, 1, 0) for x in (0, 100, 110, 120, 130, 300)]
    template = Template(minutiae_of(rows), 400, 400)
    kept = card.write(template, COMPACT, Limits(2, 4))
    assert list(kept[::3]) == [51, 56, 61, 66]
    with pytest.raises(BadRecord, match="6 minutiae, the card wants at least 12"):
        card.write(template, COMPACT, Limits(12, 60))


@pytest.mark.parametrize("method", [1, 2, 3, 4])
@pytest.mark.parametrize("descending", [False, True])
def test_sorted_as_the_card_asks(method: int, descending: bool) -> None:
    data = card.write(random_template(4, 60), COMPACT, Limits(0, 60, method, descending))
    rows = [(data[i], data[i + 1], data[i + 2] & 63) for i in range(0, len(data), 3)]
    middle = (sum(r[0] for r in rows) / len(rows), sum(r[1] for r in rows) / len(rows))
    keys = {
        1: lambda r: (r[0], r[1]),
        2: lambda r: (r[1], r[0]),
        3: lambda r: (r[2],),
        4: lambda r: (round((r[0] - middle[0]) ** 2 + (r[1] - middle[1]) ** 2, 6), r[2]),
    }
    found = [keys[method](row) for row in rows]
    assert found == sorted(found, reverse=descending)


def test_the_last_compact_angle_is_63_and_a_full_turn_is_0_only_in_the_normal_format() -> None:
    for degrees, compact, normal in (
        (354.3, 63, 252),
        (357.3, 63, 254),
        (359.9, 63, 0),
        (2.9, 1, 2),
        (0, 0, 0),
    ):
        template = Template(minutiae_of([(5, 5, np.radians(degrees), 1, 0)]), 300, 300)
        assert card.write(template, COMPACT)[2] == 64 + compact
        assert card.write(template, NORMAL)[4] == normal


def compact_of(rows: list[tuple[int, int, int, int]], limits: Limits) -> list[tuple[int, int, int, int]]:
    """Write rows of (x, y, angle, type) in compact units, and the rows that come out."""
    whole = b"".join(bytes((x, y, kind << 6 | angle)) for x, y, angle, kind in rows)
    data = card.write(card.read(whole, COMPACT), COMPACT, limits)
    return [(data[i], data[i + 1], data[i + 2] & 63, data[i + 2] >> 6) for i in range(0, len(data), 3)]


CROWDED = st.lists(  # few places and angles: many ties
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.integers(0, 2)),
    min_size=1,
    max_size=40,
)


def far(rows: list[tuple[int, int, int, int]]) -> dict[tuple[int, int], Fraction]:
    x, y = (Fraction(sum(row[axis] for row in rows), len(rows)) for axis in (0, 1))
    return {(row[0], row[1]): (row[0] - x) ** 2 + (row[1] - y) ** 2 for row in rows}


@given(rows=CROWDED, most=st.integers(1, 40))
def test_of_minutiae_equally_far_endings_go_first_then_the_larger_angle(
    rows: list[tuple[int, int, int, int]], most: int
) -> None:
    distance = far(rows)
    leaving = sorted((-distance[row[:2]], row[3], -row[2]) for row in rows)
    kept = compact_of(rows, Limits(0, most))
    staying = leaving[max(0, len(rows) - most) :]
    assert sorted((-distance[row[:2]], row[3], -row[2]) for row in kept) == staying
    rest = iter(rows)
    assert all(row in rest for row in kept)  # in the order they had


@pytest.mark.parametrize("descending", [False, True])
@given(rows=CROWDED)
def test_equal_keys_are_ordered_by_the_next_one(
    descending: bool, rows: list[tuple[int, int, int, int]]
) -> None:
    distance = far(rows)
    keys = {
        1: lambda row: row[:2],
        2: lambda row: (row[1], row[0]),
        3: lambda row: row[2],
        4: lambda row: (distance[row[:2]], row[2]),
    }
    for method, key in keys.items():
        found = compact_of(rows, Limits(0, 255, method, descending))
        assert [key(row) for row in found] == sorted(map(key, rows), reverse=descending)
        assert sorted(found) == sorted(rows)


@BOTH
def test_nothing_is_no_template(layout: Layout) -> None:
    with pytest.raises(BadRecord, match="empty: there is not one minutia"):
        card.read(b"", layout)
    for rows in ([], [(20000, 5, 0, 1, 0)]):
        with pytest.raises(BadRecord, match="no minutia to write"):
            card.write(Template(minutiae_of(rows), 20001, 300), layout)


def test_limits_of_a_bit() -> None:
    assert card.read_bit(bit(12, 60, 0x11)) == [Limits(12, 60, 4, False)]
    assert card.read_bit(bit(0, 255, 0x06)) == [Limits(0, 255, 1, True)]
    for broken, words in ((bit(60, 12, 0), "no minimum and maximum"), (bit(1, 2, 0x17), "order at offset")):
        with pytest.raises(BadRecord, match=words):
            card.read_bit(broken)


def test_every_truncation_of_a_bit_is_refused() -> None:
    whole = bit(12, 60, 0x11)
    for length in range(len(whole)):
        with pytest.raises(BadRecord):
            card.read_bit(whole[:length])


@given(st.binary(max_size=60), st.integers(0, 20))
def test_any_bytes_as_bit_give_limits_or_a_refusal(data: bytes, at: int) -> None:
    good = bit(12, 60, 0x11)
    for mixed in (data, good[:at] + data + good[at:]):
        try:
            assert card.read_bit(mixed)
        except BadRecord:
            continue


@pytest.mark.parametrize(
    ("layout", "count", "head"),
    [
        (COMPACT, 1, "7F2E 05 81 03"),
        (COMPACT, 41, "7F2E 7D 81 7B"),
        (COMPACT, 42, "7F2E 8180 81 7E"),
        (COMPACT, 43, "7F2E 8184 81 8181"),
        (COMPACT, 84, "7F2E 81FF 81 81FC"),
        (COMPACT, 85, "7F2E 820102 81 81FF"),
        (COMPACT, 86, "7F2E 820106 81 820102"),
        (NORMAL, 1, "7F2E 07 81 05"),
        (NORMAL, 255, "7F2E 8204FF 81 8204FB"),
    ],
)
def test_a_template_for_a_card_is_wrapped_in_7f2e_and_81(layout: Layout, count: int, head: str) -> None:
    bare = card.write(random_template(count, count), layout)
    assert len(bare) == count * layout.size
    whole = card.wrapped(bare)
    assert whole == bytes.fromhex(head) + bare
    warnings: list[str] = []
    assert np.array_equal(card.read(whole, layout, 0, warnings).minutiae, card.read(bare, layout).minutiae)
    assert warnings == []
    card.read(whole + bytes(7), layout, 0, warnings)
    assert warnings == ["7 bytes after the card's template"]


@BOTH
@pytest.mark.parametrize("count", [9, 42, 90])
def test_a_wrapped_template_that_is_cut_is_never_taken_for_a_bare_one(layout: Layout, count: int) -> None:
    bare = card.write(random_template(1, count), layout)
    whole = card.wrapped(bare)
    for length in range(len(whole) - len(bare), len(whole)):
        with pytest.raises(BadRecord, match=f"truncated: {len(whole)} bytes declared at offset 2, {length}"):
            card.read(whole[:length], layout)


def test_what_else_is_in_7f2e_is_refused_and_what_only_begins_so_is_bare() -> None:
    bare = card.write(random_template(1, 9), COMPACT)
    for inner in (
        b"\x81\x1b" + bare + b"\x82\x01\x00",
        b"\x81\x1b" + bare + b"\x81\x00",
        b"\x81\x1c" + bare,
    ):
        with pytest.raises(BadRecord, match="holds more or less than the one 81 at 3"):
            card.read(b"\x7f\x2e" + bytes((len(inner),)) + inner, COMPACT)
    with pytest.raises(BadRecord, match="empty: there is not one minutia"):
        card.read(card.wrapped(b""), COMPACT)
    with pytest.raises(BadRecord, match="minutia type 3 at offset 2"):
        card.read(card.wrapped(b"\1\1\xff"), COMPACT)
    for data in (b"\x7f\x2e\x41", b"\x7f\x2e\x41\x81\x02\x40", b"\x7f\x2e\x82\x81\x03\x40"):
        assert card.read(data, COMPACT).minutiae[0]["x"] == pytest.approx(0x7F * 1.97)


@pytest.mark.real_data
def test_cards_equal_those_of_nist(real_data: Path) -> None:
    folder = real_data / "records/biomdi"
    views = ansi378.read_all((folder / "incits378-2004-AppendixB2.raw").read_bytes())
    for name, layout in (("gen-isocc.fmr", COMPACT), ("gen-isonc.fmr", NORMAL)):
        theirs = (folder / name).read_bytes()
        assert b"".join(card.write(view, layout) for view in views) == theirs
        assert len(card.read(theirs, layout).minutiae) == 49
