"""Shifts: opened, closed, left open over the boundary; by hand, by commands, and arbitrary lives."""

from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from edge import clock
from edge.booth import enrolment, open_shift
from edge.booth.entries import LOGGED_IN, LOGGED_OUT
from edge.booth.open_shift import CLOSED, OPENED, OVERDUE, LeftOpen, OpenShift
from edge.booth.runner import Runner
from edge.business_day import BusinessDays
from edge.cli import main
from edge.errors import BadCommand
from edge.journal import Journal
from edge.keys import BoothKeys, read_booth_keys
from edge.messages import Clock
from edge.people import People, make_person
from edge.settings import BoothSettings, ShiftRules, read_settings
from edge.store import Store
from edge.vault import Vault
from tests.edge.booth.test_commands import SETTINGS, Booth, desk_of, enrol, show
from tests.edge.booth.test_runner import settings as settings  # a fixture
from tests.edge.booth.test_runner import shown
from tests.edge.booth.test_shift import PINS, log_in, sealed
from tests.edge.parts import AT, CLOCK, steady

HANOI, GRACE, NOTHING = BusinessDays(420), timedelta(hours=1), LeftOpen()
DAY, NEXT = datetime(2026, 1, 5, 8, tzinfo=UTC), "2026-01-06T01:00:00.000Z"
ENDS = datetime(2026, 1, 5, 20, tzinfo=UTC)
WITH_SHIFTS = SETTINGS.model_copy(update={"shift": ShiftRules(required=True)})


@pytest.fixture
def booth(store: Store, keys: BoothKeys) -> Booth:
    return Booth(desk_of(store, keys, WITH_SHIFTS))


def fold(entries: Iterable[open_shift.Entry], current: OpenShift | None = None) -> OpenShift | None:
    """Apply entries in order."""
    for kind, body in entries:
        current = open_shift.evolve(current, kind, body)
    return current


def opened_at(moment: datetime = DAY) -> OpenShift:
    shift = fold(open_shift.open_shift(None, "s1", moment.isoformat(), HANOI, "an", NOTHING))
    assert shift
    return shift


def close(booth: Booth, request_id: str, **more: Any) -> Any:
    return booth.send("close-shift", {"request_id": request_id, **more})


def test_nobody_is_enrolled_without_a_shift_where_the_configuration_asks_for_one(booth: Booth) -> None:
    refused = booth.send("enrol", enrol("r1"))
    assert (refused.reply.reason, refused.reply.wants) == ("no shift is open: open one first", "open-shift")
    assert booth.desk.shifts.wanted
    assert booth.send("open-shift", {"request_id": "s1"}).reply.reason == "the shift is open"
    assert not booth.desk.shifts.wanted
    assert booth.send("enrol", enrol("r2")).reply.outcome == "accepted"
    again = booth.send("open-shift", {"request_id": "s2"})
    assert again.reply.reason == (
        f"the shift that was opened at {AT} is open: close it before the next one begins"
    )


def test_where_no_shift_is_asked_for_one_may_be_opened(store: Store, keys: BoothKeys) -> None:
    booth = Booth(desk_of(store, keys))
    assert booth.send("enrol", enrol("r1")).reply.outcome == "accepted"
    assert booth.send("open-shift", {"request_id": "s1"}).reply.outcome == "accepted"
    assert booth.desk.shifts.current
    assert close(booth, "s2", left_open="dinner").reply.outcome == "accepted"
    assert close(booth, "s3").reply.reason == "no shift is open: there is none to close"


