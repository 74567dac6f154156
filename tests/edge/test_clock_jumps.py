"""A clock that jumps a year forth and back, between entries and across restarts, changes no order."""

from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge import clock
from edge.booth.runner import Runner
from edge.hub.campaign import CampaignBook, read_lists
from edge.hub.campaign_journal import JournalCounter
from edge.hub.ledger import Ledger
from edge.hub.packets import PacketFiles
from edge.hub.reading import writable
from edge.hub.taking import Said, Taker
from edge.journal import Journal, check_entry
from edge.messages import Acknowledgement, Clock, JournalEntry, PacketAcknowledgement, parse, utc
from edge.settings import BoothSettings, HubSettings, read_settings
from edge.store import Store
from tests.edge.booth.test_runner import life, settings
from tests.edge.hub.test_campaign_hub import CAMPAIGN, UNITS

__all__ = ["settings"]
DAY = date(2023, 5, 18)
MORNING = datetime(2023, 5, 18, 2, 30, tzinfo=UTC)  # 09:30 in Hanoi
YEAR = timedelta(days=365)
JUMPS = (0, 1, -1, 0, -1, 1, 0)  # years that the clock is wrong in each life of the booth


class Time:
    """The true time goes on; what the booth's clock makes of it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.true, self.years = MORNING, 0
        self.boot = 0
        patch.setattr(clock, "moment", lambda: self.told)
        patch.setattr(clock, "now", lambda: utc(self.told))
        patch.setattr(clock, "reading", self._reading)

    @property
    def told(self) -> datetime:
        return self.true + self.years * YEAR

    def _reading(self) -> Clock:
        since = int((self.true - MORNING).total_seconds() * 1000)
        return Clock(synchronised=self.years == 0, boot=f"boot {self.boot}", monotonic_ms=since)


class Hub:
    """A hub with a campaign, whose own clock is right."""

    def __init__(self, folder: Path, time: Time) -> None:
        (folder / "units.csv").write_text(UNITS)
        (folder / "quota.csv").write_text("code,quota\n00091,20\n")
        (folder / "hub.toml").write_text(CAMPAIGN)
        (folder / "hub").mkdir()
        self.settings = read_settings(folder / "hub.toml", HubSettings)
        assert self.settings.campaign
        self.store = writable(self.settings.place)
        lists = read_lists(self.settings.campaign)
        self.book = CampaignBook(self.store, self.settings.campaign, lists)
        files = PacketFiles(self.settings.packet_folder)
        self._taker = Taker(Ledger(self.store), files, JournalCounter(self.book))
        self._time = time

    def take(self, entries: list[JournalEntry]) -> Acknowledgement:
        years, self._time.years = self._time.years, 0
        try:
            said = [Said("b-1", entry, check_entry(entry), 0.0) for entry in entries]
            taken = {outcome for _, _, outcome in self._taker.take(said).outcomes}
            assert taken <= {"new", "known"}, "none is a gap, a fork or malformed"
        finally:
            self._time.years = years
        return Acknowledgement(seq=entries[-1].seq, hash=entries[-1].hash)

    def held(self) -> list[tuple[int, str]]:
        rows = self.store.db.execute("SELECT seq, hash FROM entry WHERE booth = 'b-1' ORDER BY seq")
        return [(one["seq"], one["hash"]) for one in rows.fetchall()]


def sealed(runner: Runner, number: int) -> str:
    data = b"packet %d" % number
    packet = runner._vault.put_packet(f"e{number}", data)
    body: dict[str, Any] = {"enrolment": f"e{number}", "subject": f"s{number}", "packet": packet}
    body |= {"size": len(data), "outcome": "enrolled", "duplicate_of": None, "samples": {}}
    runner._record([("enrolment.sealed", body)])
    return packet


def report(runner: Runner, hub: Hub) -> None:
    """Send what is to be sent, and have it acknowledged."""
    sent: list[bytes] = []

    def publish(topic: str, payload: bytes, retain: bool = False) -> bool:
        sent.append(payload)
        return True

    runner._reporter._publish = publish
    runner._reporter.work(0.0)
    runner._acknowledged(hub.take([parse(JournalEntry, one) for one in sent]), 0.0)
    assert runner._reporter.fork is None


def lives_of(settings: BoothSettings, time: Time, hub: Hub) -> list[str]:
    """One life for each jump; in each the clock jumps once more between two records."""
    packets: list[str] = []
    for boot, years in enumerate(JUMPS):
        with closing(Store(settings.data / "booth.db")) as store:
            time.boot = boot
            runner = life(settings, store)
            for years_now in (years, -years):
                time.years, time.true = years_now, time.true + timedelta(minutes=1)
                packets.append(sealed(runner, len(packets)))
                runner._packets_purged_at = None
                runner._purge_packets(0.0)
            report(runner, hub)
            for number in (-2, -1):
                size = len(b"packet %d" % (len(packets) + number))
                runner._packet_arrived(PacketAcknowledgement(packet=packets[number], size=size), 0.0)
            report(runner, hub)
    return packets


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


@pytest.fixture
def hub(tmp_path: Path, time: Time) -> Hub:
    (tmp_path / "station").mkdir()
    return Hub(tmp_path / "station", time)


def test_booth_hub_and_reports_keep_the_order_of_what_happened(
    settings: BoothSettings, time: Time, hub: Hub
) -> None:
    packets = lives_of(settings, time, hub)
    with closing(Store(settings.data / "booth.db")) as store:
        journal = Journal(store)
        entries = list(journal.read())
        assert journal.verify() == len(entries)
    made = [entry for entry in entries if entry.kind == "enrolment.sealed"]
    assert [entry.body["packet"] for entry in made] == packets
    assert [entry.seq for entry in sorted(entries, key=lambda one: one.at)] != [e.seq for e in entries]
    assert {entry.at[:4] for entry in made} == {"2022", "2023", "2024"}, "the clock did jump"
    order = [(entry.clock.boot, entry.clock.monotonic_ms) for entry in made]
    assert order == sorted(order), "boot and monotonic time say the order, too"
    assert {e.at[:4] for e in made if e.clock.synchronised} == {"2023"}, "and which times are to be believed"
    assert hub.held() == [(entry.seq, entry.hash) for entry in entries]
    book = hub.book.book()
    assert book.daily("collected", None, book.campaign.index(DAY))[-1] == len(packets) == 2 * len(JUMPS)


def test_no_packet_is_destroyed_by_a_wrong_clock_and_each_in_its_time(
    settings: BoothSettings, time: Time, hub: Hub
) -> None:
    packets = lives_of(settings, time, hub)
    with closing(Store(settings.data / "booth.db")) as store:
        runner = life(settings, store)

        def there(years: int, days: int, ran: float = 0.0) -> int:
            time.years, time.true = years, MORNING + timedelta(hours=1, days=days)
            runner._packets_purged_at = None
            runner._purge_packets(ran)
            return sum(runner._vault.packet_chunk(packet, 0, 1) is not None for packet in packets)

        assert [there(1, 0), there(-1, 0), there(0, 6)] == [len(packets)] * 3
        assert there(1, 8) == len(packets), "nor by a clock that is not set when their time is over"
        assert there(0, 8) == len(packets), "nor before the booth has run for long enough"
        assert there(0, 8, ran=29 * 3600.0) == 0
