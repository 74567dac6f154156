"""What booths' journals say of stops, of operators' speed and of other days, in the reports; read once."""

import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.booth.handover import HANDED_OVER
from edge.campaign.definition import Booth as Place
from edge.campaign.definition import Campaign, Target
from edge.cli import main
from edge.hub import campaign_journal
from edge.hub.campaign import CampaignBook
from edge.hub.campaign_import import import_events
from edge.hub.campaign_journal import JournalCounter
from edge.hub.campaign_told import Memory, Moment, Told, events_of
from edge.hub.ledger import SEALED, Ledger
from edge.hub.tables import Tables
from edge.journal import GENESIS, entry_hash
from edge.messages import Clock, JournalEntry, utc
from edge.settings import HubSettings, read_settings
from tests.edge.hub.test_campaign_ministry import Station
from tests.edge.parts import bodies, steady, values

MORNING = datetime(2026, 1, 5, 1, tzinfo=UTC)  # 08:00 in Viet Nam
CAMPAIGN = Campaign(
    name="Campaign",
    legal_basis=("an order",),
    start=MORNING.date(),
    units=Path("units.csv"),
    targets={"all": Target(title="everyone", total=100)},
)
RECEIVED = "2026-01-05T02:00:00.000Z"


@pytest.fixture
def station(tmp_path: Path, url: str | None) -> Station:
    return Station(tmp_path, url)


class Booth:
    """A booth's journal, and its clocks."""

    def __init__(self, store: Tables, name: str = "b-1") -> None:
        self.name, self._store, self._ledger = name, store, Ledger(store)
        self._began = MORNING
        self.entries: list[JournalEntry] = []

    def says(
        self, seconds: float, kind: str, boot: str = "b0", synchronised: bool = True, /, **body: Any
    ) -> None:
        """Write an entry so many seconds after the morning began."""
        last = self.entries[-1] if self.entries else None
        seq, previous = (last.seq + 1, last.hash) if last else (1, GENESIS)
        clock = Clock(synchronised=synchronised, boot=boot, monotonic_ms=int(1000 * seconds) + 5)
        at = utc(MORNING + timedelta(seconds=seconds))
        digest = entry_hash(seq, at, clock, kind, body, previous)
        self.entries.append(
            JournalEntry(
                seq=seq, at=at, clock=clock, kind=kind, body=body, previous_hash=previous, hash=digest
            )
        )

    def enrols(self, seconds: float, took: float, number: int, operator: str = "an") -> None:
        """Write a whole enrolment."""
        name = f"e{number}"
        self.says(seconds, "enrolment.started", enrolment=name)
        facts: dict[str, Any] = {
            "enrolment": name,
            "packet": f"{number:064x}",
            "size": 7,
            "outcome": "enrolled",
        }
        self.says(seconds + took, SEALED, samples={"1": "a"}, operator=operator, **facts)

    def reports(self, counter: JournalCounter | None, upto: int | None = None) -> None:
        """Let the hub take what it does not have, entry by entry."""
        for entry in self.entries[:upto]:
            with self._store.transaction():
                if self._ledger.take(self.name, entry, RECEIVED) == "new" and counter:
                    counter.take(self.name, entry, RECEIVED)


def faults(book: CampaignBook) -> dict[str, tuple[int, int]]:
    """Return faults and minutes by cause, of which there are any."""
    found = {}
    for cause in ("scanner", "software", "network", "power"):
        read = book.book()
        numbers = read.done(f"fault/{cause}", None, 30), read.done(f"minutes/{cause}", None, 30)
        if numbers != (0, 0):
            found[cause] = numbers
    return found


def test_a_scanner_that_is_unplugged_before_the_box_is_packed_up_is_no_fault_of_the_night(
    station: Station,
) -> None:
    booth = Booth(station.store)
    booth.says(0, "scanner.ready")
    booth.says(9 * 3600, "scanner.fault", fault="gone")
    booth.says(9 * 3600 + 120, "booth.stopped")
    booth.says(23 * 3600, "booth.started", "b1", last_alive=None)
    booth.says(23 * 3600 + 5, "scanner.ready", "b1")
    booth.reports(JournalCounter(station.book()))
    assert faults(station.book()) == {"scanner": (1, 2)}