def test_whoever_is_logged_in_opens_and_closes_it(store: Store, keys: BoothKeys) -> None:
    people = People(Vault(store, keys.vault))
    people.add(make_person("an", "operator", PINS["an"]))
    people.add(make_person("binh", "supervisor", PINS["binh"]))
    booth = Booth(desk_of(store, keys))
    assert booth.send("open-shift", {"request_id": "s0"}).reply.wants == "login"
    log_in(booth, "an", PINS["an"], "l1")
    booth.send("open-shift", {"request_id": "s1"})
    left = booth.send("logout", {"request_id": "o1"}).reply.reason
    assert left == "nobody is logged in any more; the shift is still open"
    log_in(booth, "binh", PINS["binh"], "l2")
    said = close(booth, "s2")
    assert booth.desk.shifts.current is None
    assert (said.entries[0][0], said.entries[0][1]["person"], said.entries[0][1]["by_rule"]) == (
        CLOSED,
        "binh",
        False,
    )
    first = next(entry for entry in booth.desk.journal.read() if entry.kind == OPENED)
    assert first.body["person"] == "an"
    assert first.body["day"] == "2026-01-05"


@pytest.fixture
def staffed(store: Store, keys: BoothKeys) -> Booth:
    people = People(Vault(store, keys.vault))
    people.add(make_person("an", "operator", PINS["an"]))
    people.add(make_person("binh", "supervisor", PINS["binh"]))
    return Booth(desk_of(store, keys))


def test_who_closes_the_shift_is_logged_out(staffed: Booth) -> None:
    log_in(staffed, "an", PINS["an"], "l1")
    staffed.send("open-shift", {"request_id": "s1"})
    said = close(staffed, "s2")
    assert said.reply.reason == "the shift is closed; open is: 4 journal entries that the hub has not " + (
        "acknowledged; an is logged out"
    )
    assert (LOGGED_OUT, {"person": "an"}) in said.entries
    assert staffed.send("open-shift", {"request_id": "s3"}).reply.wants == "login"


def test_nobody_closes_the_shift_while_a_finger_is_awaited(staffed: Booth) -> None:
    log_in(staffed, "an", PINS["an"], "l1")
    staffed.send("open-shift", {"request_id": "s1"})
    word = {"person": "an", "position": 2, "supervisor": "binh", "pin": sealed(staffed, PINS["binh"], "f1")}
    awaited = staffed.send("register-finger", {"request_id": "f1", **word}).presenting
    refused = staffed.desk.judge("close-shift", b'{"request_id":"s2"}', None, staffed.at, presenting=awaited)
    assert refused.reply.wants == "abandon"


def test_an_enrolment_that_is_left_open_is_gone_on_with_by_whoever_logs_in(
    staffed: Booth, store: Store, keys: BoothKeys
) -> None:
    People(Vault(store, keys.vault)).register("binh", 2, [b"template"])
    log_in(staffed, "an", PINS["an"], "l1")
    staffed.send("open-shift", {"request_id": "s1"})
    staffed.send("enrol", enrol("r1"))
    assert close(staffed, "s2", left_open="an goes home").reply.outcome == "accepted"
    mark = {"request_id": "m1", "position": 2, "reason": "cut"}
    assert staffed.send("mark-missing", mark).reply.wants == "login", "nobody works under an's name"
    told = log_in(staffed, "binh", PINS["binh"], "l2")
    assert told.presenting, "the finger that logs in"
    assert staffed.current


