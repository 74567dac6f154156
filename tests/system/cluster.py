"""Beyond one machine: stations bridged to NATS nodes, collectors on PostgreSQL, nodes killed under load.

`python -m tests.system.cluster [--kills 12] [--entries 6000] [--booths 6]` ends with the line
`kills=… entries=… per_s=… pause_s=… longest_s=… lost=0 doubled=0`, and with 1 when anything was lost or
doubled. `per_s` is what was acknowledged in a second, kills included; `pause_s` how long nothing was after a
kill, the middle of them, `longest_s` the longest.

All of it is configured by `vantay broker-config`, with certificates: three nats-server (JetStream, three
replicas), two stations' mosquitto and the hub's bridged to them, two collectors that share a PostgreSQL.
Booths report as their daemons do (tests/edge/hub/reporting.py). `kill -9` ends processes; the disk keeps what
they wrote: a cut of the nodes' power is not tried.
"""

import argparse
import contextlib
import os
import random
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from urllib.error import HTTPError
from urllib.request import urlopen

from edge.cli import main as vantay
from edge.hub.reading import opened
from edge.pki.folder import PkiFolder
from edge.pki.names import AT_HOSTS, role_of
from edge.settings import Broker
from tests.edge.hub.reporting import Booth
from tests.edge.postgres import Postgres
from tests.edge.programs import VANTAY, Mosquitto, Program, needed, until
from tests.edge.secured import Station

NODES = ("one", "two", "three")
STATIONS = ("north", "south")
COLLECTORS = ("first", "second")
SETTLE_SECONDS = 240.0
LOOK_SECONDS = 0.02
PORTS = count(20_000 + os.getpid() % 100 * 100)  # below those that Linux gives to connections
MOST = 10**9  # entries of a booth: until it is enough
AWAY_SECONDS = (0.5, 4.0)  # that a killed node stays away
CALM_SECONDS = (1.0, 3.0)  # between its return and the next kill


def calm_port() -> int:
    """Return a free port that no connection is given by chance while its owner is away."""
    while True:
        port = next(PORTS)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@dataclass
class Node(Program):
    """One nats-server."""

    port: int = 0
    monitor: int = 0

    def healthy(self) -> bool:
        """Tell whether its streams are there and up to date; under load some subscriber always lags."""
        assert self.process is not None
        assert self.process.poll() is None, self.said()
        try:
            with urlopen(f"http://127.0.0.1:{self.monitor}/healthz") as page:
                return b'"ok"' in page.read()
        except HTTPError as error:
            with error:
                return b"JetStream consumer" in error.read()
        except OSError:
            return False