def test_stops_are_counted_by_cause_with_the_minutes_until_the_scanner_is_ready(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    booth, counter = Booth(station.store), JournalCounter(station.book())
    booth.says(0, "scanner.ready")
    booth.says(600, "scanner.fault", fault="gone")
    booth.reports(counter)
    assert faults(station.book()) == {}, "nobody knows yet how long"
    booth.says(700, "scanner.fault", fault="gone")
    booth.says(800, "worker.died", worker="scanner")
    booth.says(600 + 25 * 60, "scanner.ready")
    booth.says(9000, "worker.died", worker="scanner")
    booth.says(9000 + 119, "scanner.ready")
    booth.says(9500, "worker.died", worker="matcher")
    booth.reports(JournalCounter(station.book()))  # the hub was started again meanwhile
    assert faults(station.book()) == {"scanner": (1, 25), "software": (2, 2)}
    assert (
        main(
            [
                "hub",
                "report",
                "faults",
                "--at",
                "2026-01-05",
                "--format",
                "json",
                "--config",
                str(station.config),
            ]
        )
        == 0
    )
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["faults"], row["minutes"]) for row in rows] == [(1, 25), (2, 2), (0, 0), (0, 0)]
    station.right()


@pytest.mark.parametrize(
    ("seconds", "boot", "synchronised", "minutes"),
    [
        (1800, "b0", False, 30),  # the same boot: its own clock knows
        (1800, "b1", True, 30),
        (1800, "b1", False, 0),  # no clock can say
        (86_400, "b0", True, 19 * 60 - 10),  # from 08:10 to the business day's end at three
    ],
)
def test_minutes_are_of_a_clock_that_can_say_and_of_one_business_day(
    station: Station, seconds: int, boot: str, synchronised: bool, minutes: int
) -> None:
    booth = Booth(station.store)
    booth.says(600, "scanner.fault", fault="gone")
    booth.says(600 + seconds, "scanner.ready", boot, synchronised)
    booth.reports(JournalCounter(station.book()))
    assert faults(station.book()) == {"scanner": (1, minutes)}


def test_an_import_of_the_same_stops_and_files_counts_nothing_twice(station: Station, tmp_path: Path) -> None:
    booth, counter = Booth(station.store), JournalCounter(station.book())
    booth.says(0, "scanner.fault", fault="gone")
    booth.says(600, "scanner.ready")
    booth.enrols(700, 90, 1)
    booth.reports(counter)
    book = station.book()
    rows = []
    for name, at, kind, unit, facts in station.events():
        said = {"id": name, "at": datetime.fromtimestamp(at, UTC).isoformat(), "kind": kind, "unit": unit}
        rows.append({**said, **json.loads(facts)})
    path = tmp_path / "events.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    before = station.events()
    outcome = import_events(book, path)
    assert (outcome.new, outcome.known, outcome.refused) == (0, 2, 0)
    with station.store.transaction():
        station.store.db.execute("DELETE FROM campaign_booth")  # read again from the beginning
    JournalCounter(station.book())
    assert station.events() == before
    station.right()


