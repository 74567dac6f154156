"""A day's files side by side: what a slow twin makes of the events, whatever came when, and by whom."""

import subprocess
import sys
import threading
from collections.abc import Iterable
from datetime import date, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.campaign.definition import Campaign, Target
from edge.campaign.events import Event, event_key
from edge.campaign.lists import Unit, Units
from edge.errors import BadSettings, VantayError
from edge.hub import campaign_files, postgres_schema
from edge.hub import postgres as engine
from edge.hub.campaign import CampaignBook, Lists
from edge.hub.campaign_files import UNFILED, carry_over
from edge.hub.moving import move
from edge.hub.reading import opened, writable
from edge.hub.store import HubStore
from edge.hub.tables import Tables
from tests.edge.parts import steady, undone
from tests.edge.postgres import Postgres

CODES = ("00091", "00094")
LISTS = Lists(Units({code: Unit(code, code, "003") for code in CODES}, {"003": "Tây Hồ"}), {}, [], [])
DAYS = range(5)
TWO_DAYS = [1683230400 + hours * 3600 for hours in (0, 1, 11, 12, 23, 24, 30, 47)]  # from 03:00 of 5 May on
MOMENTS = st.sampled_from(TWO_DAYS)
STEPS = st.builds(
    lambda n, kind, at, unit: Event(f"f-{n}:{kind}", at, kind, unit),
    st.integers(0, 3),
    st.sampled_from(["collected", "sent", "acknowledged", "printed"]),
    MOMENTS,
    st.sampled_from(CODES),
)
NO_STEPS = st.builds(  # no import takes these; what an earlier release took may be anything
    lambda n, end, at: Event(f"f-{n}:{end}", at, "cleaned", CODES[0]),
    st.integers(0, 3),
    st.sampled_from(["sent", "acknowledged", "x"]),
    MOMENTS,
)
BATCHES = st.lists(st.lists(st.one_of(STEPS, STEPS, NO_STEPS), max_size=8), max_size=6)
Held = dict[str, Event]
EARLIER = """
DROP TABLE campaign_file;
DROP TABLE campaign_unfiled;
"""


def campaign(begins: time = time(3)) -> Campaign:
    return Campaign(
        name="Order 01",
        legal_basis=("Order 01",),
        start=date(2023, 5, 4),
        span_days=len(DAYS),
        units=Path("units.csv"),
        targets={"all": Target(title="everybody", total=9)},
        day_begins=begins,
    )


def book_of(store: Tables, begins: time = time(3)) -> CampaignBook:
    return CampaignBook(store, campaign(begins), LISTS)


def take(book: CampaignBook, held: Held, events: Iterable[Event]) -> None:
    """Take a batch, in the book and in the twin."""
    events = list(events)
    with book.store.transaction():
        book.take_all([book.row(event) for event in events])
    for event in events:
        held.setdefault(event.id, event)


def twin(book: CampaignBook, held: Held, day: int) -> list[tuple[str, str, bool, bool]]:
    """Return a day's files by looking at every event again and again."""

    def has(file: str, kind: str) -> bool:
        return any(one.kind == kind and one.id == f"{file}:{kind}" for one in held.values())

    return sorted(
        (file, one.unit, has(file, "sent"), has(file, "acknowledged"))
        for one in held.values()
        if one.kind == "collected" and book.campaign.day_index(one.at) == day
        for file in [one.id.removesuffix(":collected")]
    )


def check(book: CampaignBook, held: Held) -> None:
    for day in DAYS:
        assert sorted(book.files(day)) == twin(book, held, day), day


def forget_files(store: Tables) -> None:
    """Leave what an earlier release would have left."""
    store.db.execute("DELETE FROM campaign_file")
    store.db.execute(UNFILED)


@steady(60)
@given(batches=BATCHES, share=st.booleans())
def test_files_are_what_a_slow_twin_makes_of_the_events(
    shared_hub_store: Tables, batches: list[list[Event]], share: bool
) -> None:
    with undone(shared_hub_store), pytest.MonkeyPatch.context() as patch:
        if share:  # every file has one key
            patch.setattr("edge.hub.campaign.event_key", lambda name: event_key(name) & 7)
        held: Held = {}
        one, two = book_of(shared_hub_store), book_of(shared_hub_store, time(15))
        for batch in batches:
            take(one, held, batch)
            check(one, held)
        check(two, held)  # days cut anew


@steady(60)
@given(batches=BATCHES, at_once=st.integers(1, 5), share=st.booleans(), data=st.data())
def test_an_earlier_release_is_carried_over_while_events_come(
    shared_hub_store: Tables, batches: list[list[Event]], at_once: int, share: bool, data: st.DataObject
) -> None:
    with undone(shared_hub_store), pytest.MonkeyPatch.context() as patch:
        patch.setattr(campaign_files, "AT_ONCE", at_once)
        if share:
            patch.setattr("edge.hub.campaign.event_key", lambda name: event_key(name) & 7)
        held: Held = {}
        book = book_of(shared_hub_store)
        before = data.draw(st.integers(0, len(batches)))
        for batch in batches[:before]:
            take(book, held, batch)
        forget_files(shared_hub_store)
        shared_hub_store.db.execute(UNFILED)  # two began at once
        for batch in batches[before:]:
            for _ in range(data.draw(st.integers(0, 2))):
                campaign_files._carry_slice(shared_hub_store)
            take(book, held, batch)
        carry_over(shared_hub_store)
        check(book, held)
        if data.draw(st.booleans()):  # what was done once may be done again
            shared_hub_store.db.execute(UNFILED)
            carry_over(shared_hub_store)
            check(book, held)


