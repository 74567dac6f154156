"""The clocks as they stand in an entry."""

import re
from datetime import UTC, datetime, timedelta

from edge import clock


def test_now_is_utc_with_milliseconds() -> None:
    before = datetime.now(UTC)
    text = clock.now()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    moment = datetime.fromisoformat(text)
    assert before - timedelta(milliseconds=1) <= moment <= datetime.now(UTC)


def test_the_monotonic_clock_goes_on_within_one_start_of_the_machine() -> None:
    first, second = clock.reading(), clock.reading()
    assert first.boot == second.boot != ""
    assert 0 < first.monotonic_ms <= second.monotonic_ms
    assert isinstance(first.synchronised, bool)
