"""Refusals without end do not fill the journal, and nothing that counts is left out."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.booth import open_shift
from edge.booth.commands import ANSWERED
from edge.booth.refused_commands import COUNTED, MOST, WINDOW, RefusedCommands
from edge.booth.shift import FAILED, MOST_FAILURES
from edge.keys import BoothKeys
from edge.messages import utc
from edge.people import People, make_person
from edge.store import Store
from edge.vault import Vault
from tests.edge.booth.test_commands import Booth, desk_of, enrol
from tests.edge.booth.test_shift import PINS, log_in
from tests.edge.parts import AT, steady

LATER = utc(datetime.fromisoformat(AT) + WINDOW)


@pytest.fixture
def booth(store: Store, keys: BoothKeys) -> Booth:
    return Booth(desk_of(store, keys))


def abandon(booth: Booth, number: int) -> str:
    verdict = booth.send("abandon", {"request_id": f"a{number}", "reason": "x"})
    assert verdict.reply.outcome == "refused"
    return verdict.reply.reason


def kinds(booth: Booth) -> list[str]:
    return [entry.kind for entry in booth.desk.journal.read()]


def test_a_thousand_refusals_are_a_hundred_entries_and_a_count(booth: Booth) -> None:
    booth.send("open-shift", {"request_id": "s1"})
    before = len(kinds(booth))
    sentences = {abandon(booth, number) for number in range(1000)}
    assert sentences == {"no subject is being enrolled: there is nothing to abandon"}, "each is answered"
    assert kinds(booth)[before:] == [ANSWERED] * MOST
    assert booth.send("abandon", {"request_id": "a7", "reason": "x"}).reply.repeated, "the first ones as ever"
    assert not booth.send("abandon", {"request_id": "a999", "reason": "x"}).reply.repeated
    taken = booth.send("enrol", enrol("r1"))
    assert taken.reply.outcome == "accepted", "whoever has a good command is heard"
    assert booth.send("enrol", enrol("r1")).reply.repeated
    booth.at = LATER
    abandon_now = booth.send("override", {"request_id": "o1", "reason": "x"})
    assert abandon_now.entries[0] == (COUNTED, {"times": 1001 - MOST, "since": AT})
    assert abandon_now.entries[1][0] == ANSWERED
    assert booth.desk.refused.counted(LATER) == []
    shift = booth.desk.shifts.current
    assert shift
    assert shift.report["commands"] == {"refused": 1002}
    assert open_shift.report_text(shift.report).splitlines()[-1] == "commands   1002 refused"


def test_wrong_pins_lock_however_many_refusals_there_are(store: Store, keys: BoothKeys) -> None:
    people = People(Vault(store, keys.vault))
    people.add(make_person("an", "operator", PINS["an"]))
    booth = Booth(desk_of(store, keys))
    for number in range(MOST):
        booth.send("override", {"request_id": f"o{number}", "reason": "x"})
    for number in range(MOST_FAILURES + 3):
        log_in(booth, "an", "999111", f"l{number}")
        log_in(booth, "nobody", "999111", f"n{number}")
    failed = [entry.body["person"] for entry in booth.desk.journal.read() if entry.kind == FAILED]
    assert failed == ["an"] * MOST_FAILURES
    assert "an is locked" in log_in(booth, "an", PINS["an"], "l99").reply.reason


@steady(100)
@given(st.lists(st.integers(-4000, 4000), max_size=400))
def test_whatever_the_clock_does_every_refusal_is_kept_or_counted(steps: list[int]) -> None:
    book, now, kept, counted = RefusedCommands(), datetime.fromisoformat(AT), 0, 0
    for seconds in [*steps, 7200]:
        now += timedelta(seconds=seconds / 100 if seconds > -3000 else seconds)
        counted += sum(body["times"] for _, body in book.counted(utc(now)))
        kept += book.keep(utc(now))
    now += WINDOW
    counted += sum(body["times"] for _, body in book.counted(utc(now)))
    assert kept + counted == len(steps) + 1