def events_of(people: int, first: int = 0) -> list[Event]:
    """Return three steps of each file, all of one step before the next; every third file is not sent."""
    return [
        Event(f"{n:064x}:{kind}", TWO_DAYS[0] + n % 7200, kind, CODES[n % 2])
        for kind, every in (("collected", 1), ("sent", 3), ("acknowledged", 5))
        for n in range(first, first + people)
        if every == 1 or n % every
    ]


def test_hubs_that_take_the_same_at_once_make_each_file_once(tmp_path: Path, url: str | None) -> None:
    place = url or tmp_path / "hub.db"
    writable(place).close()
    held: Held = {event.id: event for event in events_of(400)}
    failed: list[Exception] = []

    def go(events: list[Event]) -> None:
        store = writable(place)
        try:
            book = book_of(store)
            for first in range(0, len(events), 37):
                take(book, {}, events[first : first + 37])
        except Exception as error:
            failed.append(error)
        finally:
            store.close()

    events = list(held.values())
    hubs = [threading.Thread(target=go, args=[part]) for part in (events, events[::-1], events[500:])]
    for hub in hubs:
        hub.start()
    for hub in hubs:
        hub.join()
    assert failed == []
    store = opened(place)
    check(book_of(store), held)
    store.close()


CARRY = """
import sys
from edge.hub import campaign_files
from edge.hub.reading import writable
from pathlib import Path
campaign_files.AT_ONCE = 100
store = writable(Path(sys.argv[1]) if sys.argv[1].startswith("/") else sys.argv[1])
campaign_files.carry_over(store)
"""


def test_whoever_is_killed_while_carrying_over_goes_on_there(tmp_path: Path, url: str | None) -> None:
    place = url or tmp_path / "hub.db"
    store, held = writable(place), dict[str, Event]()
    book = book_of(store)
    take(book, held, events_of(1000))
    with store.transaction():
        forget_files(store)
    for _ in range(3):
        before = int(store.db.execute("SELECT first FROM campaign_unfiled").fetchone()[0])
        process = subprocess.Popen([sys.executable, "-c", CARRY, str(place)], stderr=subprocess.PIPE)
        assert process.stderr
        with process.stderr:
            for _ in range(3):  # three tenths are told, or two and where it goes on
                assert b"of an earlier release" in process.stderr.readline()
            process.kill()
            process.wait()
        assert int(store.db.execute("SELECT first FROM campaign_unfiled").fetchone()[0]) > before
        with pytest.raises(VantayError, match="still being put side by side"):
            book.files(1)
        take(book, held, events_of(100, 10_000 + before))  # others go on
    carry_over(store)
    check(book, held)
    store.close()


def test_a_file_of_an_earlier_release(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "hub.db"
    first, held = HubStore(place), dict[str, Event]()
    book = book_of(first)
    book.prepare()
    take(book, held, events_of(30))
    first.db.executescript(EARLIER)
    first.close()
    with pytest.raises(BadSettings, match="it has no table campaign_file"):
        opened(place)
    capsys.readouterr()
    told = "campaign: events of an earlier release whose files are side by side: "
    for said in (f"{told}0 % of {len(held)}; ended meanwhile, it goes on there\n{told}all\n", ""):
        store = writable(place)
        book = book_of(store)
        book.prepare()
        check(book, held)
        store.close()
        assert capsys.readouterr().err == said


def test_a_postgresql_of_an_earlier_release(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    url = postgres.fresh()
    monkeypatch.setattr(engine, "STEPS", postgres_schema.STEPS[:4])
    monkeypatch.setattr("edge.hub.campaign.keep", lambda *_: None)
    store, held = writable(url), dict[str, Event]()
    take(book_of(store), held, events_of(30))
    store.close()
    monkeypatch.undo()
    store = writable(url)
    book = book_of(store)
    with pytest.raises(VantayError, match="still being put side by side"):
        book.files(1)
    book.prepare()
    check(book, held)
    store.close()


def test_a_file_that_is_moved_half_carried_over(
    tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign_files, "AT_ONCE", 20)
    file, database = HubStore(tmp_path / "hub.db"), writable(postgres.fresh())
    held = dict[str, Event]()
    take(book_of(file), held, events_of(30))
    forget_files(file)
    campaign_files._carry_slice(file)
    with undone(database):  # numbers of rows are used up
        move(file, database)
    assert 0 < move(file, database)["campaign_file"] < 30
    take(book_of(database), held, events_of(10, 500))
    carry_over(database)
    check(book_of(database), held)
    file.close()
    database.close()
