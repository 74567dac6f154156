"""The campaign's reports on a real broker: retained, following the figures, at a bounded rate, no person."""

import json
import queue
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from edge.hub.campaign import CampaignBook, read_lists
from edge.hub.campaign_import import import_events
from edge.hub.campaign_journal import JournalCounter
from edge.hub.ledger import Ledger
from edge.hub.publishing import LARGEST, PUBLISHED, SHARE, Made, Publisher, fitting, made_of
from edge.hub.reading import writable
from edge.journal import GENESIS, entry_hash
from edge.messages import CampaignReport, Clock, JournalEntry, booth_topic, campaign_topic, parse
from edge.schema import json_schema
from edge.settings import HubSettings, read_settings
from tests.edge.hub.hubs import database, start_hub, tell
from tests.edge.parts import AT, steady, texts
from tests.edge.programs import VANTAY, Ear, Mosquitto, Program, ear, until

NOW = datetime.now(UTC)
CAMPAIGN = f"""[campaign]
name = "Order 01"
legal_basis = ["Order 01 of 5-5-2023"]
start = {(NOW - timedelta(days=9)).date()}
units = "units.csv"
publish_seconds = 1
[campaign.targets.all]
title = "the list of May"
file = "quota.csv"
[campaign.booths]
b-1 = {{unit = "00091"}}
"""
UNITS = "district_code,district,commune_code,commune,kind\n003,Quận Tây Hồ,00091,Phường Phú Thượng,phuong\n"
UNSURE = Clock(synchronised=False, boot="b", monotonic_ms=1)  # such an entry is dated by the hub's clock


def prepare(folder: Path) -> None:
    (folder / "units.csv").write_text(UNITS)
    (folder / "quota.csv").write_text("code,quota\n00091,3\n")


def sealed(numbers: range) -> list[JournalEntry]:
    """Return the entries of a booth that seals as many records."""
    entries, previous = [], GENESIS
    for seq, n in enumerate(numbers, 1):
        body = {"packet": f"{n:064x}", "enrolment": f"e{n}", "size": 7, "outcome": "enrolled", "samples": {}}
        digest = entry_hash(seq, AT, UNSURE, "enrolment.sealed", body, previous)
        words = {"seq": seq, "at": AT, "clock": UNSURE, "kind": "enrolment.sealed", "body": body}
        entries.append(JournalEntry(**words, previous_hash=previous, hash=digest))
        previous = digest
    return entries


def event(n: int, **facts: Any) -> str:
    at = NOW.isoformat(timespec="seconds")
    row = {"id": f"f-{n}:collected", "at": at, "kind": "collected", "unit": "00091", **facts}
    return json.dumps(row) + "\n"


@dataclass
class Station:
    """A running hub with a campaign, and somebody who hears its reports and the acknowledgements."""

    folder: Path
    program: Program
    ear: Ear

    def vantay(self, *words: str) -> str:
        command = [VANTAY, "hub", *words, "--config", str(self.folder / "hub.toml")]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    def last(self, name: str) -> CampaignReport | None:
        said = self.ear.on(f"campaign/{name}")
        return parse(CampaignReport, said[-1]) if said else None

    def collected(self) -> object:
        one = self.last("summary")
        return one and next(row["number"] for row in one.rows if row["what"] == "collected")


def tells(payload: bytes, told: dict[str, Any]) -> bool:
    said = json.loads(payload)
    told.pop("until", None)  # the command's cut-off is the moment at which it is asked
    return {key: said[key] for key in told} == told


@pytest.fixture
def station(tmp_path: Path, mosquitto: Mosquitto, run: Callable[..., Program]) -> Iterator[Station]:
    prepare(tmp_path)
    (tmp_path / "hub").mkdir()
    with ear(mosquitto.broker(), "vantay/v1/campaign/#", booth_topic("+", "ack")) as one:
        # start_hub puts its table [broker] behind what it is given
        program = start_hub(tmp_path, mosquitto, run, CAMPAIGN)
        yield Station(tmp_path, program, one)
        assert "Traceback" not in program.said()


