"""Several collectors on one PostgreSQL: whoever is killed, the tables are those of one hub with a file."""

import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from edge.cli import main
from edge.hub.ledger import Ledger
from edge.hub.reading import opened
from edge.hub.tables import Tables
from edge.messages import HubStatus, parse
from tests.edge.hub.hubs import database
from tests.edge.hub.reporting import EVERY, Booth
from tests.edge.postgres import Postgres
from tests.edge.programs import VANTAY, Mosquitto, Program, ear, free_port, until

pytestmark = pytest.mark.system

BOOTHS = ("b-1", "b-2", "b-3", "b-4")
ENTRIES = 160  # of each booth, besides those that confirm a packet
UNITS = "district_code,district,commune_code,commune,kind\n003,Tây Hồ,00091,Phú Thượng,phuong\n"
CAMPAIGN = """[campaign]
name = "Order 01"
legal_basis = ["Order 01 of 5-5-2023"]
start = 2026-01-01
units = "units.csv"
[campaign.targets.all]
title = "the list"
file = "quota.csv"
[campaign.booths]
b-1 = {unit = "00091"}
b-2 = {unit = "00091", place = "mobile"}
b-3 = {unit = "00091"}
"""
TABLES = {
    "booth": "name, last_seq, last_hash, highest_seen",
    "entry": "booth, seq, at, clock, kind, body, previous_hash, hash",
    "packet": "hash, booth, enrolment, size, complete_at IS NULL, closed_at IS NULL",
    "alarm": "booth, why",
    "gap": "booth",
    "campaign_event": "id, step, day, at, kind, unit, facts",
    "campaign_file": "at, file, unit, sent, acknowledged",
    "campaign_count": "measure, key, day, number",
    "campaign_definition": "counted_by",
    "booking": "id, unit, hamlet, begin, people",
}


class Station:
    """Collectors, their broker and their database."""

    def __init__(
        self, folder: Path, broker: Mosquitto, run: Callable[..., Program], server: Postgres
    ) -> None:
        self.folder, self.broker, self._run, self.server = folder, broker, run, server
        self.url = server.fresh()
        (folder / "units.csv").write_text(UNITS)
        (folder / "quota.csv").write_text("code,quota\n00091,3\n")
        self.ports: dict[str, int] = {}

    def start(self, name: str, top: str) -> Program:
        """Start a hub or collector and wait until it is connected."""
        (self.folder / name).mkdir()
        self.ports[name] = free_port()
        settings = f'data = "{name}"\npackets = "packets"\nmetrics_port = {self.ports[name]}\n{top}{CAMPAIGN}'
        settings += f"[broker]\nport = {self.broker.port}\nkeepalive = 5\n"
        (self.folder / f"{name}.toml").write_text(settings)
        program = self._run(VANTAY, "hub", "--config", str(self.folder / f"{name}.toml"), name=name)

        def connected() -> bool:
            assert program.process
            assert program.process.poll() is None, program.said()
            return "broker connected" in program.said()

        until(connected, f"the connection of {name}")
        return program

    def collector(self, name: str) -> Program:
        return self.start(name, database(self.url) + 'share = "station"\n')

    def accepted(self, name: str) -> int:
        """Return how many entries a collector says it has accepted."""
        with urlopen(f"http://127.0.0.1:{self.ports[name]}/metrics") as page:
            found = re.search(
                r'^vantay_hub_entries_total\{outcome="accepted"\} (\d+)', page.read().decode(), re.M
            )
        return int(found[1]) if found else 0


@pytest.fixture
def station(
    tmp_path: Path, mosquitto: Mosquitto, run: Callable[..., Program], postgres: Postgres
) -> Iterator[Station]:
    yield Station(tmp_path, mosquitto, run, postgres)
    if postgres.process is None:
        postgres.start()


@pytest.fixture
def booths(station: Station, tmp_path: Path) -> Iterator[list[Booth]]:
    made = [Booth(name, tmp_path, station.broker.broker(), ENTRIES) for name in BOOTHS]
    yield made
    for booth in made:
        booth.ended.set()
    for booth in made:
        if booth.ident:
            booth.join()


def held(store: Tables, table: str) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in store.db.execute(f"SELECT {TABLES[table]} FROM {table}"))


