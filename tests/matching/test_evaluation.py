"""Error rates against their definitions; which pairs are compared."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.bootstrap import intervals, weights
from matching.compare import CONSTANTS, compare, prepare
from matching.evaluation import Scored, Thresholds, error_rates, microseconds, pairs_of, scores_of
from matching.kernels.packed import pack
from tests.matching.impressions import finger, worn

SCORES = st.lists(st.integers(0, 12), min_size=1, max_size=40)


@given(SCORES, SCORES)
def test_error_rates_follow_their_definition(genuine: list[int], impostor: list[int]) -> None:
    found = error_rates(np.array(genuine, float), np.array(impostor, float))
    rates = []
    for limit in range(15):
        missed = sum(score < limit for score in genuine) / len(genuine)
        false = sum(score >= limit for score in impostor) / len(impostor)
        rates.append((missed, false))
    for name, allowed in (("fmr100", 0.01), ("fmr1000", 0.001), ("fmr10000", 0.0001), ("zerofmr", 0.0)):
        assert getattr(found, name) == min(missed for missed, false in rates if false <= allowed)
    gap = min(abs(missed - false) for missed, false in rates)
    middles = [(missed + false) / 2 for missed, false in rates if abs(missed - false) < gap + 1e-12]
    assert any(found.eer == pytest.approx(middle) for middle in middles)


def test_perfect_and_hopeless_engines() -> None:
    high, low = np.full(20, 9.0), np.full(300, 1.0)
    assert error_rates(high, low).eer == 0
    assert error_rates(high, low).zerofmr == 0
    assert error_rates(low, high).eer == 1
    assert error_rates(low, low).eer == 0.5


def test_exactly_one_in_a_hundred_is_allowed() -> None:
    impostor = np.array([5.0] + [1.0] * 99)
    assert error_rates(np.array([3.0]), impostor).fmr100 == 0
    assert error_rates(np.array([3.0]), impostor[:99]).fmr100 == 1


@pytest.mark.parametrize("sides", [([], [1.0]), ([1.0], [])])
def test_no_pairs_give_no_rates(sides: tuple[list[float], list[float]]) -> None:
    with pytest.raises(ValueError, match="genuine and impostor"):
        error_rates(np.array(sides[0]), np.array(sides[1]))


def test_all_pairs_and_the_fvc_protocol() -> None:
    fingers = ["b"] * 3 + ["a"] * 2 + ["c"]
    every = pairs_of(fingers)
    assert {tuple(pair) for pair in every.genuine.tolist()} == {(0, 1), (0, 2), (1, 2), (3, 4)}
    assert len(every.impostor) == 15 - 4
    first = pairs_of(fingers, first_only=True)
    assert np.array_equal(first.genuine, every.genuine)
    assert {tuple(pair) for pair in first.impostor.tolist()} == {(0, 3), (0, 5), (3, 5)}


def test_a_fvc_set_has_280_genuine_and_2880_impostor_pairs() -> None:
    pairs = pairs_of([str(place // 8) for place in range(80)])
    assert (len(pairs.genuine), len(pairs.impostor)) == (280, 2880)
    assert len(pairs_of([str(place // 8) for place in range(80)], True).impostor) == 45


def test_scores_and_times_of_pairs() -> None:
    templates = [finger(1), worn(finger(1), 2), finger(2)]
    packed = pack([prepare(template) for template in templates])
    pairs = np.array([(0, 1), (0, 2), (1, 2)], np.int64)
    told: list[int] = []
    rows = scores_of(packed, pairs, told.append)
    assert sum(told) == 3
    assert list(rows[:, 0]) == [compare(templates[a], templates[b]).value for a, b in pairs]
    assert len(scores_of(packed, pairs[:0], told.append, CONSTANTS)) == 0
    many = np.tile(pairs, (1500, 1))
    np.testing.assert_array_equal(scores_of(packed, many, told.append, jobs=3), np.tile(rows, (1500, 1)))
    spent = microseconds(packed, pairs)
    assert spent is not None
    assert spent > 0
    assert microseconds(packed, pairs[:0]) is None


def scored(seed: int, fingers: int = 6, impressions: int = 3) -> Scored:
    """A set whose first finger scores low with itself and whose others do not err."""
    rng = np.random.default_rng(seed)
    names = [f"{place // impressions}" for place in range(fingers * impressions)]
    pairs = pairs_of(names)
    bad = pairs.genuine[:, 0] < impressions
    return Scored(
        names, pairs, np.where(bad, 0.5, 9.0) + rng.random(len(bad)), 2 * rng.random(len(pairs.impostor))
    )


def test_weighted_pairs_count_as_often_as_repeated_ones() -> None:
    rng = np.random.default_rng(0)
    genuine, impostor = rng.integers(0, 9, 30).astype(float), rng.integers(0, 6, 80).astype(float)
    times = rng.integers(0, 4, 30), rng.integers(0, 4, 80)
    repeated = error_rates(np.repeat(genuine, times[0]), np.repeat(impostor, times[1]))
    assert Thresholds(genuine, impostor).errors(*times) == repeated


def test_fingers_are_drawn_and_pairs_follow() -> None:
    one = scored(1, fingers=4, impressions=2)
    finger = np.arange(8) // 2
    genuine, impostor = weights([one], [finger], np.random.default_rng(5))
    drawn = np.random.default_rng(5).integers(0, 4, 4).tolist()
    assert genuine.tolist() == [drawn.count(finger[a]) for a, _ in one.pairs.genuine]
    expected = [drawn.count(finger[a]) * drawn.count(finger[b]) for a, b in one.pairs.impostor]
    assert impostor.tolist() == expected


def test_intervals_hold_the_figure_and_are_the_same_every_time() -> None:
    sets = [scored(1), scored(2)]
    found = intervals(sets)
    assert found == intervals(sets)
    assert list(found) == ["eer", "fmr1000", "fmr10000"]
    low, high = found["fmr1000"]
    assert low == 0 < 1 / 6 < high  # one bad finger of six in each set: never drawn in a third of the draws
    narrow = intervals([scored(1, fingers=30)])["fmr1000"]
    assert narrow[1] - narrow[0] < high - low


def test_too_few_fingers_give_no_interval() -> None:
    one = Scored(["a", "a"], pairs_of(["a", "a"]), np.ones(1), np.ones(0))
    with pytest.raises(ValueError, match="genuine and impostor"):
        intervals([one])


def test_the_threshold_of_a_rate_is_the_lowest_that_keeps_to_it() -> None:
    impostor = np.arange(1000.0)
    thresholds = Thresholds(np.array([2000.0]), impostor)
    assert thresholds.at(1000) == 999.0
    assert thresholds.at(100) == 990.0