@pytest.mark.system
def test_reports_are_retained_and_follow_the_figures(station: Station, mosquitto: Mosquitto) -> None:
    until(lambda: station.collected() == 0, "the first reports")
    tell(station.ear, "b-1", *sealed(range(3)))
    until(lambda: station.collected() == 3, "the three in the summary")
    until(lambda: (one := station.last("finished")) and one.rows, "the finished unit")
    with ear(mosquitto.broker(), "vantay/v1/campaign/+", name="late") as late:
        for name in PUBLISHED:
            late.wait(f"campaign/{name}")
            told = json.loads(station.vantay("report", name, "--format", "json"))
            until(
                lambda n=name, t=told: tells(late.on(f"campaign/{n}")[-1], t),
                f"{name} as the command tells it",
            )
        first = {message.topic: message.retained for message in reversed(late.heard)}
        assert first == {campaign_topic(name): True for name in PUBLISHED}
        validator = Draft202012Validator(json_schema("CampaignReport"))
        for message in late.heard:
            said = json.loads(message.payload)
            validator.validate(said)
            assert said["rows_left_out"] == 0


@pytest.mark.system
def test_an_import_by_another_process_is_published(station: Station) -> None:
    until(lambda: station.collected() == 0, "the first reports")
    path = station.folder / "events.jsonl"
    path.write_text(event(1) + event(2))
    assert station.vantay("import", str(path)).startswith("new=2")
    until(lambda: station.collected() == 2, "the two in the summary")


@pytest.mark.system
def test_reports_are_there_again_after_the_broker_lost_everything(
    station: Station, mosquitto: Mosquitto
) -> None:
    until(lambda: all(station.last(name) for name in PUBLISHED), "all reports")
    before = station.last("summary")
    mosquitto.kill()
    station.ear.down()
    mosquitto.start()
    with ear(mosquitto.broker(), "vantay/v1/campaign/+", name="late") as late:
        for name in PUBLISHED:
            late.wait(f"campaign/{name}")
        assert parse(CampaignReport, late.on("summary")[0]) == before, "the same, not made anew"


# one publisher, with a clock of the test's


@dataclass
class Desk:
    """A publisher over a file of its own, and what it sent."""

    publisher: Publisher
    book: CampaignBook
    mailbox: "queue.SimpleQueue[Made]"
    sent: list[str]

    def publish(self, topic: str, payload: bytes) -> bool:
        self.sent.append(parse(CampaignReport, payload).report)
        return True

    def turn(self, now: float, seconds: float = 0.0) -> bool:
        """Let it work, wait for what it makes, in `seconds`; tell whether it made anything."""
        self.publisher.work(now, self.publish)
        if not self.publisher._making:
            return False
        made = self.mailbox.get(timeout=60)
        assert made.failed is None
        self.publisher.take(Made(made.reports, seconds), now)
        self.publisher.work(now, self.publish)
        return True


@pytest.fixture
def desk(tmp_path: Path, url: str | None) -> Desk:
    prepare(tmp_path)
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub.toml").write_text(
        f'{database(url)}data = "hub"\n{CAMPAIGN.replace("_seconds = 1", "_seconds = 60")}'
    )
    settings = read_settings(tmp_path / "hub.toml", HubSettings)
    assert settings.campaign
    place = settings.place
    book = CampaignBook(writable(place), settings.campaign, read_lists(settings.campaign))
    mailbox: queue.SimpleQueue[Made] = queue.SimpleQueue()
    return Desk(Publisher(place, JournalCounter(book), mailbox.put), book, mailbox, [])


def imported(desk: Desk, folder: Path, *events: str) -> None:
    """Let another connection count some events."""
    path = folder / "events.jsonl"
    path.write_text("".join(events))
    other = CampaignBook(writable(desk.publisher._place), desk.book.campaign, desk.book.lists)
    assert not import_events(other, path).refused
    other.store.close()


def test_reports_are_made_at_a_bounded_rate_and_sent_when_they_say_something_else(
    desk: Desk, tmp_path: Path
) -> None:
    assert desk.turn(0.0)
    assert sorted(desk.sent) == sorted(PUBLISHED)
    desk.sent.clear()
    assert not desk.turn(61.0), "nothing has changed"
    for n in range(5):
        imported(desk, tmp_path, event(n, age=30))
        assert not desk.turn(62.0 + n), "too soon"
    assert desk.turn(121.0)
    assert "summary" in desk.sent
    assert "faults" not in desk.sent, "it says what it said before"
    desk.sent.clear()
    imported(desk, tmp_path, event(9))
    assert desk.turn(181.0, seconds=30.0)
    imported(desk, tmp_path, event(10))
    assert not desk.turn(181.0 + SHARE * 30 - 1), "slow ones are made less often"
    assert desk.turn(181.0 + SHARE * 30)


