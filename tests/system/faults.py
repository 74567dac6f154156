"""Kills and network cuts, many of them, while several booths report: what is lost, what is stored twice.

`python -m tests.system.faults [--kills 1000] [--entries 100000] [--booths 3]` ends with the line
`kills=… entries=… lost=0 duplicated=0 absorbed=…` and with 1 when anything was lost or doubled.

All of it is what production has: booths with their workers, the hub, mosquitto at the station and in each
box, bridged. There is no scanner: journals fill because consoles ask for what is refused, each request an
entry. A console asks again until it has an answer, so what a killed broker lost comes twice: `absorbed` is
how many answers said so. tests/system/test_chaos.py kills the same while people are enrolled.
"""

import argparse
import queue
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from edge.demo.cable import Cable
from edge.demo.stage import Stage, free_port, vantay
from edge.errors import VantayError
from edge.hub.ledger import Ledger
from edge.hub.status import status_of
from edge.hub.store import HubStore
from edge.journal import Journal, JournalBroken
from edge.keys import make_booth_keys, make_ministry_key
from edge.messages import Abandon, Reply, booth_topic, parse
from edge.mqtt import Link, LinkEvent, LinkUp, Received
from edge.settings import Broker
from edge.store import Store
from tests.edge.programs import kill_child
from tests.system.production import CONFIGURATION, needed

WINDOW = 60  # requests of a console under way
PATIENCE = 3.0  # seconds without an answer before a request is made again
SETTLE_SECONDS = 180.0
STUCK_SECONDS = 120.0  # without a new entry anywhere


@dataclass
class City(Stage):
    """A station with several boxes."""

    count: int = 3
    cables: dict[str, Cable] = field(default_factory=dict)

    @property
    def booths(self) -> list[str]:
        return [f"booth-{number}" for number in range(1, self.count + 1)]

    def set_up(self) -> None:
        make_ministry_key(self.folder / "ministry")
        self.start_broker("station")
        (self.folder / "hub").mkdir()
        (self.folder / "hub.toml").write_text(
            f'data = "hub"\nbooths = {self.booths!r}\n\n[broker]\nport = {self.ports["station"]}\n'.replace(
                "'", '"'
            )
        )
        for booth in self.booths:
            self.cables[booth] = Cable(self.ports["station"])
            self.start_broker(f"box of {booth}")
            (self.folder / booth).mkdir()
            make_booth_keys(self.folder / f"{booth}-keys", self.folder / "ministry" / "ministry.pub")
            (self.folder / f"{booth}.toml").write_text(
                f'booth = "{booth}"\ndata = "{booth}"\nkeys = "{booth}-keys"\nrefusals_kept = 10_000_000\n\n'
                f"[broker]\nport = {self.ports[f'box of {booth}']}\n\n"
                f'[scanner]\nwhere = "usbip://127.0.0.1:{free_port()}/1-1"\n'
            )
            self.start(booth)
        self.start("hub")

    def start(self, name: str) -> None:
        """Start what `kill` ended."""
        if name == "station" or name.startswith("box of "):
            self.start_broker(name)
        elif name == "hub":
            self.start_hub()
        else:
            self.spawn(name, [*vantay("booth"), "--config", str(self.folder / f"{name}.toml")])

    def start_broker(self, name: str) -> None:
        port, booth = self.port_of(name), name.removeprefix("box of ")
        kind = "station" if name == "station" else "box"
        text = (CONFIGURATION / f"mosquitto-{kind}.conf").read_text().replace("BOOTH", booth)
        text = text.replace("listener 1883", f"listener {port}")
        if kind == "box":
            text = text.replace("STATION:1883", f"127.0.0.1:{self.cables[booth].port}")
        file = self.folder / f"{name}.conf"
        file.write_text(text)
        self.spawn(name, [needed("mosquitto", "mosquitto"), "-c", str(file)])
        self.wait_for_port(name, port)

    def tear_down(self) -> None:
        for cable in self.cables.values():
            cable.close()
        for name in list(self.processes):
            self.end(name)


class Console(threading.Thread):
    """Asks one booth for what it refuses, as fast as it answers; asks again what nobody answered."""

    def __init__(self, booth: str, port: int) -> None:
        super().__init__(name=f"console of {booth}", daemon=True)
        self.booth, self.absorbed = booth, 0
        self.answered: set[str] = set()
        self.open: dict[str, float] = {}  # request -> when it was last made
        self.finish = threading.Event()
        self._mailbox: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
        broker = Broker(port=port)
        self._link = Link(broker, f"console-{booth}", [booth_topic(booth, "reply")], self._mailbox.put)
        self._number = 0

    def run(self) -> None:
        self._link.start()
        up = False
        while self.open or not self.finish.is_set():
            try:
                event = self._mailbox.get(timeout=0.2)
            except queue.Empty:
                event = None
            match event:
                case LinkUp():
                    up = True
                case Received(payload=payload):
                    self._hear(parse(Reply, payload))
            if up:
                self._ask()
        self._link.stop()

    def _hear(self, reply: Reply) -> None:
        self.absorbed += reply.repeated
        if reply.request_id and self.open.pop(reply.request_id, None) is not None:
            self.answered.add(reply.request_id)

    def _ask(self) -> None:
        now = time.monotonic()
        while len(self.open) < WINDOW and not self.finish.is_set():
            self._number += 1
            self.open[f"{self.booth}-{self._number}"] = 0.0
        for request, made in self.open.items():
            if now - made > PATIENCE:
                self.open[request] = now
                payload = Abandon(request_id=request, reason="nobody is here").model_dump_json().encode()
                self._link.publish(booth_topic(self.booth, "command/abandon"), payload)


