"""Forecasts: linear, rounded to the nearest day, with an interval that holds the date."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.campaign.reports.forecast import forecast_of
from tests.edge.parts import steady


def test_a_steady_rate() -> None:
    cast = forecast_of(100, [10] * 5, 14)
    assert (cast.left, cast.daily, cast.day, cast.early, cast.late) == (50, 10.0, 9, 9, 9)
    assert forecast_of(100, [0, 0, 0, 10, 10], 2).daily == 10.0
    assert forecast_of(76, [10] * 5, 14).day == 4 + 3, "2.6 days"
    assert forecast_of(74, [10] * 5, 14).day == 4 + 2, "2.4 days"


def test_no_rate_and_nothing_left() -> None:
    assert forecast_of(100, [0, 0], 14).day is None
    assert forecast_of(10, [5, 6], 14).day is None
    assert forecast_of(10, [5, 6], 14).left == -1
    assert forecast_of(10, [5], 14)[2:] == (1, None, None)
    assert forecast_of(100, [30, 0, 0, 0], 14).late is None, "no work at all is within the interval"


@steady()
@given(st.lists(st.integers(0, 50), min_size=2, max_size=30), st.integers(1, 500), st.integers(2, 20))
def test_the_interval_holds_the_date(daily: list[int], left: int, back: int) -> None:
    cast = forecast_of(sum(daily) + left, daily, back)
    recent = np.array(daily[-back:], float)
    if cast.day is None:
        assert recent.mean() == 0
        return
    assert abs(cast.day - (len(daily) - 1) - left / recent.mean()) <= 0.5 + 1e-9
    assert cast.early is not None
    assert cast.early <= cast.day
    slow = recent.mean() - 1.645 * recent.std(ddof=1) / np.sqrt(len(recent))
    if cast.late is None:
        assert left / slow > 9000 if slow > 0 else True
    else:
        assert cast.late >= cast.day
