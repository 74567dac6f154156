"""Rolled impressions put together from the pictures of synthetic fingers whose truth is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from fwtools.synthesis.impressions import impression
from fwtools.synthesis.rolled import Mishap
from matching.compare import compare
from matching.errors import BadImage
from matching.extract import extract
from matching.rolled import SENTENCES, Issue, compose
from tests.fwtools.rolls import flat_finger, rolled
from tests.fwtools.synthetic import needs_speed

PEOPLE = [(1, 2), (2, 1), (3, 5), (4, 9), (5, 6)]  # subject, position


@needs_speed
@pytest.mark.parametrize(("subject", "position"), PEOPLE)
def test_a_roll_is_the_finger_from_nail_to_nail(subject: int, position: int) -> None:
    made = rolled(subject, position)
    found = compose(made.frames)
    assert (found.issues, found.sentence) == ((), None)
    rows, columns = np.nonzero(made.truth < 128)
    assert abs(found.pixels.shape[1] - 32 - np.ptp(columns)) <= 24, "as broad as what touched"
    assert abs(found.pixels.shape[0] - 32 - np.ptp(rows)) <= 32
    own = compare(extract(found.pixels), made.template).value
    parts = [compare(extract(frame), made.template).value for frame in made.frames[4::6]]
    assert own > max(parts), "the whole is more like the truth than any picture"
    others = [compare(extract(found.pixels), rolled(*other).template).value for other in PEOPLE]
    assert sorted(others)[-2] < own / 2 < others[PEOPLE.index((subject, position))]


@needs_speed
@pytest.mark.parametrize(("subject", "position"), PEOPLE)
def test_ridges_are_not_doubled_where_pictures_meet(subject: int, position: int) -> None:
    """Doubled ridges end where they meet: an area of the whole has no more ends than one of a picture."""
    made = rolled(subject, position)

    def wrong(pixels: NDArray[np.uint8]) -> float:
        """Minutiae for each thousand pixels of skin."""
        template = extract(pixels)
        return len(template.minutiae) / (np.count_nonzero(pixels < 128) / 1000)

    whole = wrong(compose(made.frames).pixels)
    single = np.median([wrong(frame) for frame in made.frames[4:-4:3]])
    assert whole < 1.15 * single


@needs_speed
def test_a_roll_compares_with_its_own_plain_impression_only() -> None:
    rolls = {p: extract(compose(rolled(1, p).frames).pixels) for p in (1, 2, 3)}
    plain = {p: extract(impression(flat_finger(1, p), 1)[0]) for p in (1, 2, 3)}
    for p, probe in rolls.items():
        scores = {q: compare(probe, candidate).value for q, candidate in plain.items()}
        assert max(scores, key=lambda q: scores[q]) == p
        assert scores[p] > 2 * sorted(scores.values())[-2]


@needs_speed
@pytest.mark.parametrize(
    ("mishap", "issue"),
    [
        (Mishap.BACK, Issue.ROLLED_BACK),
        (Mishap.FAST, Issue.TOO_FAST),
        (Mishap.SLIPPED, Issue.SLIPPED),
        (Mishap.SHORT, Issue.TOO_SHORT),
        (Mishap.LIFTED, Issue.LIFTED),
    ],
)
def test_what_went_wrong_is_named_and_something_is_made_of_it(mishap: Mishap, issue: Issue) -> None:
    for subject, position in PEOPLE[:3]:
        found = compose(rolled(subject, position, 1, mishap).frames)
        assert issue in found.issues
        assert found.sentence == SENTENCES[found.issues[0]]
        assert len(extract(found.pixels).minutiae) > 5


@needs_speed
def test_a_roll_that_slipped_is_still_one_finger() -> None:
    """The skin that slid by 2.3 mm is laid on itself."""
    made = rolled(1, 2, 1, Mishap.SLIPPED)
    truth = rolled(1, 2).template
    score = compare(extract(compose(made.frames).pixels), truth)
    assert score.parts["pairs"] > 0.6 * len(truth.minutiae)


@needs_speed
def test_a_finger_that_only_lies_there_was_not_rolled() -> None:
    pixels = np.full((750, 800), 240, np.uint8)
    pixels[175:575, 250:550] = impression(flat_finger(), 1)[0]
    assert compose(np.stack([pixels] * 12)).issues == (Issue.TOO_SHORT,)


def test_without_a_finger_there_is_no_impression() -> None:
    empty = np.full((3, 750, 800), 240, np.uint8)
    with pytest.raises(BadImage, match="no finger is seen: put it down on one side"):
        compose(empty)
    with pytest.raises(BadImage, match="500 ppi, not 1000"):
        compose(empty, 1000.0)


@needs_speed
@given(
    arrays(
        np.uint8,
        st.tuples(st.integers(1, 4), st.integers(16, 90), st.integers(16, 90)),
        elements=st.sampled_from([0, 60, 240]),
    ),
    st.integers(1, 10),
)
def test_whatever_the_pictures_show_it_is_an_impression_or_one_sentence(
    frames: NDArray[np.uint8], times: int
) -> None:
    try:
        found = compose(frames.repeat(times, 1).repeat(times, 2)[:, :200, :200])
    except BadImage:
        return
    assert found.pixels.dtype == np.uint8
    assert found.pixels.size
