"""The ministry in the reports: sent is what was delivered, acknowledged is what its answer accepts."""

import json
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from edge.business_day import VIET_NAM
from edge.campaign.events import Event
from edge.cli import main
from edge.hub import campaign_journal
from edge.hub.campaign import CampaignBook, read_lists
from edge.hub.campaign_journal import JournalCounter
from edge.hub.delivery import ANSWER, MANIFEST, Delivery, limit_of, looker, warner
from edge.hub.drop import FolderDrop
from edge.hub.figures import Figures
from edge.hub.ledger import CLOSED, SEALED, Ledger
from edge.hub.packets import PacketFiles
from edge.hub.publishing import made_of
from edge.hub.reading import writable
from edge.journal import GENESIS
from edge.settings import HubSettings, read_settings
from tests.edge.hub.hubs import database
from tests.edge.parts import AT, chain

UNITS = """district_code,district,commune_code,commune,kind
003,Quận Tây Hồ,00091,Phường Phú Thượng,phuong
"""
HUB = """data = "hub"
[ministry]
folder = "ministry"
[campaign]
name = "Order 01"
legal_basis = ["Order 01 of 5-5-2023"]
start = 2026-01-05
span_days = 400
units = "units.csv"
deadlines = {city = 2026-06-30}
[campaign.targets.all]
title = "the list of May"
total = 9
[campaign.booths]
b-1 = {unit = "00091", place = "mobile"}
"""
LATER = "2026-01-07T08:00:00.000Z"


class Station:
    """A hub with a campaign and the ministry's folder."""

    def __init__(self, folder: Path, url: str | None) -> None:
        self.folder, self.config = folder, folder / "hub.toml"
        (folder / "hub").mkdir()
        (folder / "units.csv").write_text(UNITS)
        self.config.write_text(database(url) + HUB)
        self.settings = read_settings(self.config, HubSettings)
        self.store = writable(self.settings.place)
        self.files = PacketFiles(self.settings.packet_folder)
        self.sealed: list[str] = []

    def book(self) -> CampaignBook:
        assert self.settings.campaign
        return CampaignBook(self.store, self.settings.campaign, read_lists(self.settings.campaign))

    def delivery(self, counts: bool = True) -> Delivery:
        drop = FolderDrop(self.folder / "ministry")
        return Delivery(self.store, self.files, drop, self.book() if counts else None)

    def tell(
        self, counter: JournalCounter | None, kind: str, body: dict[str, Any], booth: str = "b-1"
    ) -> None:
        ledger = Ledger(self.store)
        standing = ledger.standing(booth)
        (entry,) = chain([body], kind, standing.last_seq + 1, standing.last_hash or GENESIS)
        with self.store.transaction():
            assert ledger.take(booth, entry, AT) == "new"
            if counter:
                counter.take(booth, entry, AT)

    def collect(self, counter: JournalCounter | None, number: int, booth: str = "b-1") -> list[str]:
        """Let a booth seal records, and the hub take the packets."""
        digests = []
        for n in range(len(self.sealed), len(self.sealed) + number):
            data = b"%d" % n * 1000
            digest = sha256(data).hexdigest()
            body = {"packet": digest, "enrolment": f"e{n}", "size": len(data), "outcome": "enrolled"}
            self.tell(counter, SEALED, {**body, "samples": {"1": "a"}}, booth)
            self.files.add(digest, 0, data, len(data))
            assert self.files.finish(digest, len(data))
            Ledger(self.store).packet_complete(digest, AT)
            self.tell(counter, CLOSED, {"packet": digest, "size": len(data)}, booth)
            digests.append(digest)
        self.sealed += digests
        return digests

    def answer(self, batch: str, **said: Any) -> None:
        path = self.folder / "ministry" / batch / ANSWER
        path.write_text(json.dumps({"version": 1, "batch": batch, **said}))

    def batch(self) -> str:
        return max(path.parent.name for path in (self.folder / "ministry").glob(f"*/{MANIFEST}"))

    def chain(self, day: int = 60) -> tuple[int, ...]:
        book = self.book().book()
        return tuple(book.done(kind, "00091", day) for kind in ("collected", "sent", "acknowledged"))

    def events(self) -> list[tuple[Any, ...]]:
        query = "SELECT id, at, kind, unit, facts FROM campaign_event ORDER BY id"
        return [tuple(row) for row in self.store.db.execute(query).fetchall()]

    def right(self) -> None:
        """What is counted is what all events come to, and no manifest says anything else."""
        book = self.book()
        held = sorted(book.book().tally.cells())
        with self.store.transaction():
            self.store.db.execute("DELETE FROM campaign_count")
            self.store.db.execute("DELETE FROM campaign_definition")
        book.prepare()
        assert sorted(book.book().tally.cells()) == held
        sent, acknowledged = (
            {name.rpartition(":")[0] for name, _, what, *_ in self.events() if what == kind}
            for kind in ("sent", "acknowledged")
        )
        for one in book.files(0):
            assert (one.sent, one.acknowledged) == (one.file in sent, one.file in acknowledged)


