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


def test_a_day_that_runs_counts_as_done_and_not_as_a_days_work() -> None:
    """At ten a day the date is the same at the day's end, at 03:05, at noon, and in the evening."""
    before = forecast_of(100, [10] * 5, 14)
    for done in range(11):
        cast = forecast_of(100, [*[10] * 5, done], 14, running=True)
        assert (cast.left, cast.daily) == (50 - done, 10.0)
        assert cast[2:] == before[2:] == (9, 9, 9)
    assert forecast_of(100, [*[10] * 5, 30], 14, running=True).day == 7, (
        "more than a day's work goes on from there"
    )
    assert forecast_of(54, [*[10] * 5, 3], 14, running=True).day == 5, "what is left is done today"
    assert forecast_of(54, [*[10] * 5, 0], 14).day == 5, "a day that is over, as before"
    assert forecast_of(100, [5], 14, running=True) == (95, 0.0, None, None, None), "no day is over yet"
    assert forecast_of(100, [], 14, running=True).day is None


@steady()
@given(st.lists(st.integers(0, 50), min_size=3, max_size=30), st.integers(1, 500), st.integers(2, 20))
def test_the_date_holds_within_a_day_of_the_last_ones_while_no_more_than_usual_is_done(
    daily: list[int], left: int, back: int
) -> None:
    *days, today = daily
    cast = forecast_of(sum(daily) + left, daily, back, running=True)
    if cast.day is None:
        assert sum(days[-back:]) == 0
    elif today <= cast.daily:
        assert cast.day == max(len(days), forecast_of(sum(daily) + left, days, back).day or 0)
        assert (cast.early or 0) <= cast.day <= (cast.late or 10**6)


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