def moved(station: Station) -> dict[str, list[tuple[Any, ...]]]:
    """Carry the file over and return what the new database holds; a second time is refused."""
    path = station.folder / "moved.toml"
    url = station.server.fresh()
    (station.folder / "copy").mkdir()
    (station.folder / "copy" / "hub.db").symlink_to(station.folder / "file" / "hub.db")
    path.write_text(f'{database(url)}data = "copy"\n')
    assert main(["hub", "move", "--config", str(path)]) == 0
    assert main(["hub", "move", "--config", str(path)]) == 2
    store = opened(url)
    tables = {table: held(store, table) for table in TABLES}
    store.close()
    return tables


def in_mid_load(booths: list[Booth]) -> None:
    until(lambda: sum(booth.acknowledged for booth in booths) > ENTRIES, "the first entries")
    assert not any(booth.written for booth in booths)


def no_fault(station: Station, booths: list[Booth], hubs: list[Program]) -> None:
    pass


def a_collector_dies_comes_back_and_dies(station: Station, booths: list[Booth], hubs: list[Program]) -> None:
    in_mid_load(booths)
    hubs[0].kill()
    hubs[0].start()
    until(lambda: hubs[0].said().count("broker connected") == 2, "its return")
    hubs[0].kill()
    with ear(station.broker.broker(), "vantay/v1/hub/status") as one:
        until(lambda: one.on("status") and parse(HubStatus, one.on("status")[-1]).online, "the other one")


def the_server_dies_and_comes_back(station: Station, booths: list[Booth], hubs: list[Program]) -> None:
    in_mid_load(booths)
    station.server.kill()
    until(lambda: all("database away" in hub.said() for hub in hubs), "what is away in both logs")
    time.sleep(0.5)
    acknowledged = {booth.name: booth.acknowledged for booth in booths}
    for hub in hubs:
        hub.send(signal.SIGSTOP)
    station.server.start()
    store = opened(station.url)
    stands = {name: Ledger(store).standing(name).last_seq for name in BOOTHS}
    store.close()
    assert all(stands[name] >= seq for name, seq in acknowledged.items()), "acknowledged, and not held"
    for hub in hubs:
        hub.send(signal.SIGCONT)
    until(lambda: all("database back" in hub.said() for hub in hubs), "what is back in both logs")
    for hub in hubs:
        assert (hub.said().count("database away"), hub.said().count("database back")) == (1, 1)


@pytest.mark.parametrize(
    "fault", [no_fault, a_collector_dies_comes_back_and_dies, the_server_dies_and_comes_back]
)
def test_two_collectors_hold_what_one_hub_with_a_file_holds(
    station: Station, booths: list[Booth], fault: Callable[[Station, list[Booth], list[Program]], None]
) -> None:
    hubs = [station.collector("one"), station.collector("two")]
    for booth in booths:
        booth.start()
    fault(station, booths, hubs)
    until(lambda: all(booth.settled for booth in booths), "everything acknowledged")
    shared = opened(station.url)
    journals = {booth.name: booth.entries() for booth in booths}
    for name, entries in journals.items():
        rows = shared.db.execute("SELECT seq, hash FROM entry WHERE booth = ? ORDER BY seq", (name,))
        assert [tuple(row) for row in rows] == [(entry.seq, entry.hash) for entry in entries], "lost or twice"
    assert held(shared, "alarm") == held(shared, "gap") == []
    assert [booth.fork for booth in booths] == [None] * len(booths)
    assert shared.db.execute("SELECT count(*) FROM ahead").fetchone()[0] == 0
    total = sum(map(len, journals.values()))
    assert total == len(BOOTHS) * (ENTRIES + ENTRIES // EVERY)
    if fault is no_fault:
        counts = [station.accepted(name) for name in ("one", "two")]
        assert sum(counts) == total, "counted once, when committed"
        assert min(counts) > total / 5, "both took part"
    for hub in hubs:
        if hub.process:
            assert hub.end() == 0
        assert "Traceback" not in hub.said()

    station.start("file", "")  # a hub without a past asks for everything again
    alone = opened(station.folder / "file" / "hub.db")

    def same(table: str) -> bool:
        return held(alone, table) == held(shared, table)

    until(lambda: same("booth") and same("packet"), "the same in the file")
    for table in TABLES:
        assert same(table), table
    assert len(held(alone, "campaign_event")) == 3 * ENTRIES // EVERY, "each record is collected"
    assert moved(station) == {table: held(alone, table) for table in TABLES}
    alone.close()
    shared.close()


def test_a_second_hub_that_does_not_share_says_so(station: Station) -> None:
    first = station.start("one", database(station.url))
    second = station.start("two", database(station.url))
    until(lambda: "another hub has this database" in first.said() + second.said(), "the second one's word")
    for hub in (first, second):
        assert hub.end() == 0
    assert (first.said() + second.said()).count("second hub") == 1
