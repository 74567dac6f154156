"""Quality: what lowers it, and what the person is told."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.extract import extract, run_stages
from matching.parameters import QUALITY
from matching.pattern import ridge_pattern
from matching.quality import examine, hint, judge, measure, quality, score_of

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
    assert parts["found"] == len(stages.kept)
    assert parts["closed"] == pytest.approx(parts["filled"] + parts["bare"])
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


def test_parts_counted_cell_by_cell():
    stages = run_stages(ridge_pattern(SIDE))
    parts = measure(stages)
    dark, changes, worth = [], [], 0.0
    rows, columns = stages.foreground.shape
    for row, column in np.argwhere(stages.foreground):
        cell = stages.normalised[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        dark.append(sum(value > 0 for value in cell.ravel()) / 64)
        for further in ((row, column + 2), (row + 2, column)):
            if further[0] < rows and further[1] < columns and stages.foreground[further]:
                changes.append(abs(math.log(stages.period[further] / stages.period[row, column])))
    for x, y in stages.kept[:, :2]:
        clear = float(stages.clarity[int(y // 8), int(x // 8)])
        worth += min(1.0, max(0.0, (clear - QUALITY.unclear) / (QUALITY.clear - QUALITY.unclear)))
    assert parts["filled"] == pytest.approx(sum(one > QUALITY.filled for one in dark) / len(dark))
    assert parts["bare"] == pytest.approx(sum(one < QUALITY.bare for one in dark) / len(dark))
    assert parts["uneven"] == pytest.approx(statistics.pstdev(dark), rel=1e-4)
    assert parts["frequency"] == pytest.approx(statistics.fmean(changes), rel=1e-3)
    assert parts["minutiae"] == pytest.approx(worth, rel=1e-4)


GOOD = {
    "area": 200.0, "clarity": 0.8, "flow": 0.6, "frequency": 0.01, "minutiae": 30.0, "found": 40.0,
    "grey": 150.0, "contrast": 50.0, "ridge": 0.45, "imbalance": 0.0, "filled": 0.02, "bare": 0.06,
    "closed": 0.08, "uneven": 0.15, "off_centre": 0.0,
}  # fmt: skip


def parts_of(**changes: float) -> dict[str, float]:
    return GOOD | changes


def test_the_parts_are_those_that_are_measured():
    assert set(GOOD) == set(measure(run_stages(ridge_pattern(SIDE))))


@given(st.sampled_from(QUALITY.ramps), st.floats(0, 300), st.floats(0, 300))
def test_the_score_is_monotonic_in_each_part(ramp, one, other):
    worse, better = sorted((one, other), reverse=ramp.worst > ramp.best)
    assert score_of(parts_of(**{ramp.part: worse})) <= score_of(parts_of(**{ramp.part: better}))


@pytest.mark.parametrize("ramp", QUALITY.ramps, ids=lambda ramp: ramp.part)
def test_every_part_counts(ramp):
    worst, best = (score_of(parts_of(**{ramp.part: value})) for value in (ramp.worst, ramp.best))
    assert worst < best - 5


@pytest.mark.parametrize(
    ("changes", "score", "expected"),
    [
        ({}, 60, None),
        ({"area": 3.0}, 0, "put the finger on the scanner"),
        ({"off_centre": 6.0, "area": 60.0}, 30, "move the finger to the centre"),
        ({"ridge": 0.62}, 30, "dry the finger"),
        ({"ridge": 0.25, "flow": 0.3}, 30, "moisten the finger"),
        ({"ridge": 0.35, "flow": 0.7}, 30, "press harder"),
        ({"area": 60.0}, 30, "lay the finger down flat"),
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
