"""Booths that report as a daemon does: journal, reporter, vault and connection are the real ones."""

import queue
import random
import threading
import time
from pathlib import Path

from edge.booth.reporter import Reporter
from edge.booth.wire import BoothWire
from edge.hub.ledger import CLOSED, SEALED
from edge.journal import Journal
from edge.messages import (
    HUB_STATUS_TOPIC,
    Acknowledgement,
    Clock,
    HubStatus,
    JournalEntry,
    PacketAcknowledgement,
    PacketWanted,
    Resend,
    parse,
)
from edge.mqtt import Link, LinkEvent, LinkUp, Received
from edge.settings import Broker
from edge.store import Store
from edge.vault import Vault
from tests.edge.parts import AT

SURE = Clock(synchronised=True, boot="b", monotonic_ms=1)
EVERY = 40  # entries between two sealed records
PACKET = 300 * 1024  # bytes, two pieces
PAUSE = 0.01  # seconds between two entries, unless told otherwise


class Booth(threading.Thread):
    """Writes so many entries, or until that is enough, and reports them until it is told to stop."""

    def __init__(self, name: str, folder: Path, broker: Broker, entries: int, pause: float = PAUSE) -> None:
        super().__init__(name=name, daemon=True)
        self._path, self._broker, self._to_write = folder / f"{name}.db", broker, entries
        self._pause = pause  # between two entries
        self._mailbox: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
        self._chance = random.Random(name)
        self.ended, self.enough = threading.Event(), threading.Event()
        self.acknowledged, self.tail, self.open = 0, 0, 0
        self.written = False
        self.settled = False  # everything is acknowledged, and no packet waits
        self.fork: str | None = None

    def run(self) -> None:
        store, wire = Store(self._path), BoothWire(self.name)
        self._journal, self._vault, self._wire = Journal(store), Vault(store, bytes(32)), wire
        link = Link(self._broker, self.name, wire.subscriptions(), self._mailbox.put)
        self._reporter = Reporter(wire, self._journal, self._vault, link.publish)
        link.start()
        due = time.monotonic()
        while not self.ended.is_set():
            if self.enough.is_set():
                self._to_write = 0
            if self._to_write and time.monotonic() >= due:
                self._write(store)
                due += self._pause
            try:
                self._take(self._mailbox.get(timeout=PAUSE / 2), store)
            except queue.Empty:
                pass
            self._reporter.work(time.monotonic())
            self.acknowledged, self.tail = self._reporter.acknowledged, self._journal.tail()[0]
            self.written = not self._to_write
            self.settled = self.written and not self.open and self.acknowledged == self.tail
        link.stop()
        store.close()

    def _write(self, store: Store) -> None:
        self._to_write -= 1
        with store.transaction():
            if self._to_write % EVERY:
                body = {"decision": "accepted", "position": self._to_write % 10 + 1}
                self._journal.append("attempt.made", body, AT, SURE)  # type: ignore[arg-type]
                return
            name = f"{self.name}-{self._to_write}"
            packet = self._vault.put_packet(name, self._chance.randbytes(PACKET))
            self._journal.append(
                SEALED,
                {"packet": packet, "enrolment": name, "size": PACKET, "outcome": "enrolled", "samples": {}},
                AT,
                SURE,
            )
            self.open += 1

    def _take(self, event: LinkEvent, store: Store) -> None:
        now = time.monotonic()
        if isinstance(event, LinkUp):
            self._reporter.link_up(now)
        if not isinstance(event, Received):
            return
        if event.topic == HUB_STATUS_TOPIC:
            if parse(HubStatus, event.payload).online:
                self._reporter.greet()
            return
        match self._wire.name_of(event.topic):
            case "ack":
                self.fork = (
                    self._reporter.acknowledge(parse(Acknowledgement, event.payload), now) or self.fork
                )
            case "resend":
                self._reporter.resend(parse(Resend, event.payload))
            case "packet-wanted":
                self._reporter.send_packet(parse(PacketWanted, event.payload))
            case "packet-ack":
                word: PacketAcknowledgement = parse(PacketAcknowledgement, event.payload)
                with store.transaction():
                    if self._vault.purge_packet(word.packet):
                        self._journal.append(CLOSED, {"packet": word.packet, "size": word.size}, AT, SURE)
                        self.open -= 1

    def entries(self) -> list[JournalEntry]:
        """Return the whole journal."""
        store = Store(self._path, read_only=True)
        try:
            return list(Journal(store).read())
        finally:
            store.close()