@pytest.mark.parametrize("other", [False, True])
def test_the_warning_of_a_booth_that_is_not_listed_is_sent(desk: Desk, other: bool) -> None:
    assert desk.turn(0.0)
    desk.sent.clear()
    store = writable(desk.publisher._place) if other else desk.book.store  # of another collector
    (entry,) = sealed(range(1))
    with Ledger(store).batch({"b-7"}):
        assert Ledger(store).take_checked("b-7", entry, AT, verified=True) == "new"
    assert desk.turn(61.0)
    assert "summary" in desk.sent
    assert any("booth b-7 is not in" in note for note in desk.publisher._last["summary"].notes)
    desk.sent.clear()
    assert not desk.turn(122.0), "said once"
    if other:
        store.close()


def test_what_a_broker_did_not_take_is_sent_later(desk: Desk) -> None:
    refused = desk.publish
    desk.publish = lambda topic, payload: False  # type: ignore[method-assign]
    assert desk.turn(0.0)
    desk.publish = refused  # type: ignore[method-assign]
    desk.turn(1.0)
    assert sorted(desk.sent) == sorted(PUBLISHED)
    desk.publisher.link_up()
    desk.turn(2.0)
    assert len(desk.sent) == 2 * len(PUBLISHED)


def test_a_failure_is_told_and_tried_again(desk: Desk, tmp_path: Path) -> None:
    good = desk.publisher._place
    desk.publisher._place = tmp_path / "nowhere.db"
    desk.publisher.work(0.0, desk.publish)
    made = desk.mailbox.get(timeout=60)
    assert made.failed
    assert made.failed.startswith("BadSettings: ")
    desk.publisher.take(made, 0.0)
    desk.publisher._place = good
    assert desk.turn(61.0)
    assert desk.sent


def test_a_day_outside_the_campaign_has_no_reports(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.hub.publishing.clock.now", lambda: "2001-01-01T00:00:00.000Z")
    assert not desk.turn(0.0)


def test_that_the_campaigns_days_are_over_is_said_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert desk.turn(0.0)
    monkeypatch.setattr("edge.hub.publishing.clock.now", lambda: "2199-01-01T00:00:00.000Z")
    for n in range(1, 4):
        assert not desk.turn(61.0 * n)
    made = desk.mailbox.get_nowait()
    assert re.fullmatch(
        r"no day of the campaign is left: it began on .* and counts until .* \(span_days = [0-9]+\); .*",
        made.failed or "",
    )
    assert desk.mailbox.empty()


def test_nobody_is_named(desk: Desk, tmp_path: Path) -> None:
    facts = {"operator": "hang", "seconds": 40, "age": 33}
    imported(desk, tmp_path, *(event(n, **facts) for n in range(4)))
    day = desk.book.campaign.day_index(int(time.time()))
    made = made_of(desk.publisher._place, desk.book, day)
    assert {one.report for one in made} == set(PUBLISHED)
    assert {"operators", "manifest"}.isdisjoint(PUBLISHED)
    assert not any(b"hang" in one.payload() or b"f-1" in one.payload() for one in made)


@steady(40)
@given(st.integers(0, 9000), texts)
def test_a_report_that_is_too_large_lacks_its_last_rows(number: int, text: str) -> None:
    rows: list[Any] = [{"n": n, "text": text, "more": "x" * 60} for n in range(number)]
    words = dict.fromkeys(("report", "title", "campaign", "at", "made_at", "scope"), "x")
    one = CampaignReport(**words, legal_basis=[], notes=[], rows=rows)
    cut = fitting(one)
    assert len(cut.payload()) <= LARGEST
    assert cut.rows == rows[: len(cut.rows)]
    assert cut.rows_left_out == number - len(cut.rows)
    assert cut.rows_left_out == 0 or len(one.payload()) > LARGEST
    assert cut.rows_left_out == 0 or len(cut.payload()) > LARGEST // 2, "no more than is needed"