class Striker:
    """Ends processes by kill -9 and pulls cables, at random."""

    def __init__(self, city: City, seed: int) -> None:
        self.city, self.random, self.struck = city, random.Random(seed), Counter[str]()

    def strike(self) -> None:
        booth = self.random.choice(self.city.booths)
        target = self.random.choice(
            ["booth"] * 4 + ["hub"] * 3 + ["station", "box", "box", "cable", "cable", "scanner", "matcher"]
        )
        self.struck[target] += 1
        if target == "cable":
            self.city.cables[booth].cut()
            time.sleep(self.random.uniform(0.0, 0.6))
            self.city.cables[booth].mend()
        elif target in ("scanner", "matcher"):
            kill_child(self.city.processes[booth].pid, f"edge.booth.{target}_worker")
        else:
            name = {"booth": booth, "box": f"box of {booth}"}.get(target, target)
            self.city.kill(name)
            time.sleep(self.random.uniform(0.0, 0.4))
            self.city.start(name)


@dataclass
class Result:
    """What a run came to."""

    kills: int
    entries: int
    lost: int
    duplicated: int
    absorbed: int
    wrong: list[str]

    @property
    def line(self) -> str:
        return (
            f"kills={self.kills} entries={self.entries} lost={self.lost} duplicated={self.duplicated} "
            f"absorbed={self.absorbed}"
        )


def run(folder: Path, kills: int, entries: int, booths: int, pause: tuple[float, float]) -> Result:
    """Strike so often, at least until there are so many entries; then let it settle, and count."""
    city = City(folder, folder, count=booths)
    consoles: list[Console] = []
    try:
        city.set_up()
        consoles = [Console(booth, city.ports[f"box of {booth}"]) for booth in city.booths]
        for console in consoles:
            console.start()
        striker, seen, seen_at = Striker(city, 579), 0, time.monotonic()
        while sum(striker.struck.values()) < kills or seen < entries:
            if sum(striker.struck.values()) < kills:
                striker.strike()
            time.sleep(striker.random.uniform(*pause))
            answered = sum(len(console.answered) for console in consoles)
            if answered > seen:
                seen, seen_at = answered, time.monotonic()
            if time.monotonic() - seen_at > STUCK_SECONDS:
                raise VantayError(f"nothing was answered for {STUCK_SECONDS:.0f} s after {striker.struck}")
        for console in consoles:
            console.finish.set()
        for console in consoles:
            console.join(SETTLE_SECONDS)
        result = count(city, consoles, sum(striker.struck.values()))
    finally:
        city.tear_down()
    return result


def count(city: City, consoles: list[Console], kills: int) -> Result:
    """Compare what consoles were told, what booths recorded and what the hub holds."""
    hub = HubStore(city.folder / "hub" / "hub.db", read_only=True)
    result = Result(kills, 0, 0, 0, sum(console.absorbed for console in consoles), [])
    for console in consoles:
        store = Store(city.folder / console.booth / "booth.db", read_only=True)
        journal, deadline = Journal(store), time.monotonic() + SETTLE_SECONDS
        while (Ledger(hub).standing(console.booth).last_seq, 0) != (journal.tail()[0], len(console.open)):
            if time.monotonic() > deadline:
                result.wrong.append(f"{console.booth} did not settle")
                break
            time.sleep(0.2)
        try:
            journal.verify()
        except JournalBroken as error:
            result.wrong.append(f"{console.booth}: {error}")
        here = {entry.seq: entry.hash for entry in journal.read()}
        rows = hub.db.execute("SELECT seq, hash FROM entry WHERE booth = ?", (console.booth,)).fetchall()
        there = {row["seq"]: row["hash"] for row in rows}
        answers = Counter(e.body["request_id"] for e in journal.read() if e.kind == "command.answered")
        result.entries += len(here)
        result.lost += sum(there.get(seq) != digest for seq, digest in here.items())
        result.lost += len(console.answered - answers.keys())
        result.duplicated += len(rows) - len(there) + sum(times - 1 for times in answers.values())
        store.close()
    result.wrong += [str(alarm) for alarm in status_of(hub)["alarms"]]
    hub.close()
    return result


def main() -> int:
    """Run as the docstring says."""
    parser = argparse.ArgumentParser(description="kills and network cuts while booths report")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--booths", type=int, default=3)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended
    with tempfile.TemporaryDirectory(prefix="vantay-faults-") as folder:
        result = run(Path(folder), arguments.kills, arguments.entries, arguments.booths, (0.2, 1.2))
    for wrong in result.wrong:
        print(f"faults: {wrong}")
    print(result.line)
    return 1 if result.lost or result.duplicated or result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
