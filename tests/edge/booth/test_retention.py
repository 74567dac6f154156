"""A sealed packet stays until the hub has acknowledged it and its time is over, and then nothing opens it."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge import clock
from edge.booth.retention import AT_ONCE, PACKETS_PURGED, RAN, RUNNING, overdue, purge_packets
from edge.booth.runner import Runner
from edge.messages import Acknowledgement, Clock, PacketAcknowledgement, PacketWanted, utc
from edge.settings import BoothSettings, PacketRules
from edge.store import Store
from edge.vault import PACKET_KEY, Vault
from tests.edge.booth.test_runner import life, settings

__all__ = ["settings"]
NOW = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(days=7)
RAN_ENOUGH = WEEK.total_seconds() / RUNNING
DATA = b"a sealed packet"


class Time:
    """What the clocks say."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now, self.is_set = NOW, True
        patch.setattr(clock, "moment", lambda: self.now)
        patch.setattr(clock, "now", lambda: utc(self.now))
        patch.setattr(clock, "reading", lambda: Clock(synchronised=self.is_set, boot="b", monotonic_ms=1))


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


def sealed(runner: Runner) -> str:
    packet = runner._vault.put_packet("e1", DATA)
    body: dict[str, Any] = {"enrolment": "e1", "subject": "s1", "packet": packet, "size": len(DATA)}
    runner._record(
        [("enrolment.sealed", body | {"outcome": "enrolled", "duplicate_of": None, "samples": {}})]
    )
    return packet


def acknowledge(runner: Runner, packet: str, at: float = 0.0) -> None:
    seq, digest = runner._journal.tail()
    runner._acknowledged(Acknowledgement(seq=seq, hash=digest), 0.0)
    runner._packet_arrived(PacketAcknowledgement(packet=packet, size=len(DATA)), at)


def goes_in_a_week(runner: Runner, time: Time, packet: str) -> None:
    time.now += WEEK - timedelta(seconds=1)
    runner._purge_packets(RAN_ENOUGH)
    assert runner._vault.packet_chunk(packet, 0, 9)
    time.now += timedelta(seconds=1)
    runner._purge_packets(RAN_ENOUGH + 4000)
    assert runner._vault.packet_chunk(packet, 0, 9) is None


def kinds(runner: Runner) -> list[str]:
    return [entry.kind for entry in runner._journal.read() if entry.kind.startswith("packet")]


def test_a_packet_stays_until_it_is_acknowledged_and_a_week_is_over(
    settings: BoothSettings, time: Time
) -> None:
    with closing(Store(settings.data / "booth.db")) as store:
        runner = life(settings, store)
        packet = sealed(runner)
        time.now += 20 * WEEK
        runner._purge_packets(0.0)
        assert runner._vault.packets_waiting() == 1, "the hub does not have it"
        runner._packet_arrived(PacketAcknowledgement(packet=packet, size=len(DATA)), 0.0)
        assert kinds(runner) == [], "nor the entry that announces it"
        acknowledge(runner, packet)
        acknowledge(runner, packet)
        assert (kinds(runner), runner._vault.packets_waiting()) == (["packet.acknowledged"], 0)
        time.now += WEEK - timedelta(seconds=1)
        runner._purge_packets(RAN_ENOUGH)
        assert runner._vault.packet_chunk(packet, 2, 6) == DATA[2:8], "a hub that lost it may ask"
    with closing(Store(settings.data / "booth.db")) as store:
        runner = life(settings, store)
        time.now += timedelta(seconds=1)
        time.is_set = False
        runner._purge_packets(0.0)
        assert runner._vault.packet_chunk(packet, 0, 9), "by no clock that is not set"
        time.is_set = True
        runner._purge_packets(1.0)
        assert runner._vault.packet_chunk(packet, 0, 9), "it was looked for a second ago"
        runner._purge_packets(4000.0)
        assert runner._vault.packet_chunk(packet, 0, 9) is None
        assert runner._vault.labels(PACKET_KEY) == []
        assert kinds(runner) == ["packet.acknowledged", PACKETS_PURGED]
        assert next(runner._journal.of_kind(PACKETS_PURGED)).body == {"packets": [packet]}


def test_who_acknowledges_while_no_clock_is_set_begins_a_week_later_on(
    settings: BoothSettings, time: Time
) -> None:
    with closing(Store(settings.data / "booth.db")) as store:
        runner = life(settings, store)
        packet = sealed(runner)
        time.is_set, time.now = False, datetime(1970, 1, 1, tzinfo=UTC)
        acknowledge(runner, packet)
        time.is_set, time.now = True, NOW
        runner._purge_packets(0.0)
        goes_in_a_week(runner, time, packet)


