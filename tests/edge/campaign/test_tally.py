"""The fold beside a slow twin that looks at every event for every question."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.campaign.definition import Campaign, Target
from edge.campaign.events import CAUSES, KINDS, Event
from edge.campaign.tally import LAST, MAXIMA, OutOfSpan, Tally
from tests.edge.hub.campaigns import FEES
from tests.edge.parts import steady

START = date(2021, 3, 1)
CAMPAIGN = Campaign(
    name="Campaign",
    legal_basis=("an order",),
    start=START,
    units=Path("units.csv"),
    targets={"all": Target(title="everyone", total=100)},
    fees=FEES,
    span_days=3,
)
BEGINS = int(datetime(2021, 2, 28, 20, tzinfo=UTC).timestamp())  # 03:00 in Hanoi


@st.composite
def events(draw: st.DrawFn) -> Event:
    return Event(
        "",
        BEGINS + draw(st.sampled_from([0, 1, 86399, 86400, 200_000, 3 * 86400 - 1])),
        draw(st.sampled_from(KINDS)),
        draw(st.sampled_from(["00091", "003"])),
        draw(st.sampled_from(["", "fixed", "mobile"])),
        draw(st.sampled_from(["", "binh", "chi"])),
        draw(st.sampled_from([-1, 0, 13, 14, 17, 18, 24, 25, 39, 40, 59, 60, 130])),
        draw(st.sampled_from(["", "exchange", "first-time"])),
        draw(st.sampled_from([-1, 0, 60])),
        draw(st.sampled_from([0, 15_000, 140_000])),
        draw(st.sampled_from(CAUSES)),
        draw(st.integers(0, 5)),
    )


def group(age: int) -> str:
    if age < 0:
        return "unknown"
    return "below-14" if age < 14 else "14-17" if age < 18 else "18-24" if age < 25 else (
        "25-39" if age < 40 else "40-59" if age < 60 else "60+"
    )  # fmt: skip


def twin(measure: str, key: str, day: int, seen: list[Event]) -> int:
    """Answer by looking at each event; written from the words on top of tally.py."""
    word, _, part = measure.partition("/")
    mine = [one for one in seen if (one.at - BEGINS) // 86400 == day]
    mine = [one for one in mine if (one.operator if word == "operator" else one.unit) == key]
    files = [one for one in mine if one.kind == "collected"]
    if measure == "last/collected":
        return max(((one.at - BEGINS) % 86400 for one in files), default=0)
    if word in ("fault", "minutes"):
        stops = [one.minutes for one in mine if one.kind == "fault" and one.cause == part]
        return len(stops) if word == "fault" else sum(stops)
    if word == "collected" and part:
        return sum((one.issue or "unknown") == part for one in files)
    if word == "place":
        return sum((one.place or "unknown") == part for one in files)
    if word == "age":
        return sum(group(one.age) == part for one in files)
    if word == "account":
        return sum(one.kind in ("account-1", "account-2") for one in mine)
    if word == "operator":
        times = [one.seconds for one in files if one.seconds >= 0]
        dues = {"exchange": 15_000, "first-time": 0}
        wrong = [o.amount for o in mine if o.kind == "fee" and o.issue in dues and o.amount != dues[o.issue]]
        special = {"timed": len(times), "seconds": sum(times)}
        special |= {"wrong-fee": len(wrong), "most-taken": max(wrong, default=0)}
        return special[part] if part in special else sum(one.kind == part for one in mine)
    return sum(one.kind == measure for one in mine)


@steady(150)
@given(st.lists(events(), max_size=25), st.integers(0, 25))
def test_the_fold_and_its_twin(seen: list[Event], cut: int) -> None:
    whole, first, second = Tally(CAMPAIGN), Tally(CAMPAIGN), Tally(CAMPAIGN)
    whole.fold(seen)
    first.fold(seen[:cut])
    second.fold(seen[cut:])
    for measure, key, day, number in second.cells():
        first.add(measure, key, day, number)
    assert sorted(first.cells()) == sorted(whole.cells()), "in one go or in two"
    for measure, key, day, number in whole.cells():
        assert number == twin(measure, key, day, seen), (measure, key, day)
    kinds = {event.kind for event in seen}
    assert {kind for kind in kinds if kind != "fault"} <= {measure for measure, *_ in whole.cells()}


@steady(100)
@given(events(), st.integers(1, 4))
def test_an_event_that_stands_for_some_is_counted_as_often(event: Event, times: int) -> None:
    at_once, one_by_one, loaded = Tally(CAMPAIGN), Tally(CAMPAIGN), Tally(CAMPAIGN)
    at_once.fold([event], times)
    one_by_one.fold([event] * times)
    assert sorted(at_once.cells()) == sorted(one_by_one.cells())
    loaded.load(at_once.cells())
    assert sorted(loaded.cells()) == sorted(at_once.cells())


def test_a_maximum_is_no_sum() -> None:
    one = Tally(CAMPAIGN)
    for number in (5, 9, 7):
        one.add(LAST, "00091", 0, number)
        one.add("sent", "00091", 0, number)
    assert (one.on(LAST, "00091", 0), one.on("sent", "00091", 0)) == (9, 21)
    assert LAST in MAXIMA


@pytest.mark.parametrize("at", [BEGINS - 1, BEGINS + 3 * 86400])
def test_another_time_is_refused(at: int) -> None:
    with pytest.raises(OutOfSpan):
        Tally(CAMPAIGN).fold([Event("", at, "sent", "00091")])


def test_days_begin_at_three_in_hanoi() -> None:
    assert CAMPAIGN.begins(0) == BEGINS
    for day in range(3):
        assert CAMPAIGN.day_index(CAMPAIGN.begins(day)) == day
        assert CAMPAIGN.day_index(CAMPAIGN.begins(day) - 1) == day - 1
        assert CAMPAIGN.day(day) == START + timedelta(days=day)
