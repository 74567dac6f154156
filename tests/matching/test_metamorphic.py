"""What may happen to an impression and it still matches; what no one may submit to match a stranger."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from matching import iso19794
from matching.calibration import decide
from matching.compare import PreparedTemplate, compare, prepare
from matching.extract import extract
from matching.gallery import Gallery
from matching.template import MINUTIA, Template
from tests.matching.impressions import finger, picture, worn
from tests.matching.templates import minutiae_of, random_template

FMR = 1e-4
FINGERS = range(3)


def matches(one: Template | PreparedTemplate, other: Template | PreparedTemplate) -> bool:
    score = compare(one, other)
    return decide(score.value, FMR, score.kind).match


def bare(template: Template) -> Template:
    return iso19794.read(iso19794.write(template))


def cropped(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pixels[40:, 30:]


def translated(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    wide = np.full((pixels.shape[0] + 90, pixels.shape[1] + 70), 255, np.uint8)
    wide[60:-30, 11:-59] = pixels
    return wide


def noisy(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    noise = np.random.default_rng(5).normal(0, 25, pixels.shape)
    changed: NDArray[np.uint8] = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    return changed


def darker(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    changed: NDArray[np.uint8] = (pixels * 0.6).astype(np.uint8)
    return changed


def upside_down(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(pixels[::-1, ::-1])


@pytest.fixture(scope="module")
def originals() -> list[Template]:
    return [extract(picture(seed), 500) for seed in FINGERS]


@pytest.mark.parametrize("change", [cropped, translated, noisy, darker, upside_down])
def test_a_changed_picture_matches_its_own_finger_and_no_other(change, originals: list[Template]) -> None:  # type: ignore[no-untyped-def]
    for seed in FINGERS:
        template = extract(change(picture(seed)), 500)
        for other in FINGERS:
            assert matches(template, originals[other]) == (seed == other)
            assert matches(bare(template), bare(originals[other])) == (seed == other)


@pytest.mark.parametrize("degrees", [17, 45, 111, 203, 290, 344])
def test_a_turned_finger_matches_its_own_and_no_other(degrees: int, originals: list[Template]) -> None:
    for seed in FINGERS:
        template = extract(picture(seed, np.radians(degrees), degrees), 500)
        for other in FINGERS:
            assert matches(template, originals[other]) == (seed == other)


@pytest.mark.parametrize("side", [120, 200, 400])
@pytest.mark.parametrize("count", [60, 150, 255])
def test_crowds_of_minutiae_match_no_other(side: int, count: int) -> None:
    crowds = [random_template(seed, count, side, side) for seed in range(5)]
    bares = [Template(crowd.minutiae, side, side) for crowd in crowds]
    for fingers in ([prepare(one) for one in crowds], [prepare(one) for one in bares]):
        for index, one in enumerate(fingers):
            assert not any(matches(one, other) for other in fingers[:index])
            assert not matches(one, finger(1))
            assert not matches(one, bare(finger(2)))


def test_duplicate_minutiae_neither_make_nor_break_a_match() -> None:
    def doubled(template: Template) -> Template:
        twice = np.concatenate([template.minutiae, template.minutiae])
        return Template(twice, template.width, template.height, template.ridges)

    for seed in range(4):
        assert matches(doubled(finger(seed, 40)), worn(finger(seed, 40), seed))
        assert not matches(doubled(finger(seed, 40)), doubled(finger(seed + 50, 40)))
        assert not matches(doubled(bare(finger(seed, 40))), doubled(bare(finger(seed + 50, 40))))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(-2000, 2000, width=32), st.floats(-2000, 2000, width=32), st.floats(0, 6.25, width=32)
        ),
        max_size=255,
    ),
    st.integers(0, 9),
)
def test_whatever_minutiae_there_are_a_stranger_does_not_match(
    rows: list[tuple[float, float, float]], seed: int
) -> None:
    odd = Template(minutiae_of([(*row, 1, 50) for row in rows]), 300, 300)
    for stranger in (finger(seed), bare(finger(seed, 60))):
        score = compare(odd, stranger)
        assert np.isfinite(score.value)
        assert not decide(score.value, FMR, score.kind).match


def test_odd_fingers_in_a_gallery_are_found_by_nobody() -> None:
    gallery = Gallery()
    for number, template in enumerate(
        [
            Template(np.zeros(0, MINUTIA), 0, 0),
            Template(np.zeros(0, MINUTIA), 240, 240, finger(1).ridges),
            random_template(1, 255, 120, 120),
            Template(minutiae_of([(100, 100, 1.0, 1, 50)] * 255), 240, 240),
        ]
    ):
        gallery.add(f"odd {number}", 2, template)
    assert gallery.search(finger(3), 2, FMR) == []
    assert gallery.search(bare(finger(3)), None, FMR) == []
    assert gallery.search(Template(np.zeros(0, MINUTIA), 0, 0), None, 0.9999) == []
