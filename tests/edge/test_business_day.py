"""The business day: one rule for booth and hub."""

from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from edge.business_day import BusinessDays
from tests.edge.parts import steady

HANOI = BusinessDays(420)
moments = st.datetimes(datetime(1971, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))
rules = st.builds(BusinessDays, st.integers(-720, 840), st.times())


def test_half_past_midnight_belongs_to_the_evening_before() -> None:
    assert HANOI.of(datetime(2026, 1, 5, 17, 30, tzinfo=UTC)) == date(2026, 1, 5)  # 00:30 in Hanoi
    assert HANOI.of(datetime(2026, 1, 5, 20, 0, tzinfo=UTC)) == date(2026, 1, 6)  # 03:00
    assert HANOI.end_of(date(2026, 1, 5)) == datetime(2026, 1, 5, 20, 0, tzinfo=UTC)
    assert BusinessDays(420, time(0)).of(datetime(2026, 1, 5, 17, 0, tzinfo=UTC)) == date(2026, 1, 6)


@steady()
@given(rules, moments)
def test_every_moment_is_of_the_one_day_that_has_not_ended(days: BusinessDays, moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    begins = days.begins.replace(microsecond=0)
    days = BusinessDays(days.utc_offset_minutes, begins)
    day = days.of(moment)
    assert days.end_of(day - timedelta(days=1)) <= moment < days.end_of(day)
    assert date(1970, 1, 1) + timedelta(days=days.number(int(moment.timestamp()))) == day
