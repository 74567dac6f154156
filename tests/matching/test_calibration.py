"""Calibration: thresholds fall with the rate asked for, invert, and say where they come from."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.calibration import FILE, calibration, decide, rate, threshold
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


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="kind 'rolled'"):
        threshold(0.1, "rolled")


def test_provenance_is_stored() -> None:
    kinds = json.loads(FILE.read_text())["kinds"]
    weights = json.loads(WEIGHTS.read_text())
    for kind, used in ((FULL, CONSTANTS.full), (MINUTIAE_ONLY, CONSTANTS.minutiae_only)):
        assert kinds[kind]["impostor pairs"] == weights[kind]["impostor"] == 14400
        assert kinds[kind]["data"] == weights[kind]["data"]
        assert kinds[kind]["date"] == weights[kind]["date"]
        assert kinds[kind]["extrapolated below"] == pytest.approx(1 / 14400)
        assert weights[kind]["weights"] == used._asdict()
