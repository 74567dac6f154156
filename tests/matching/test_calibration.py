"""Calibration: thresholds fall with the rate asked for, invert, and say where they come from."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.calibration import FILE, calibration, decide, rate, threshold, together
from matching.combination import FILE as WEIGHTS
from matching.compare import CONSTANTS, FULL, MINUTIAE_ONLY

KINDS = pytest.mark.parametrize("kind", [FULL, MINUTIAE_ONLY])


@KINDS
@given(st.floats(1e-9, 0.3), st.floats(1e-9, 0.3))
def test_rarer_false_matches_need_higher_scores(kind: str, first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert threshold(low, kind) >= threshold(high, kind)
    if low < 0.999 * high:
        assert threshold(low, kind) > threshold(high, kind)


@KINDS
@given(st.floats(1e-9, 0.3))
def test_rate_is_the_inverse_of_threshold(kind: str, fmr: float) -> None:
    assert rate(threshold(fmr, kind), kind) == pytest.approx(fmr, rel=1e-6)


@KINDS
def test_a_decision_turns_exactly_at_its_threshold(kind: str) -> None:
    limit = threshold(1e-4, kind)
    assert decide(limit, 1e-4, kind).match
    assert not decide(limit - 1e-9, 1e-4, kind).match
    assert decide(0.0, 0.9999, kind).score_fmr == 1
    assert not decide(0.0, 0.9999, kind).match
    assert decide(limit, 1e-3, kind).score_fmr == pytest.approx(1e-4)


@KINDS
def test_the_deciding_score_is_the_upper_end_of_the_interval(kind: str) -> None:
    points = calibration(kind)
    for point in points:
        assert point.highest >= point.score
        assert threshold(point.fmr, kind) == pytest.approx(point.highest)
    assert [point.fmr for point in points] == sorted((point.fmr for point in points), reverse=True)


@pytest.mark.parametrize("fmr", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_a_rate_that_is_none_is_refused(fmr: float) -> None:
    with pytest.raises(ValueError, match="not between 0 and 1"):
        threshold(fmr)


@pytest.mark.parametrize("rates", [[0.3], [0.2, 0.05], [0.5, 0.5, 0.04], [1.0, 0.01]])
def test_strangers_are_taken_together_as_often_as_said(rates: list[float]) -> None:
    drawn = np.random.default_rng(7).random((400_000, len(rates)))
    share = np.mean(np.prod(drawn, axis=1) <= np.prod(rates))
    assert together(rates) == pytest.approx(share, rel=0.04)


def test_fingers_together_say_no_more_than_they_can() -> None:
    assert together([]) == 1.0
    assert together([1.0, 1.0]) == pytest.approx(1.0)
    assert together([0.02]) == pytest.approx(0.02)
    assert 0.0 <= together([0.0, 1e-300]) < 1e-290
    assert together([1e-3, 1e-3]) < 1e-4 < together([1e-2, 1e-3])


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="kind 'rolled'"):
        threshold(0.1, "rolled")


def test_provenance_is_stored() -> None:
    kinds = json.loads(FILE.read_text())["kinds"]
    weights = json.loads(WEIGHTS.read_text())
    for kind, used in ((FULL, CONSTANTS.full), (MINUTIAE_ONLY, CONSTANTS.minutiae_only)):
        real, synthetic = kinds[kind]["populations"]
        assert (real["name"], synthetic["name"]) == ("real", "synthetic")
        assert real["fingers"] == 50
        assert weights[kind]["impostor"] == 5 * 80 * 72 // 2
        across_sets = 10 * 80 * 80  # ten pairs of sets
        assert real["impostor pairs"] == weights[kind]["impostor"] + across_sets - 8 * 8  # one finger in both
        assert synthetic["impostor pairs"] == synthetic["fingers"] * (synthetic["fingers"] - 1) // 2
        assert kinds[kind]["data"][:-1] == weights[kind]["data"]
        assert "synthesise" in kinds[kind]["data"][-1]
        assert kinds[kind]["date"] == weights[kind]["date"]
        assert kinds[kind]["extrapolated below"] == pytest.approx(10 / synthetic["impostor pairs"])
        assert weights[kind]["weights"] == used._asdict()


@KINDS
def test_no_population_has_a_higher_score_than_the_stored_one(kind: str) -> None:
    points = {point.fmr: point.score for point in calibration(kind)}
    for population in json.loads(FILE.read_text())["kinds"][kind]["populations"]:
        for fmr, score in zip((0.01, 1e-3, 1e-4), population["scores at 0.01, 0.001, 0.0001"], strict=True):
            assert points[fmr] >= score