def test_operators_speed_comes_from_the_journals(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    booth, counter = Booth(station.store), JournalCounter(station.book())
    for n in range(24):
        booth.enrols(1000 * n, 100, n)
        booth.enrols(1000 * n + 500, 10, 100 + n, "binh")
        booth.enrols(1000 * n + 700, 120, 200 + n, "chi")
    booth.reports(counter, 70)  # in the midst of one
    booth.reports(JournalCounter(station.book()))
    assert (
        main(
            [
                *("hub", "report", "operators", "--at", "2026-01-06", "--format", "json"),
                *("--config", str(station.config)),
            ]
        )
        == 0
    )
    rows = {row["operator"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert {name: row["seconds"] for name, row in rows.items()} == {"an": 100, "binh": 10, "chi": 120}
    assert rows["binh"]["why"] == "10 seconds a capture, the median operator 100"


def test_records_of_other_days_are_told_with_their_number(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    booth, counter = Booth(station.store), JournalCounter(station.book())
    for n in range(5):
        booth.enrols(-86_400 * 30, 60, n)
    booth.enrols(0, 60, 9)
    booth.reports(counter, 6)
    booth.reports(JournalCounter(station.book()))
    sentence = (
        "booth b-1: 5 records are not counted, being of no day of the campaign's (2026-01-05 to 2027-02-08): "
        "look at the booth's clock, and at start and span_days in hub.toml"
    )
    for _ in range(2):
        assert sentence in station.book().book().problems
        JournalCounter(station.book())
    assert main(["hub", "report", "summary", "--at", "2026-01-05", "--config", str(station.config)]) == 0
    assert sentence in capsys.readouterr().out
    text = station.config.read_text().replace("start = 2026-01-05", "start = 2025-11-01")
    station.config.write_text(text)
    station.settings = read_settings(station.config, HubSettings)
    JournalCounter(station.book())
    assert not any("b-1" in problem for problem in station.book().book().problems)
    assert station.book().book().done("collected", None, 100) == 6


def test_a_card_handed_over_before_its_file_is_known_waits_for_it(station: Station, tmp_path: Path) -> None:
    station.config.write_text(station.config.read_text() + 'b-2 = {unit = "003"}\n')
    station.settings = read_settings(station.config, HubSettings)
    first, second = Booth(station.store), Booth(station.store, "b-2")
    for n in (1, 2, 3):
        second.says(n, HANDED_OVER, packet=f"{n:064x}")
    counter = JournalCounter(station.book())
    second.reports(counter)
    first.enrols(0, 60, 1)
    first.reports(counter)
    assert station.book().book().done("handed-over", "003", 9) == 1
    path = tmp_path / "events.jsonl"
    path.write_text(
        json.dumps({"id": f"{2:064x}:collected", "at": RECEIVED, "kind": "collected", "unit": "00091"})
    )
    assert import_events(station.book(), path).new == 1
    for _ in range(2):
        JournalCounter(station.book())
        assert station.book().book().done("handed-over", "003", 9) == 2
    assert station.store.db.execute("SELECT count(*) FROM campaign_early").fetchone()[0] == 1
    station.right()


@pytest.mark.parametrize("at", ["no time", "", "2026-01-05T08:00:00+99:00"])
def test_an_entry_whose_time_is_none_counts_by_the_hubs_clock(station: Station, at: str) -> None:
    booth, counter = Booth(station.store), JournalCounter(station.book())
    booth.enrols(0, 60, 1)
    entry = booth.entries[1].model_copy(update={"at": at, "seq": 1})
    with station.store.transaction():
        counter.take("b-1", entry, RECEIVED)
    assert station.book().book().daily("collected", None, 0) == [1]


def test_a_start_reads_no_entry_again_and_holds_few(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign_journal, "SLICE", 200)
    booth = Booth(station.store)
    for n in range(2000):
        booth.enrols(n, 60, n)
    with station.store.transaction():
        booth.reports(None)
    sizes: list[int] = []
    transactions = _noted(monkeypatch, sizes)
    book = station.book()
    tracemalloc.start()
    JournalCounter(book)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert transactions() == 20
    assert max(sizes) <= 200
    assert peak < 8 * 2**20
    assert station.book().book().done("collected", None, 9) == 2000
    sizes.clear()
    JournalCounter(station.book())
    assert sizes == [], "not one of them"
    booth.enrols(9000, 60, 9000)
    counter = JournalCounter(station.book())
    booth.reports(counter)
    JournalCounter(station.book())
    assert sizes == [], "what was counted as it came is not read either"


def _noted(monkeypatch: pytest.MonkeyPatch, sizes: list[int]) -> Callable[[], int]:
    """Note how many entries each slice of a start takes."""
    written = JournalCounter._write

    def write(counter: JournalCounter, batch: Any) -> None:
        if len(batch.events) > 1:
            sizes.append(len(batch.events))
        written(counter, batch)

    monkeypatch.setattr(JournalCounter, "_write", write)
    return lambda: len(sizes)


def alive(seconds: float, boot: str = "b0", synchronised: bool = True, working: bool = True) -> Any:
    clock = {"synchronised": synchronised, "boot": boot, "monotonic_ms": int(1000 * seconds) + 5}
    return {"at": utc(MORNING + timedelta(seconds=seconds)), "clock": clock, "working": working}


@pytest.mark.parametrize(
    ("said", "boot", "synchronised", "counted"),
    [
        (alive(600), "b0", True, {"software": (1, 30)}),
        (alive(600, synchronised=False), "b0", False, {"software": (1, 30)}),
        (alive(600, "b9"), "b0", True, {"power": (1, 30)}),
        (alive(600, "b9"), "b0", False, {"power": (1, 0)}),  # no clock can say
        (alive(600 - 86_400, "b9"), "b0", True, {}),  # of no day of the campaign
        (alive(600, working=False), "b0", True, {}),
        (None, "b0", True, {}),
    ],
)
def test_a_life_that_did_not_end_as_it_should_is_a_fault_where_there_was_work(
    station: Station, said: Any, boot: str, synchronised: bool, counted: dict[str, tuple[int, int]]
) -> None:
    booth = Booth(station.store)
    booth.says(0, "booth.started", release="0.1.0", enrolment=None)  # as earlier releases said it
    booth.says(2400, "booth.started", boot, synchronised, enrolment=None, last_alive=said)
    booth.reports(JournalCounter(station.book()))
    assert faults(station.book()) == counted
    with station.store.transaction():
        station.store.db.execute("DELETE FROM campaign_booth")  # read again from the beginning
    JournalCounter(station.book())
    assert faults(station.book()) == counted
    station.right()


def test_a_stop_goes_on_through_a_start_and_no_minutes_are_beyond_the_day(station: Station) -> None:
    booth, counter = Booth(station.store), JournalCounter(station.book())
    booth.says(0, "scanner.fault", fault="gone")
    booth.says(600, "booth.started", last_alive=alive(300))
    booth.says(1200, "scanner.ready")
    booth.reports(counter)
    assert faults(station.book()) == {"scanner": (1, 20)}
    booth.says(30 * 3600, "booth.started", "b1", last_alive=alive(18 * 3600))
    booth.reports(counter)
    assert faults(station.book()) == {"scanner": (1, 20), "power": (1, 60)}


def test_work_without_the_hub_is_a_fault_of_the_network_with_its_minutes(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    booth, counter = Booth(station.store), JournalCounter(station.book())
    booth.says(0, "scanner.fault", fault="gone")
    booth.says(4000, "network.back", since="", ago=3000, seconds=600, times=2)
    booth.says(5000, "scanner.ready")
    booth.says(30 * 3600, "network.back", since="", ago=12 * 3600, seconds=8 * 3600, times=1)
    booth.reports(counter)
    assert faults(station.book()) == {"scanner": (1, 83), "network": (2, 10 + 60)}
    words = ["hub", "report", "faults", "--at", "2026-01-05", "--format", "json"]
    assert main([*words, "--config", str(station.config)]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["faults"], row["minutes"]) for row in rows] == [(1, 83), (0, 0), (2, 70), (0, 0)]
    station.right()


@steady(300)
@given(st.sampled_from(["booth.started", "network.back"]), bodies, values, values, values)
def test_whatever_a_booth_says_of_its_stops_is_a_fault_or_none(
    kind: str, body: dict[str, Any], one: Any, other: Any, third: Any
) -> None:
    clock = {"synchronised": True, "boot": "b0", "monotonic_ms": one}
    said = {
        **body,
        "last_alive": {"at": other, "clock": third or clock, "working": True},
        "ago": one,
        "seconds": other,
    }
    moment = Moment(int(MORNING.timestamp()), True, "b1", 5)
    for event in events_of(CAMPAIGN, Place(unit="00091"), Memory(), Told(kind, said, "ab" * 32, moment)):
        assert (event.id, event.kind) == (f"{'ab' * 32}:fault", "fault")
        assert event.cause == ("network" if kind == "network.back" else "power")
        assert 0 <= event.minutes <= 1440
