"""What a format cannot hold ends in BadRecord and nothing else, whichever writer; what fits is read again."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching import ansi378, card, fir2005, fir2011, iso19794, nist14
from matching.errors import BadRecord
from matching.finger_image import JPEG2000_LOSSLESS, PACKED, PNG, RAW, WSQ, FingerImage
from matching.template import CORE, DELTA, MINUTIA, SINGULAR, Template
from tests.edge.parts import steady

SAID = nist14.Transaction(date(2026, 1, 6), date(2026, 1, 5))
IMAGES: dict[str, Callable[..., bytes]] = {
    "fir2005": fir2005.write,
    "fir2011": fir2011.write,
    "nist14": lambda *images: nist14.write(images, SAID),
}
READERS = {"fir2005": fir2005.read, "fir2011": fir2011.read, "nist14": nist14.read}
MINUTIAE = pytest.mark.parametrize("standard", [iso19794, ansi378])
LIMITS = [-1, 0, 1, 15, 16, 17, 100, 101, 255, 256, 257, 0x3FFF, 0x4000, 0xFFFF, 0x10000, 0xFFFFFFFF]
NUMBERS = st.sampled_from(LIMITS) | st.integers(-2, 70000)
PLACES = st.sampled_from([*map(float, LIMITS), 0.5, -0.5, float("inf"), float("nan"), 3e38])


def small(position: int = 2) -> FingerImage:
    return FingerImage(b"\x07\x08", 2, 1, 500.0, RAW, position)


def some(count: int, size: int = 300) -> Template:
    return Template(np.zeros(count, MINUTIA), size, size)


@pytest.mark.parametrize(("form", "most"), [("fir2005", 255), ("fir2011", 256), ("nist14", 99)])
def test_as_many_images_of_a_finger_as_the_format_can_number(form: str, most: int) -> None:
    assert len(READERS[form](IMAGES[form](*[small()] * most))) == most
    with pytest.raises(BadRecord, match=f"{most + 1} images"):
        IMAGES[form](*[small()] * (most + 1))


def test_each_position_of_a_record_of_2011_is_numbered_for_itself() -> None:
    images = [small(1 + number % 2) for number in range(512)]
    assert fir2011.read(fir2011.write(*images)) == images


@MINUTIAE
def test_as_many_views_of_a_finger_as_four_bits_can_number(standard: ModuleType) -> None:
    assert len(standard.read_all(standard.write(*[some(1)] * 16))) == 16
    with pytest.raises(BadRecord, match="more than 16 views"):
        standard.write(*[some(1)] * 17)
    views = [replace(some(255), position=number % 11) for number in range(177)]
    assert len(standard.read_all(standard.write(*views[:176]))) == 176
    with pytest.raises(BadRecord, match="177 views, at most 176"):
        standard.write(*views)


@MINUTIAE
@pytest.mark.parametrize("size", [0, -1, 0x10000])
def test_a_template_that_has_no_size_or_too_much_is_refused_among_others(
    standard: ModuleType, size: int
) -> None:
    for templates in ([some(1, size)], [some(1), some(0, size)]):
        with pytest.raises(BadRecord, match=f"{size} x {size}"):
            standard.write(*templates)


def test_a_view_of_2005_longer_than_its_length_can_say_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fir2005.LARGEST == 2**32 - 1
    size = fir2005.VIEW.size + len(small().data)
    monkeypatch.setattr(fir2005, "LARGEST", size)
    fir2005.write(small())
    monkeypatch.setattr(fir2005, "LARGEST", size - 1)
    with pytest.raises(BadRecord, match="its length cannot say"):
        fir2005.write(small())


@pytest.mark.parametrize("form", [*IMAGES])
@pytest.mark.parametrize("ppi", [0.0, -1.0, 0.4, 65536.0, float("inf"), float("nan")])
def test_a_resolution_that_no_reader_takes_is_not_written(form: str, ppi: float) -> None:
    with pytest.raises(BadRecord, match="resolution"):
        IMAGES[form](replace(small(), ppi=ppi))


@pytest.mark.parametrize("form", [*IMAGES])
@pytest.mark.parametrize("depth", [-1, 0, 17, 256])
def test_a_depth_that_no_reader_takes_is_not_written(form: str, depth: int) -> None:
    with pytest.raises(BadRecord, match=f"{depth} is not|{depth} bits"):
        IMAGES[form](replace(small(), depth=depth, compression=PNG))


IMAGE = st.builds(
    FingerImage,
    st.binary(max_size=4),
    NUMBERS,
    NUMBERS,
    PLACES,
    st.sampled_from([RAW, PACKED, WSQ, PNG, JPEG2000_LOSSLESS]),
    NUMBERS,
    NUMBERS,
    st.none() | NUMBERS,
    NUMBERS,
    NUMBERS,
)
SOUND = st.builds(
    FingerImage,
    st.binary(max_size=4),
    st.sampled_from([1, 0xFFFF]),
    st.sampled_from([1, 0xFFFF]),
    st.sampled_from([1.0, 500.0, 65535.0]),
    st.sampled_from([WSQ, PNG]),
    st.sampled_from([0, 10, 15]),
    st.sampled_from([0, 8]),
    st.sampled_from([None, 0, 100]),
    st.sampled_from([0, 0xFFFF]),
)


@pytest.mark.parametrize("form", [*IMAGES])
@steady(300)
@given(images=st.lists(IMAGE | SOUND, max_size=3) | st.lists(SOUND, min_size=1, max_size=1))
def test_any_image_is_written_as_it_can_be_read_or_refused(form: str, images: Sequence[FingerImage]) -> None:
    try:
        data = IMAGES[form](*images)
    except BadRecord:
        return
    assert [image.data for image in READERS[form](data)] == [image.data for image in images]


@st.composite
def templates(draw: st.DrawFn) -> Template:
    """Templates of which nothing is known to be sound."""
    minutiae = draw(
        st.lists(st.tuples(PLACES, PLACES, PLACES, st.integers(0, 255), st.integers(0, 255)), max_size=3)
    )
    points = draw(st.lists(st.tuples(PLACES, PLACES, PLACES, st.sampled_from([CORE, DELTA, 9])), max_size=40))
    repeats = draw(st.sampled_from([1, 1, 85, 86, 300]))
    return Template(
        np.array(minutiae * repeats, MINUTIA),
        draw(NUMBERS),
        draw(NUMBERS),
        None,
        draw(NUMBERS),
        draw(NUMBERS),
        np.array(points, SINGULAR),
    )


@MINUTIAE
@steady(300)
@given(template=templates(), sound=st.booleans(), impression=NUMBERS)
def test_any_template_is_written_as_it_can_be_read_or_refused(
    standard: ModuleType, template: Template, sound: bool, impression: int
) -> None:
    if sound:
        template = replace(template, position=10, quality=100)
    try:
        data = standard.write(template, impressions=[1 if sound else impression])
    except BadRecord:
        return
    assert len(standard.read(data).minutiae) == len(template.minutiae)


@pytest.mark.parametrize("layout", [card.NORMAL, card.COMPACT])
@steady(300)
@given(template=templates())
def test_any_template_becomes_a_card_s_or_is_refused(layout: card.Layout, template: Template) -> None:
    try:
        data = card.write(template, layout)
    except BadRecord:
        return
    assert card.read(card.wrapped(data), layout).minutiae.size <= 255