@dataclass
class Cluster:
    """Everything that runs, below one folder."""

    folder: Path
    booth_names: list[str]
    nodes: dict[str, Node] = field(default_factory=dict)
    brokers: dict[str, Mosquitto] = field(default_factory=dict)
    collectors: dict[str, Program] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.people = Station(self.folder)
        self.pki = str(self.folder / "pki")
        self.routes = {node: calm_port() for node in NODES}
        self.url = ""

    @contextlib.contextmanager
    def running(self) -> Iterator["Cluster"]:
        """Set all of it up, and end it by pid."""
        with ExitStack() as stack:
            postgres = Postgres.made()
            stack.callback(postgres.remove)
            self.url = postgres.start().fresh()
            stack.enter_context(self.nodes_running())
            for name in STATIONS:
                self.start_broker("station", name)
            self.start_broker("hub", "centre")
            for name in COLLECTORS:
                self._start_collector(name)
            yield self

    @contextlib.contextmanager
    def nodes_running(self) -> Iterator["Cluster"]:
        """Set the nodes up, and end all by pid."""
        try:
            self._certify()
            for node in NODES:
                self._make_node(node)
            for one in self.nodes.values():
                one.start()
            until(lambda: all(one.healthy() for one in self.nodes.values()), "three healthy nodes")
            yield self
        finally:
            self._end()

    def _end(self) -> None:
        for program in (*self.collectors.values(), *self.brokers.values(), *self.nodes.values()):
            program.kill()

    def _certify(self) -> None:
        PkiFolder.make(self.folder / "pki", "Trạm, 1", 3650, Station.now())
        who = [f"node.{node}" for node in NODES] + [f"server.{name}" for name in (*STATIONS, "centre")]
        who += [f"station.{name}" for name in STATIONS] + ["hub.centre", *self.booth_names]
        who += [f"hub.{name}" for name in COLLECTORS] + ["technician.binh", "inspector.chi"]
        for identity in who:
            role = role_of(identity)
            hosts = ("localhost", "127.0.0.1") if role in AT_HOSTS else ()
            name = identity.removeprefix(f"{role}.")
            PkiFolder(self.folder / "pki").issue(
                role, name, hosts, 365, self.people.certificates, Station.now()
            )

    def _make_node(self, name: str) -> None:
        port, monitor, out = calm_port(), calm_port(), self.folder / f"node-{name}"
        words = [word for node, at in self.routes.items() for word in ("--node", f"{node}=localhost:{at}")]
        words += ["--store", str(out / "store"), "--monitor-port", str(monitor), "--port", str(port)]
        words += ["--at", str(self.people.certificates), "--pki", self.pki, "-o", str(out)]
        assert vantay(["broker-config", "node", name, *words]) == 0
        configuration = out / "nats-server.conf"
        configuration.write_text(configuration.read_text().replace('"0.0.0.0"', '"127.0.0.1"'))
        command = [needed("nats-server", "nats-server"), "-c", str(configuration)]
        self.nodes[name] = Node(command, self.folder / f"node-{name}.log", port=port, monitor=monitor)

    def start_broker(self, kind: str, name: str) -> Mosquitto:
        """Start a station's broker, or the hub's, bridged to the nodes."""
        port, out = calm_port(), self.folder / f"broker-{name}"
        words = [word for node in self.nodes.values() for word in ("--cluster", f"localhost:{node.port}")]
        words += ["--server", name, "--port", str(port), "--pki", self.pki, "-o", str(out)]
        assert vantay(["broker-config", kind, *words]) == 0
        for path in self.people.certificates.glob("*"):
            (out / path.name).write_bytes(path.read_bytes())
        configuration = out / "mosquitto.conf"
        text = configuration.read_text().replace(f"listener {port}\n", f"listener {port} 127.0.0.1\n")
        configuration.write_text(f"{text}user root\nlog_type all\n")
        command = [needed("mosquitto", "mosquitto"), "-c", str(configuration)]
        self.brokers[name] = Mosquitto(command, self.folder / f"broker-{name}.log", port=port).start()
        until(lambda: "SUBACK" in self.brokers[name].said(), f"the bridge of {name}")
        return self.brokers[name]

    def _start_collector(self, name: str) -> None:
        (self.folder / name).mkdir()
        certificates = self.people.certificates
        (self.folder / f"{name}.toml").write_text(
            f'data = "{name}"\npackets = "packets"\ndatabase = "{self.url}"\nshare = "hub"\n'
            f"[broker]\nport = {self.brokers['centre'].port}\nkeepalive = 5\n"
            f'ca = "{certificates}/ca.crt"\ncert = "{certificates}/hub.{name}.crt"\n'
            f'key = "{certificates}/hub.{name}.key"\n'
        )
        command = [VANTAY, "hub", "--config", str(self.folder / f"{name}.toml")]
        program = Program(command, self.folder / f"{name}.log").start()
        self.collectors[name] = program
        until(lambda: "broker connected" in program.said(), f"the connection of {name}")

    def broker_of(self, booth: str) -> Broker:
        """Return the settings of a booth at its station's broker."""
        station = STATIONS[self.booth_names.index(booth) % len(STATIONS)]
        return self.people.broker(self.brokers[station].port, booth)

    def node_broker(self, node: str, identity: str) -> Broker:
        """Return the settings of somebody at a node."""
        return self.people.broker(self.nodes[node].port, identity).model_copy(update={"host": "localhost"})


@dataclass
class Result:
    """What a run came to."""

    kills: int
    entries: int = 0
    seconds: float = 0.0
    pauses: list[float] = field(default_factory=list)
    lost: int = 0
    doubled: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        usual, longest = (median(self.pauses), max(self.pauses)) if self.pauses else (0.0, 0.0)
        return (
            f"kills={self.kills} entries={self.entries} per_s={self.entries / self.seconds:.0f} "
            f"pause_s={usual:.1f} longest_s={longest:.1f} lost={self.lost} doubled={self.doubled}"
        )