@pytest.fixture
def station(tmp_path: Path, url: str | None) -> Station:
    return Station(tmp_path, url)


def test_the_ministrys_answer_reaches_the_reports(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*words: str) -> str:
        capsys.readouterr()
        assert main([*words, "--config", str(station.config)]) == 0
        return capsys.readouterr().out

    def figures() -> dict[tuple[str, str], int]:
        made = json.loads(said("hub", "report", "summary", "--at", "2026-12-30", "--format", "json"))
        return {(row["what"], row["of"]): row["number"] for row in made["rows"]}

    digests = station.collect(JournalCounter(station.book()), 5)
    assert figures()["sent", "collected"] == 0, "they are at the hub"
    assert said("ministry", "deliver") == "undelivered=0 waiting=5 accepted=0 refused=0\n"
    assert (figures()["sent", "collected"], figures()["acknowledged", "sent"]) == (5, 0)
    station.answer(station.batch(), accepted=digests[:4])
    for _ in range(2):
        assert said("ministry", "deliver") == "undelivered=0 waiting=1 accepted=4 refused=0\n"
        assert (figures()["sent", "collected"], figures()["acknowledged", "sent"]) == (5, 4)
    manifest = said("hub", "report", "manifest", "--at", "2026-01-05")
    assert "5 sent, 4 acknowledged, 1 not yet acknowledged" in manifest
    station.right()


