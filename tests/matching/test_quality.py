"""Quality: what lowers it, and what the person is told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.extract import extract, run_stages
from matching.parameters import QUALITY
from matching.pattern import ridge_pattern
from matching.quality import examine, hint, judge, measure, quality

SIDE = 320


def test_one_pass_gives_the_same_as_two():
    image = ridge_pattern(SIDE)
    template, judged = examine(image)
    assert judged == quality(image)
    assert template.quality == judged.score
    np.testing.assert_array_equal(template.minutiae, extract(image).minutiae)


def test_noise_lowers_the_score_step_by_step():
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 1, (SIDE, SIDE))
    images = [np.clip(ridge_pattern(SIDE) + strength * noise, 0, 255) for strength in (0, 40, 80, 160)]
    scores = [quality(image.astype(np.uint8)).score for image in images]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[-1] + 15


def test_a_fingertip_is_worth_less_than_a_finger():
    image = ridge_pattern(SIDE)
    tip = np.full_like(image, 255)
    tip[: SIDE // 3] = image[: SIDE // 3]
    assert quality(tip).score < quality(image).score - 10


def test_the_parts_are_what_they_say():
    stages = run_stages(ridge_pattern(SIDE))
    parts = measure(stages)
    disc = np.pi * (0.46 * SIDE * 25.4 / 500) ** 2
    assert disc < parts["area"] < 1.15 * disc  # a window of the normalisation reaches beyond it
    assert parts["minutiae"] == len(stages.kept)
    assert 0.85 < parts["clarity"] < 1.0
    assert parts["ridge"] == pytest.approx(0.5, abs=0.05)
    inside = np.kron(stages.foreground, np.ones((8, 8), bool))
    assert parts["grey"] == pytest.approx(stages.image[inside].mean(), rel=1e-4)
    assert parts["off_centre"] == 0.0


def test_a_cut_finger_is_off_centre_by_as_much_as_its_middle():
    cut = ridge_pattern(SIDE)[:, SIDE // 2 :]
    wide = np.concatenate([cut, np.full((SIDE, 160), 255, np.uint8)], axis=1)
    parts = measure(run_stages(wide))
    y, x = np.nonzero(run_stages(wide).foreground)
    expected = (
        np.hypot((x.mean() + 0.5) * 8 - wide.shape[1] / 2, (y.mean() + 0.5) * 8 - SIDE / 2) * 25.4 / 500
    )
    assert parts["off_centre"] == pytest.approx(expected, abs=0.05)
    assert parts["off_centre"] > 4


def parts_of(**changes: float) -> dict[str, float]:
    good = {"area": 200.0, "clarity": 0.7, "flow": 0.6, "minutiae": 40.0, "kept": 0.95, "grey": 150.0}
    return good | {"contrast": 50.0, "ridge": 0.45, "imbalance": 0.0, "off_centre": 0.0} | changes


@pytest.mark.parametrize(
    ("changes", "score", "expected"),
    [
        ({}, 60, None),
        ({"area": 3.0}, 0, "put the finger on the scanner"),
        ({"off_centre": 6.0, "area": 60.0}, 30, "move the finger to the centre"),
        ({"ridge": 0.62}, 30, "dry the finger"),
        ({"ridge": 0.25}, 30, "moisten the finger"),
        ({"area": 60.0}, 30, "press harder"),
        ({"clarity": 0.4}, 30, "clean the finger and hold it still"),
    ],
)
def test_the_hint_names_the_most_useful_change(changes, score, expected):
    assert hint(parts_of(**changes), score, QUALITY) == expected


@given(
    st.integers(0, QUALITY.good - 1), st.dictionaries(st.sampled_from(sorted(parts_of())), st.floats(0, 300))
)
def test_below_good_there_is_always_a_hint(score, changes):
    assert hint(parts_of(**changes), score, QUALITY)


def test_no_finger_scores_nothing():
    nothing = judge(run_stages(np.full((200, 200), 255, np.uint8)))
    assert (nothing.score, nothing.hint) == (0, "put the finger on the scanner")
    assert nothing.parts["area"] == 0
