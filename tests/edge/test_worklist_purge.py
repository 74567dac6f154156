"""Whoever is done goes off the worklist: by rule, by command, and nobody else; no byte of them stays."""

from contextlib import closing
from datetime import datetime, timedelta

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from edge import clock
from edge.booth.runner import PURGE_SECONDS, Runner
from edge.cli import main
from edge.journal import Journal
from edge.keys import BoothKeys, read_booth_keys
from edge.messages import Clock, utc
from edge.settings import BoothSettings
from edge.store import Store
from edge.vault import Vault
from edge.worklist import Worklist
from edge.worklist_purge import PURGED, done, never_came
from tests.edge.booth.test_runner import settings as settings  # a fixture
from tests.edge.parts import CLOCK, steady, undone
from tests.edge.test_worklist import AN, BINH

NOW, DAY, MONTH = datetime.fromisoformat("2026-03-01T08:00:00Z"), timedelta(days=1), timedelta(days=30)
UNSET = Clock(synchronised=False, boot="b0", monotonic_ms=1)


class Box:
    """A booth's file with two people on its list, and what befalls them."""

    def __init__(self, store: Store, keys: BoothKeys) -> None:
        self.keys, self.journal, self.vault = keys, Journal(store), Vault(store, keys.vault)
        self.worklist = Worklist(self.vault, keys)
        for person in (AN, BINH):
            self.worklist.put(person)

    def subject(self, number: str = AN.number) -> str:
        return self.keys.subject_of(number)

    def seal(self, number: str = AN.number, outcome: str = "enrolled", enrolment: str = "e1") -> str:
        packet = self.vault.put_packet(enrolment, enrolment.encode())
        body = {
            "subject": self.subject(number),
            "outcome": outcome,
            "packet": packet,
            "enrolment": enrolment,
            "samples": {},
        }
        self.journal.append("enrolment.sealed", body, utc(NOW - 99 * DAY), CLOCK)
        return packet

    def deliver(self, packet: str, age: timedelta, reading: Clock = CLOCK) -> None:
        self.vault.purge_packet(packet)
        self.journal.append("packet.acknowledged", {"packet": packet, "size": 1}, utc(NOW - age), reading)

    def done(self, keep: timedelta = MONTH, clock_was_set: bool = True) -> list[str]:
        return done(self.journal, self.vault, self.worklist, NOW, keep, clock_was_set)


@pytest.fixture
def box(store: Store, keys: BoothKeys) -> Box:
    return Box(store, keys)


def test_who_is_enrolled_and_with_the_hub_for_long_enough_is_done(box: Box) -> None:
    assert box.done() == []
    packet = box.seal()
    assert box.done() == [], "the hub does not have it"
    box.deliver(packet, 31 * DAY)
    assert box.done() == [box.subject()]
    assert box.done(keep=32 * DAY) == []
    box.worklist.forget(box.subject())
    assert box.done() == [], "gone already"


def test_who_was_not_enrolled_or_is_enrolled_anew_stays(box: Box) -> None:
    box.deliver(box.seal(outcome="already-enrolled", enrolment="e0"), 50 * DAY)
    assert box.done() == []
    box.deliver(box.seal(enrolment="e1"), 50 * DAY)
    again = box.seal(enrolment="e2")
    assert box.done() == [], "the newest record is still here"
    box.deliver(again, 1 * DAY)
    assert box.done() == [box.subject()]


def test_a_clock_that_was_not_set_then_is_no_rules_word(box: Box) -> None:
    box.deliver(box.seal(), 20_000 * DAY, UNSET)  # a Pi that woke up in 1971
    assert box.done() == []
    assert box.done(clock_was_set=False) == [box.subject()], "somebody looks and says so"


def test_who_never_came_is_off_the_list_so_long_after_the_last_one_that_named_them(box: Box) -> None:
    today = NOW.date()
    box.worklist.change(AN, today - 179 * DAY)
    box.worklist.change(BINH, today - 180 * DAY)
    an, binh = box.subject(), box.subject(BINH.number)
    assert never_came(box.journal, box.worklist, today, 180) == [binh]
    assert never_came(box.journal, box.worklist, today + DAY, 180) == [an, binh]
    assert never_came(box.journal, box.worklist, today, 1) == [an, binh]
    box.worklist.renew([AN, BINH], today)
    assert never_came(box.journal, box.worklist, today, 1) == [], "today is no day ago"
    assert never_came(box.journal, box.worklist, today + 180 * DAY, 180) == [an, binh]
    box.seal(outcome="already-enrolled", enrolment="e0")
    box.seal(BINH.number)
    assert never_came(box.journal, box.worklist, today + 999 * DAY, 180) == [an], "who is enrolled has a rule"


def test_who_was_listed_when_no_clock_told_the_day_counts_from_when_one_does(box: Box) -> None:
    assert never_came(box.journal, box.worklist, NOW.date() + 9999 * DAY, 1) == []
    assert box.worklist.without_day(1) == [AN]
    box.worklist.renew(box.worklist.without_day(9), NOW.date())
    assert (box.worklist.without_day(9), box.worklist.find(AN.number)) == ([], AN)
    assert len(never_came(box.journal, box.worklist, NOW.date() + 180 * DAY, 180)) == 2


