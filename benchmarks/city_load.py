"""Five hundred booths and more against one hub over mutual TLS: connections, throughput, latency."""

import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.city_booths import Crowd, SimulatedBooth, bodies
from edge.cli import main as vantay_main
from edge.demo.stage import Stage, vantay
from edge.errors import VantayError
from edge.hub.reading import opened
from edge.hub.status import status_of
from edge.hub.tables import Place
from edge.pki.folder import PkiFolder
from edge.settings import Broker

CONNECT_LIMIT, SETTLE_LIMIT = 180.0, 300.0  # seconds after which a run is given up
FULL, STEADY = 2_300.0, 500.0  # entries a second
CERTIFICATE_DAYS = 365


@dataclass
class Load:
    """What was measured."""

    booths: int
    connect_s: float = 0.0
    burst_entries: int = 0
    burst_per_s: float = 0.0
    offered: float = FULL  # a second, evenly over the booths
    committed_per_s: float = 0.0  # of these, to the last acknowledgement
    full_p99_ms: float = 0.0
    waits_ms: list[float] = field(default_factory=list)  # publish to acknowledgement, at STEADY a second
    wrong: list[str] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """Return a percentile of the waits, in milliseconds."""
        return percentile(self.waits_ms, share)


def percentile(numbers: list[float], share: float) -> float:
    """Return a percentile; infinity where there is no number."""
    ordered = sorted(numbers)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("inf")


class Station(Stage):
    """mosquitto with the configuration of `vantay broker-config`, and its hubs."""

    def open(self, names: list[str], hubs: tuple[str, ...], database: str | None) -> None:
        """Make certificates and configuration, start everything; several hubs share one PostgreSQL."""
        self.pki, self.issued = self.folder / "pki", self.folder / "issued"
        now = datetime.now(UTC)
        authority = PkiFolder.make(self.pki, "City", CERTIFICATE_DAYS, now)
        authority.issue("server", "station", ["127.0.0.1"], CERTIFICATE_DAYS, self.issued, now)
        for role, identities in (("hub", hubs), ("booth", names)):
            for identity in identities:
                authority.issue(role, identity, [], CERTIFICATE_DAYS, self.issued, now)
        self.start_broker("station")
        shared = f'database = "{database}"\npackets = "packets"\nshare = "city"\n' if database else ""
        (self.folder / "packets").mkdir()
        for hub in hubs:
            broker = self.secured(f"hub.{hub}")
            (self.folder / hub).mkdir()
            config = self.folder / f"{hub}.toml"
            config.write_text(
                f'data = "{hub}"\n{shared}booths = {names!r}\n\n[broker]\nport = {broker.port}\n'.replace(
                    "'", '"'
                )
                + "".join(f'{what} = "{getattr(broker, what)}"\n' for what in ("ca", "cert", "key"))
            )
            self.spawn(hub, [*vantay("hub"), "--config", str(config)])

    def start_broker(self, name: str) -> None:
        """Start mosquitto with its own copies of certificates, key and access list."""
        port, out = self.port_of(name), self.folder / "broker"
        words = ["broker-config", "station", "--pki", str(self.pki), "-o", str(out), "--port", str(port)]
        if vantay_main(words):
            raise VantayError("the broker's configuration could not be made")
        for path in self.issued.glob("server.*"):
            shutil.copy(path, out)
        if os.geteuid() == 0:  # mosquitto would become a user who may not read here
            with (out / "mosquitto.conf").open("a") as file:
                file.write("user root\n")
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        if program is None:
            raise VantayError("mosquitto is missing: apt-get install mosquitto")
        self.spawn(name, [program, "-c", str(out / "mosquitto.conf")])
        self.wait_for_port(name, port)

    def secured(self, identity: str) -> Broker:
        """Return the station's broker with somebody's certificate."""
        names = {what: self.issued / f"{identity}.{end}" for what, end in (("cert", "crt"), ("key", "key"))}
        return Broker(port=self.ports["station"], ca=self.issued / "ca.crt", **names)