def test_with_no_days_it_goes_with_the_acknowledgement_whatever_the_clock_says(
    settings: BoothSettings, time: Time
) -> None:
    at_once = settings.model_copy(update={"packets": PacketRules(keep_days=0)})
    with closing(Store(settings.data / "booth.db")) as store:
        runner = life(at_once, store)
        packet = sealed(runner)
        time.is_set = False
        runner._purge_packets(0.0)
        assert runner._vault.packet_chunk(packet, 0, 9)
        acknowledge(runner, packet)
        runner._purge_packets(1.0)
        assert runner._vault.packet_chunk(packet, 0, 9) is None


def test_a_clock_that_is_set_wrong_ends_no_time(settings: BoothSettings, time: Time) -> None:
    with closing(Store(settings.data / "booth.db")) as store:
        runner = life(settings, store)
        packet = sealed(runner)
        acknowledge(runner, packet)
        time.now = datetime(2036, 1, 5, tzinfo=UTC)
        runner._purge_packets(60.0)
        runner._purge_packets(RAN_ENOUGH - 1)
        assert runner._vault.packet_chunk(packet, 0, 9), "the booth has not run for long enough since"
    with closing(Store(settings.data / "booth.db")) as store:
        assert store.cursor_at(RAN) == RAN_ENOUGH - 1, "which is known after a restart, too"
        runner = life(settings, store)
        runner._purge_packets(0.0)
        assert runner._vault.packet_chunk(packet, 0, 9)
        runner._purge_packets(3700.0)
        assert runner._vault.packet_chunk(packet, 0, 9) is None


def test_who_acknowledges_under_a_clock_far_ahead_begins_when_it_is_right(
    settings: BoothSettings, time: Time
) -> None:
    with closing(Store(settings.data / "booth.db")) as store:
        runner = life(settings, store)
        packet = sealed(runner)
        time.now = datetime(2036, 1, 5, tzinfo=UTC)
        acknowledge(runner, packet)
        time.now = NOW
        runner._purge_packets(0.0)
        goes_in_a_week(runner, time, packet)


def test_packets_whose_time_no_clock_ends_are_a_figure(settings: BoothSettings, time: Time) -> None:
    with closing(Store(settings.data / "booth.db")) as store:
        runner = life(settings, store)
        packet = sealed(runner)
        time.is_set = False
        runner._purge_packets(0.0)
        acknowledge(runner, packet, 100.0)
        eight_days = timedelta(days=8).total_seconds()
        assert runner._standing(eight_days).overdue == 0
        assert runner._standing(eight_days + 100).overdue == 1
        time.is_set, time.now = True, NOW
        runner._purge_packets(eight_days + 200)
        time.now += WEEK
        runner._purge_packets(eight_days + 8000)
        assert overdue(runner._vault, WEEK, int(2 * eight_days)) == 0


def test_what_the_hub_asks_for_is_not_destroyed_while_it_fetches_it(
    settings: BoothSettings, time: Time
) -> None:
    with closing(Store(settings.data / "booth.db")) as store:
        runner = life(settings, store)
        packet = sealed(runner)
        runner._purge_packets(0.0)
        acknowledge(runner, packet)
        time.now += WEEK - timedelta(minutes=1)
        runner._packet_wanted(PacketWanted(packet=packet, offset=9), RAN_ENOUGH - 60)
        time.now += timedelta(minutes=2)
        runner._purge_packets(RAN_ENOUGH + 60)
        assert runner._vault.packet_chunk(packet, 0, 9), "the hub has the rest to fetch"
        assert runner._vault.packets_waiting() == 0
        time.now += WEEK
        runner._purge_packets(2 * RAN_ENOUGH + 60)
        assert runner._vault.packet_chunk(packet, 0, 9) is None


def test_the_file_of_an_earlier_release_knows_of_no_running_time(settings: BoothSettings) -> None:
    with closing(sqlite3.connect(settings.data / "booth.db")) as before:
        before.execute("CREATE TABLE packet_taken (hash TEXT PRIMARY KEY, since TEXT) STRICT")
        before.execute("INSERT INTO packet_taken VALUES ('a', '2026-01-05T00:00:00.000Z')")
        before.commit()
    for _ in range(2):
        with closing(Store(settings.data / "booth.db")) as store:
            assert [tuple(row) for row in store.db.execute("SELECT hash, ran FROM packet_taken")] == [
                ("a", 0)
            ]


def test_very_many_go_in_turn(vault_of_many: Vault) -> None:
    first = purge_packets(vault_of_many, NOW, timedelta(0), True, 0)
    rest = purge_packets(vault_of_many, NOW, timedelta(0), True, 0)
    assert (len(first), len(rest)) == (AT_ONCE, 3)
    assert purge_packets(vault_of_many, NOW, timedelta(0), True, 0) == []


@pytest.fixture
def vault_of_many(store: Store) -> Vault:
    vault = Vault(store, bytes(32))
    with store.transaction():
        for n in range(AT_ONCE + 3):
            vault.take_packet(vault.put_packet(f"e{n}", b"%d" % n), utc(NOW), 0)
    return vault