def test_who_never_came_goes_by_rule_in_the_daemon_and_no_byte_stays(
    settings: BoothSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = read_booth_keys(settings.keys)
    with closing(Store(settings.data / "booth.db")) as store:
        box = Box(store, keys)
        runner = Runner(
            settings, keys, store, structlog.wrap_logger(structlog.ReturnLogger(), processors=[]), "0"
        )
        now = [NOW]
        monkeypatch.setattr(clock, "moment", lambda: now[0])
        monkeypatch.setattr(clock, "reading", lambda: UNSET)
        runner._purge_worklist(0.0)
        assert len(box.worklist.without_day(9)) == 2, "not by a clock that is not set"
        monkeypatch.setattr(clock, "reading", lambda: CLOCK)
        runner._purge_worklist(PURGE_SECONDS)
        assert box.worklist.without_day(9) == []
        box.worklist.renew([BINH], (NOW + DAY).date())
        sealed = bytes(
            store.db.execute("SELECT data FROM vault WHERE subject = ?", (box.subject(),)).fetchone()[0]
        )
        now[0] = NOW + 180 * DAY
        runner._purge_worklist(2 * PURGE_SECONDS)
        assert (box.worklist.find(AN.number), box.worklist.find(BINH.number)) == (None, BINH)
        entries = [entry.body for entry in box.journal.read() if entry.kind == PURGED]
        assert entries == [{"people": 1, "by_rule": True, "never_came": 1}]
        kept = b"".join(path.read_bytes() for path in settings.data.glob("booth.db*"))
        assert sealed not in kept


def test_by_rule_in_the_daemon_and_no_byte_stays(
    settings: BoothSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "moment", lambda: NOW)
    keys = read_booth_keys(settings.keys)
    with closing(Store(settings.data / "booth.db")) as store:
        box = Box(store, keys)
        box.deliver(box.seal(), 31 * DAY)
        box.worklist.renew([AN, BINH], NOW.date())
        sealed = {
            row["subject"]: bytes(row["data"])
            for row in store.db.execute("SELECT subject, data FROM vault WHERE kind = 'listed'")
        }
        quiet = structlog.wrap_logger(structlog.ReturnLogger(), processors=[])
        runner = Runner(settings, keys, store, quiet, "0")
        monkeypatch.setattr(clock, "reading", lambda: UNSET)
        runner._purge_worklist(0.0)
        assert box.worklist.find(AN.number) == AN, "not by a clock that is not set"
        monkeypatch.setattr(clock, "reading", lambda: CLOCK)
        runner._purge_worklist(PURGE_SECONDS - 1)
        assert box.worklist.find(AN.number) == AN, "once an hour"
        runner._purge_worklist(PURGE_SECONDS)
        assert box.worklist.find(AN.number) is None
        assert box.worklist.find(BINH.number) == BINH
        entries = [entry.body for entry in box.journal.read() if entry.kind == PURGED]
        assert entries == [{"people": 1, "by_rule": True}]
        kept = b"".join(path.read_bytes() for path in settings.data.glob("booth.db*"))
        assert sealed[box.subject()] not in kept
        assert sealed[box.subject(BINH.number)] in kept


def test_the_command(settings: BoothSettings, capsys: pytest.CaptureFixture[str]) -> None:
    config = settings.data / "booth.toml"
    config.write_text(f'booth = "b-1"\ndata = "{settings.data}"\nkeys = "{settings.keys}"\n')
    with closing(Store(settings.data / "booth.db")) as store:
        box = Box(store, read_booth_keys(settings.keys))
        box.deliver(box.seal(), 31 * DAY, UNSET)
    words = ["worklist", "purge", "--config", str(config)]
    for extra, said, left in (
        (["--dry-run"], "1 would be purged: enrolled, and with the hub for 30 days\n", 2),
        ([], "1 purged: enrolled, and with the hub for 30 days\n", 1),
        ([], "0 purged: enrolled, and with the hub for 30 days\n", 1),
    ):
        assert main([*words, *extra]) == 0
        never = "0 would be" if extra else "0"
        assert capsys.readouterr().out == (
            f"{said}{never} purged: not enrolled, and last listed 180 days ago or more\n"
        )
        with closing(Store(settings.data / "booth.db")) as store:
            keys = read_booth_keys(settings.keys)
            assert len(list(Worklist(Vault(store, keys.vault), keys).all())) == left
            purged = [entry for entry in Journal(store).read() if entry.kind == PURGED]
            assert len(purged) == 2 - left
    config.write_text(config.read_text() + "[worklist]\nkeep_days = -1\n")
    assert main(words) == 2
    assert "'worklist.keep_days'" in capsys.readouterr().err


events = st.lists(
    st.tuples(
        st.sampled_from([AN.number, BINH.number]), st.booleans(), st.one_of(st.none(), st.integers(0, 60))
    ),
    max_size=6,
)


@steady(60)
@given(events)
def test_whatever_happened_only_who_is_done_is_named(
    shared_store: Store, keys: BoothKeys, events: list[tuple[str, bool, int | None]]
) -> None:
    with undone(shared_store):
        box = Box(shared_store, keys)
        waits: dict[str, bool] = {}
        old: set[str] = set()
        for number, (who, enrolled, age) in enumerate(events):
            packet = box.seal(who, "enrolled" if enrolled else "already-enrolled", f"e{number}")
            if enrolled:
                waits[who] = age is None
            if age is not None:
                box.deliver(packet, age * DAY)
                old |= {who} if enrolled and age > 30 else set()
        assert set(box.done()) == {box.subject(who) for who in old if not waits[who]}