@contextmanager
def crowd_of(
    count: int, folder: Path, hubs: tuple[str, ...] = ("main",), database: str | None = None
) -> Iterator[tuple[Crowd, Station]]:
    """A station with its hubs and so many booths, not yet connected; booths' journals lie in memory."""
    memory = Path("/dev/shm")  # the booths' disks are not what is measured
    with ExitStack() as stack:
        home = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="vantay-city-", dir=memory if memory.is_dir() else None)
        )
        station = Station(folder, folder)
        stack.callback(lambda: [station.end(name) for name in (*hubs, "station")])
        names = [f"booth-{number:03}" for number in range(1, count + 1)]
        station.open(names, hubs, database)
        crowd = Crowd([SimulatedBooth(name, Path(home), station.secured(name)) for name in names])
        stack.callback(crowd.close)
        yield crowd, station


def burst(crowd: Crowd, each: int) -> tuple[int, float]:
    """Let every booth come back with a backlog; return how many entries, and how many a second."""
    what = bodies(1)
    for booth in crowd.booths:
        booth.write(each, what)
        booth.journal.due += each
    begin = time.monotonic()
    crowd.settle(SETTLE_LIMIT)
    number = each * len(crowd.booths)
    return number, number / (max(booth.heard_at for booth in crowd.booths) - begin)


def steady(crowd: Crowd, rate: float, seconds: float) -> tuple[float, list[float]]:
    """Let entries of booths at random fall due at an even rate, whatever becomes of them.

    Returns how many a second were acknowledged, from the first one to the last acknowledgement, and the waits
    in milliseconds, each from when the entry was due.
    """
    order = random.Random(2).choices(crowd.booths, k=round(rate * seconds))
    what = bodies(3)
    for name, entries in Counter(booth.name for booth in order).items():
        crowd.named[name].write(entries, what)
    begin = time.monotonic()
    for number, booth in enumerate(order):
        due = begin + number / rate
        while (ahead := due - time.monotonic()) > 0:
            crowd.turn(ahead)
        booth.next_is_due(due)
        crowd.serve(booth)
        if number % 8 == 0:  # also when this process is late
            crowd.turn(0.0)
    crowd.settle(SETTLE_LIMIT)
    took = max(booth.heard_at for booth in crowd.booths) - begin
    waits = [1000 * wait for booth in crowd.booths for wait in booth.waits]
    for booth in crowd.booths:
        booth.waits.clear()
    return len(order) / took, waits


def load(
    folder: Path,
    booths: int,
    each: int,
    full_seconds: float,
    steady_seconds: float,
    database: str | None = None,
) -> Load:
    """Connect, burst, full and steady load; then compare what booths wrote with what the hub holds.

    With the URL of an empty PostgreSQL, two collectors share the load.
    """
    found, hubs = Load(booths), ("main", "other") if database else ("main",)
    with crowd_of(booths, folder, hubs, database) as (crowd, station):
        found.connect_s = crowd.connect(CONNECT_LIMIT)
        found.burst_entries, found.burst_per_s = burst(crowd, each)
        found.committed_per_s, waits = steady(crowd, FULL, full_seconds)
        found.full_p99_ms = percentile(waits, 0.99)
        _, found.waits_ms = steady(crowd, STEADY, steady_seconds)
        found.wrong += [f"{name} ended: {station.log_tail(name)}" for name in station.dead()]
        found.wrong += differences(crowd, database or folder / "main" / "hub.db")
    return found


def differences(crowd: Crowd, place: Place) -> list[str]:
    """Say where the hub holds anything else than what booths wrote."""
    hub = opened(place)
    wrong = [str(alarm) for alarm in status_of(hub)["alarms"]]
    for booth in crowd.booths:
        rows = hub.db.execute("SELECT seq, hash FROM entry WHERE booth = ? ORDER BY seq", (booth.name,))
        if [tuple(row) for row in rows] != [(entry.seq, entry.hash) for entry in booth.journal.read()]:
            wrong.append(f"the hub holds another journal of {booth.name} than it wrote")
    hub.close()
    return wrong