def test_a_delivery_that_is_killed_before_its_commit_counts_nothing_twice(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    station.collect(JournalCounter(station.book()), 3)
    with monkeypatch.context() as patch:
        patch.setattr(CampaignBook, "count", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            station.delivery().deliver(LATER)
    assert station.chain() == (3, 0, 0)
    assert not station.store.db.execute("SELECT 1 FROM delivery").fetchone()
    station.delivery().deliver(LATER)  # finds the batch in the folder
    assert station.chain() == (3, 3, 0)
    station.right()


def earlier(station: Station, digests: list[str], at: int) -> None:
    """Leave what an earlier release has counted: what is at the hub, as sent."""
    book = station.book()
    book.prepare()
    with station.store.transaction():
        for digest in digests:
            book.add([Event(f"{digest}:collected", at, "collected", "00091", "mobile")])
            book.add([Event(f"{digest}:sent", at, "sent", "00091", "mobile")])


def test_what_an_earlier_release_counted_is_mended_once_slice_by_slice(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign_journal, "SLICE", 4)
    digests = station.collect(None, 7)
    arrived = 1767600000  # AT
    earlier(station, digests, arrived)
    other = [Event(f"{digests[6]}:sent", arrived + 1, "sent", "00091")]  # imported: another's word
    with station.store.transaction():
        station.book().forget([(other[0].id, arrived)])
        station.book().add(other)
    assert station.chain() == (7, 7, 0)
    rows = [(digest, "2026-01-06-001", LATER) for digest in digests[:3]]
    insert = "INSERT INTO delivery VALUES (?, ?, ?, NULL, NULL)"
    station.store.db.executemany(insert, rows)
    accepted = "UPDATE delivery SET accepted_at = ? WHERE hash = ?"
    station.store.db.execute(accepted, (LATER, digests[0]))
    count, slices = JournalCounter._count_slice, []

    def counting(counter: JournalCounter, booth: str) -> bool:
        slices.append(booth)
        if len(slices) == 3:
            raise KeyboardInterrupt
        return count(counter, booth)

    monkeypatch.setattr(JournalCounter, "_count_slice", counting)
    with pytest.raises(KeyboardInterrupt):
        JournalCounter(station.book())
    assert station.store.db.execute("SELECT seq FROM campaign_booth").fetchone()[0] == 8
    JournalCounter(station.book())
    assert len(slices) == 5, "three of the first start, and what was left"
    assert station.chain() == (7, 4, 1)
    held = {name: at for name, at, *_ in station.events()}
    assert held[f"{digests[1]}:sent"] == held[f"{digests[0]}:acknowledged"] == arrived + 2 * 86_400
    station.right()
    JournalCounter(station.book())
    assert len(slices) == 5, "nothing is read again"


def test_what_was_delivered_before_the_campaign_knew_the_booth_is_counted(station: Station) -> None:
    JournalCounter(station.book())
    digests = station.collect(None, 2, booth="b-9")
    station.delivery().deliver(LATER)
    station.answer(station.batch(), accepted=digests[:1])
    assert station.delivery().hear(LATER) == []
    assert station.chain() == (0, 0, 0)
    station.config.write_text(station.config.read_text() + 'b-9 = {unit = "00091"}\n')
    station.settings = read_settings(station.config, HubSettings)
    for _ in range(2):
        JournalCounter(station.book())
        assert station.chain() == (2, 2, 1)
    station.right()


def test_without_a_campaign_a_delivery_counts_nothing(station: Station) -> None:
    station.collect(JournalCounter(station.book()), 1)
    station.delivery(counts=False).deliver(LATER)
    assert station.chain() == (1, 0, 0)


AFTERNOON = "2026-01-05T09:00:00.000Z"  # 16:00 in Viet Nam


@pytest.mark.parametrize(
    ("hours", "since", "now", "overdue"),
    [
        (4, "T09:00:00", "T12:59:59", False),  # by the afternoon's end
        (4, "T09:00:00", "T13:00:01", True),
        (12, "T09:00:00", "T19:58:59", False),  # 02:58:59 there
        (12, "T09:00:00", "T19:59:00", True),  # the business day's last minute, not the next day
        (4, "T19:30:00", "T19:58:00", False),
        (4, "T19:30:00", "T20:00:00", True),
        (4, "T20:00:00", "T20:00:01", False),  # of the next business day
        (36, "T09:00:00", "T23:00:00", False),  # a ministry that has more than a day has it
    ],
)
def test_what_waits_past_a_limit_is_overdue_on_the_same_business_day(
    hours: float, since: str, now: str, overdue: bool
) -> None:
    limit = limit_of(datetime.fromisoformat(f"2026-01-05{now}Z"), hours, VIET_NAM)
    assert (f"2026-01-05{since}.000Z" < limit) is overdue


def test_what_is_overdue_is_in_status_metrics_and_reports(
    station: Station, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def status(*words: str) -> str:
        capsys.readouterr()
        assert main(["hub", "status", "--config", str(station.config), *words]) == 0
        return capsys.readouterr().out

    def metrics() -> dict[str, float]:
        place, data = station.settings.place, station.settings.data
        page = Figures(data, place, "0", looker(station.settings)).page().decode()
        lines = (line.split() for line in page.splitlines() if line.startswith("vantay_hub_ministry"))
        return {name.removeprefix("vantay_hub_ministry_"): float(number) for name, number in lines}

    def notes() -> tuple[str, ...]:
        book = CampaignBook(
            station.store, station.book().campaign, station.book().lists, warner(station.settings)
        )
        summary = next(one for one in made_of(station.settings.place, book, 0) if one.report == "summary")
        return tuple(summary.notes)

    digests = station.collect(JournalCounter(station.book()), 3)
    station.delivery().deliver(AFTERNOON)
    monkeypatch.setattr("edge.clock.now", lambda: "2026-01-05T12:59:00.000Z")
    assert metrics() == {"overdue_packets": 0, "refused_packets": 0}
    assert "ALARM" not in status()
    assert not any("ministry" in note for note in notes())
    monkeypatch.setattr("edge.clock.now", lambda: "2026-01-05T13:01:00.000Z")  # 20:01, the same evening
    alarm = f"batch {station.batch()}: 3 packets without an answer since {AFTERNOON}"
    assert metrics() == {"overdue_packets": 3, "refused_packets": 0}
    assert f"ALARM ministry: {alarm}" in status().splitlines()
    assert json.loads(status("--json"))["ministry"]["alarms"] == [alarm]
    sentence = "the ministry: 3 packets are overdue and 0 refused; vantay ministry status says which"
    assert sentence in notes()
    station.answer(
        station.batch(), accepted=digests[1:], refused=[{"packet": digests[0], "reason": "no portrait"}]
    )
    station.delivery().hear(LATER)
    assert metrics() == {"overdue_packets": 0, "refused_packets": 1}
    assert "to the ministry: undelivered=0 waiting=0 accepted=2 refused=1 overdue=0" in status()
    station.config.write_text(station.config.read_text().replace('[ministry]\nfolder = "ministry"\n', ""))
    station.settings = read_settings(station.config, HubSettings)
    assert metrics() == {}
    assert "ministry" not in json.loads(status("--json"))