class Load:
    """Booths that report, and how long nothing was acknowledged."""

    def __init__(self, cluster: Cluster, pause: float) -> None:
        self.booths = [
            Booth(name, cluster.folder, cluster.broker_of(name), MOST, pause) for name in cluster.booth_names
        ]
        self.pause, self._seen, self._at = 0.0, 0, 0.0

    def start(self) -> None:
        for booth in self.booths:
            booth.start()
        self._at = time.monotonic()

    def look(self) -> int:
        """Return how many entries are acknowledged by now."""
        now, seen = time.monotonic(), sum(booth.acknowledged for booth in self.booths)
        if not self.settled:
            self.pause = max(self.pause, now - self._at)
        if seen > self._seen:
            self._seen, self._at = seen, now
        return seen

    @property
    def settled(self) -> bool:
        return all(booth.settled for booth in self.booths)

    def wait(self, seconds: float) -> None:
        """Let it run for a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.look()
            time.sleep(LOOK_SECONDS)

    def wait_for(self, true: Callable[[], bool], what: str) -> None:
        """Let it run until something is so."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while not true():
            assert time.monotonic() < deadline, f"{what} did not come within {SETTLE_SECONDS:.0f} s"
            self.wait(5 * LOOK_SECONDS)

    def settle(self) -> None:
        """Write no more, and wait until all of it is acknowledged."""
        for booth in self.booths:
            booth.enough.set()
        self.wait_for(lambda: self.settled, "the acknowledgement of everything")

    def stop(self) -> None:
        for booth in self.booths:
            booth.ended.set()
        for booth in self.booths:
            if booth.ident:
                booth.join()


def run(folder: Path, kills: int, entries: int, booths: int, seed: int = 29, pause: float = 0.05) -> Result:
    """Kill nodes one after another while booths report, at least so many entries; let it settle, compare."""
    names, chance, result = [f"b-{n}" for n in range(1, booths + 1)], random.Random(seed), Result(kills)
    with Cluster(folder, names).running() as cluster:
        load = Load(cluster, pause)
        try:
            began = time.monotonic()
            load.start()
            load.wait_for(lambda: load.look() > 0, "the first acknowledgement")
            for number in range(kills):
                # The one that the bridges are connected to, then any: leaders of streams among them.
                name = NODES[0] if number == 0 else chance.choice(NODES)
                before = load.look()
                cluster.nodes[name].kill()
                load.pause = 0.0
                load.wait(chance.uniform(*AWAY_SECONDS))
                node = cluster.nodes[name].start()
                load.wait_for(node.healthy, f"the return of {name}")
                load.wait_for(lambda before=before: load.look() > before, "another acknowledgement")
                load.wait(chance.uniform(*CALM_SECONDS))
                result.pauses.append(load.pause)
                print(f"cluster: {name} killed, {load.pause:.1f} s without a word, {load.look()} by now")
            load.wait_for(lambda: load.look() >= entries, "enough entries")
            load.settle()
            result.seconds = time.monotonic() - began
        finally:
            load.stop()
        compare(cluster, load, result)
        for program in (*cluster.collectors.values(), *cluster.brokers.values()):
            assert program.process
            if program.process.poll() is not None or "Traceback" in program.said():
                result.wrong.append(program.said()[-500:])
    return result


def compare(cluster: Cluster, load: Load, result: Result) -> None:
    """Compare the hub's tables with the booths' journals."""
    hub = opened(cluster.url)
    for booth in load.booths:
        here = {entry.seq: entry.hash for entry in booth.entries()}
        rows = hub.db.execute("SELECT seq, hash FROM entry WHERE booth = ?", (booth.name,)).fetchall()
        there = {row["seq"]: row["hash"] for row in rows}
        result.entries += len(here)
        result.lost += sum(there.get(seq) != digest for seq, digest in here.items())
        result.doubled += len(rows) - len(here)
        if booth.fork:
            result.wrong.append(booth.fork)
    query = "SELECT (SELECT count(*) FROM alarm) + (SELECT count(*) FROM gap) + (SELECT count(*) FROM ahead)"
    if left := hub.db.execute(query).fetchone()[0]:
        result.wrong.append(f"{left} alarms, gaps or entries that wait are left at the hub")
    hub.close()


def main() -> int:
    """Run as the docstring says."""
    parser = argparse.ArgumentParser(description="NATS nodes killed while booths report")
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--entries", type=int, default=6000)
    parser.add_argument("--booths", type=int, default=6)
    parser.add_argument("--pause", type=float, default=0.05, metavar="SECONDS", help="between two entries")
    parser.add_argument("--seed", type=int, default=29)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave all files there")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended
    with tempfile.TemporaryDirectory(prefix="vantay-cluster-") as folder:
        place = arguments.keep or Path(folder)
        place.mkdir(exist_ok=True)
        words = arguments.kills, arguments.entries, arguments.booths, arguments.seed, arguments.pause
        result = run(place, *words)
    for wrong in result.wrong:
        print(f"cluster: {wrong}")
    print(result.line)
    return 1 if result.lost or result.doubled or result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