def test_who_logged_in_after_the_shift_was_over_stays_when_it_is_closed_by_rule(
    settings: BoothSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = DAY
    monkeypatch.setattr(clock, "moment", lambda: moment)
    monkeypatch.setattr(clock, "reading", lambda: Clock(synchronised=True, boot="b", monotonic_ms=1))
    with closing(Store(settings.data / "booth.db")) as store:
        runner = Runner(settings, read_booth_keys(settings.keys), store, structlog.get_logger(), "0")
        runner._link.publish = lambda *_, **__: True  # type: ignore[method-assign]
        for name in ("an", "binh"):
            runner._people.add(make_person(name, "operator", PINS[name]))
        runner._record([(LOGGED_IN, {"person": "an", "role": "operator"})])
        runner._command("open-shift", b'{"request_id": "s1"}')
        moment = ENDS
        runner._keep_shift()
        runner._record([(LOGGED_IN, {"person": "binh", "role": "operator"})])
        moment = ENDS + GRACE
        runner._keep_shift()
        assert [entry.kind for entry in runner._journal.of_kind(CLOSED)] == [CLOSED]
        assert shown(runner).operator == "binh"


def test_a_log_in_of_the_shift_that_is_over_opens_no_other(staffed: Booth) -> None:
    log_in(staffed, "an", PINS["an"], "l1")
    staffed.send("open-shift", {"request_id": "s1"})
    for kind, body in staffed.desk.shifts.by_rule(ENDS, False, None):
        staffed.desk.journal.append(kind, body, AT, CLOCK)
    staffed.at = NEXT
    refused = staffed.send("open-shift", {"request_id": "s2"}).reply
    assert (refused.outcome, refused.wants) == ("refused", "login")
    log_in(staffed, "binh", PINS["binh"], "l2")
    opened = staffed.send("open-shift", {"request_id": "s3"})
    assert [kind for kind, _ in opened.entries][:2] == [CLOSED, OPENED]
    assert opened.entries[1][1]["person"] == "binh"


def test_what_is_open_at_a_close_is_told(booth: Booth, store: Store) -> None:
    booth.send("open-shift", {"request_id": "s1"})
    booth.send("enrol", enrol("r1", missing=dict.fromkeys(map(str, range(3, 11)), "cut")))
    for _ in range(5):
        show(booth, 90)
    assert booth.current
    Vault(store, bytes(32)).put_packet("e0", b"sealed")
    refused = close(booth, "s2")
    assert refused.reply.wants == "left_open"
    told = f"enrolment {booth.current.id} with 2 fingers taken, with an alarm that is not settled: the finger"
    assert told in refused.reply.reason
    assert "1 packet that the hub does not have yet" in refused.reply.reason
    assert booth.desk.shifts.current, "nothing changed"
    closed = close(booth, "s3", left_open="the power goes")
    assert closed.reply.reason.startswith(f"the shift is closed; open is: {told}")
    left = closed.entries[0][1]["left_open"]
    assert (left["enrolment"], left["captured"], left["packets"]) == (booth.current.id, 2, 1)
    assert left["entries"] == booth.desk.journal.tail()[0] - 2, "this close's own two come after"
    assert closed.entries[0][1]["reason"] == "the power goes"
    assert booth.current.accepted, "the enrolment stands where it stood"


def test_a_report_counts_what_the_journal_says(booth: Booth) -> None:
    booth.send("enrol", enrol("r0"))
    booth.send("open-shift", {"request_id": "s1"})
    missing = dict.fromkeys(map(str, range(3, 11)), "cut")
    booth.send("enrol", enrol("r1", missing=missing, missing_why={"3": "permanent", "4": "permanent"}))
    show(booth, 1)  # too poor
    show(booth, 90)
    show(booth, 90, same=(1,))
    show(booth, 90)
    for _ in range(3):
        show(booth, 90)
    booth.send("override", {"request_id": "o1", "reason": "a burn"})
    booth.send("abandon", {"request_id": "a1", "reason": "went home"})
    for kind, body in (
        ("scanner.fault", {"fault": "timeout"}),
        ("scanner.fault", {"fault": "timeout"}),
        ("worker.died", {"worker": "matcher"}),
        ("test", {"fault": "nothing"}),
    ):
        booth.desk.journal.append(kind, body, AT, CLOCK)
    body = close(booth, "s2").entries[0][1]
    assert body["report"] == {
        "enrolments": {"begun": 1, "abandoned": 1},
        "attempts": {"retry": 1, "accepted": 2, "wrong-finger": 1, "not-confirmed": 3},
        "findings": {"same-finger": 1, "not-confirmed": 1},
        "overrides": {"not-confirmed": 1},
        "fingers": {"missing": 8, "missing: permanent": 2},
        "faults": {"scanner: timeout": 2, "matcher process ended": 1},
    }
    text = open_shift.report_text(body["report"])
    assert text.splitlines()[0] == "enrolments 1 abandoned, 1 begun"
    assert "faults     1 matcher process ended, 2 scanner: timeout" in text


def test_a_shift_over_the_boundary_is_told_once_and_closed_after_a_while() -> None:
    shift = opened_at()
    rule = {"clock_is_set": True, "days": HANOI, "grace": GRACE, "left": NOTHING}
    assert open_shift.by_rule(shift, ENDS - timedelta(seconds=1), **rule) == []
    told = open_shift.by_rule(shift, ENDS, **rule)
    assert [kind for kind, _ in told] == [OVERDUE]
    overdue = fold(told, shift)
    assert overdue
    assert overdue.overdue
    assert open_shift.by_rule(overdue, ENDS + timedelta(minutes=59), **rule) == []
    unset = {**rule, "clock_is_set": False}
    assert open_shift.by_rule(overdue, ENDS + timedelta(days=9), **unset) == [], "a clock nobody can trust"
    ((kind, body),) = open_shift.by_rule(overdue, ENDS + GRACE, **rule)
    assert (kind, body["by_rule"], body["person"]) == (CLOSED, True, None)
    both = open_shift.by_rule(shift, ENDS + GRACE, **rule)
    assert [kind for kind, _ in both] == [OVERDUE, CLOSED], "the booth was off meanwhile"
    assert fold(both, shift) is None


def test_the_boundary_hour_is_a_line_of_the_settings(store: Store, keys: BoothKeys, tmp_path: Path) -> None:
    for begins, day in (("03:00:00", "2026-01-05"), ("00:00:00", "2026-01-06")):
        (tmp_path / "booth.toml").write_text(
            f'booth = "b-1"\ndata = "."\nkeys = "."\n[shift]\nday_begins = {begins}\ngrace_minutes = 0\n'
        )
        settings = read_settings(tmp_path / "booth.toml", BoothSettings)
        booth = Booth(desk_of(store, keys, settings), at="2026-01-05T17:30:00.000Z")  # 00:30 in Hanoi
        booth.send("open-shift", {"request_id": f"s{day}"})
        assert booth.desk.shifts.current
        assert booth.desk.shifts.current.day.isoformat() == day
        close(booth, f"c{day}")


def test_opening_the_next_one_closes_yesterdays_by_rule(booth: Booth) -> None:
    booth.send("open-shift", {"request_id": "s1"})
    booth.at = NEXT
    verdict = booth.send("open-shift", {"request_id": "s2"})
    assert [kind for kind, _ in verdict.entries][:2] == [CLOSED, OPENED]
    assert verdict.entries[0][1]["by_rule"]
    assert booth.desk.shifts.current
    assert booth.desk.shifts.current.day.isoformat() == "2026-01-06"


def test_the_daemon_tells_and_closes_and_the_next_life_knows(
    settings: BoothSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The real loop's step, with a clock that is moved on."""
    settings = settings.model_copy(update={"shift": ShiftRules(required=True)})
    moment = DAY
    monkeypatch.setattr(clock, "moment", lambda: moment)
    monkeypatch.setattr(clock, "reading", lambda: Clock(synchronised=True, boot="b", monotonic_ms=1))
    with closing(Store(settings.data / "booth.db")) as store:
        runner = Runner(settings, read_booth_keys(settings.keys), store, structlog.get_logger(), "0")
        assert shown(runner).shift_wanted
        runner._link.publish = lambda *_, **__: True  # type: ignore[method-assign]
        runner._people.add(make_person("an", "operator", PINS["an"]))
        runner._record([(LOGGED_IN, {"person": "an", "role": "operator"})])
        runner._command("open-shift", b'{"request_id": "s1"}')
        runner._keep_shift()
        state = shown(runner)
        assert state.shift
        assert (state.shift.day, state.shift.overdue, state.shift_wanted) == ("2026-01-05", False, False)
    with closing(Store(settings.data / "booth.db")) as store:
        runner = Runner(settings, read_booth_keys(settings.keys), store, structlog.get_logger(), "0")
        moment = ENDS
        runner._keep_shift()
        runner._keep_shift()
        state = shown(runner)
        assert state.shift
        assert state.shift.overdue
        assert state.operator == "an", "a restart keeps the log-in, and so does a shift that is overdue"
        moment = ENDS + GRACE
        runner._keep_shift()
        assert shown(runner).shift is None
        assert shown(runner).operator is None
        kinds = [entry.kind for entry in runner._journal.read() if entry.kind.startswith("shift.")]
        assert kinds == [OPENED, OVERDUE, CLOSED]
    config = settings.data / "booth.toml"
    config.write_text(f'booth = "b-1"\ndata = "{settings.data}"\nkeys = "{settings.keys}"\n')
    capsys.readouterr()
    assert main(["shift", "report", "--config", str(config)]) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "shift of 2026-01-05, opened at 2026-01-05T08:00:00.000Z by an, closed at 2026-01-05T2"
    )
    assert "by rule: it was left open\nnothing happened\n" in said
    assert "left open  " in said
    assert main(["shift", "report", "--day", "2026-01-04", "--config", str(config)]) == 1
    assert main(["shift", "report", "--day", "2026-01-05", "--config", str(config)]) == 0


@steady(200)
@given(
    st.lists(
        st.tuples(st.sampled_from(["open", "close", "rule", "unset"]), st.integers(-7200, 2 * 86400)),
        max_size=30,
    )
)
def test_whatever_the_clock_does_a_shift_is_opened_and_closed_in_turn(steps: list[tuple[str, int]]) -> None:
    """Every shift is opened once and closed once, never two at a time, and none outlives its day by rule."""
    current, now, kinds = None, DAY, []
    for number, (what, seconds) in enumerate(steps):
        now += timedelta(seconds=seconds)
        try:
            if what == "open":
                entries = open_shift.open_shift(current, f"s{number}", now.isoformat(), HANOI, None, NOTHING)
            elif what == "close":
                entries = open_shift.close_shift(current, None, NOTHING, None)
            else:
                entries = open_shift.by_rule(current, now, what == "rule", HANOI, GRACE, NOTHING)
        except BadCommand:
            entries = []
        kinds += [(kind, body["shift"]) for kind, body in entries if kind != OVERDUE]
        current = fold(entries, current)
        if what == "rule" and current:
            assert now < HANOI.end_of(current.day) + GRACE
    assert [kind for kind, _ in kinds] == [OPENED, CLOSED] * (len(kinds) // 2) + [OPENED] * (len(kinds) % 2)
    for (_, one), (_, other) in zip(kinds[::2], kinds[1::2], strict=False):
        assert one == other


def test_a_book_that_is_opened_later_reads_no_more_than_the_open_shift(
    store: Store, keys: BoothKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    booth = Booth(desk_of(store, keys))
    for number in range(3):
        booth.send("enrol", enrol(f"r{number}"))
        booth.send("abandon", {"request_id": f"a{number}", "reason": "x"})
        booth.send("open-shift", {"request_id": f"s{number}"})
        booth.send("enrol", enrol(f"q{number}"))
        booth.send("abandon", {"request_id": f"b{number}", "reason": "x"})
        book, first = desk_of(store, keys).shifts, booth.desk.journal.last_of(OPENED)
        read: list[int] = []
        monkeypatch.setattr(Journal, "read", counting(read))
        assert book.current == booth.desk.shifts.current
        assert read[:1] == [first - 1]
        monkeypatch.undo()
        close(booth, f"c{number}")
        assert desk_of(store, keys).shifts.current is None


def counting(after: list[int]) -> Any:
    whole = Journal.read

    def read(self: Journal, since: int = 0, limit: int = -1) -> Any:
        after.append(since)
        return whole(self, since, limit)

    return read


def test_entries_before_a_shift_count_for_nobody() -> None:
    assert fold([(enrolment.ABANDONED, {}), ("worker.died", {"worker": "matcher"})]) is None
