"""Many booths in one process: real journals, reporters, certificates and payloads; no scanner and no matcher.

One thread and one selector serve every connection; a thread of paho's for each would be the load. What a
booth sends and when it sends again is `edge.booth.reporter`; here is only what the daemon does around it.
"""

import random
import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from edge import clock
from edge.booth.enrolment import ACCEPTED, ATTEMPT
from edge.booth.reporter import Reporter
from edge.booth.wire import FROM_HUB, BoothWire
from edge.errors import VantayError
from edge.journal import Journal
from edge.messages import Acknowledgement, Clock, JournalEntry, Resend, Status, parse
from edge.mqtt import INFLIGHT
from edge.settings import Broker
from edge.store import Store
from edge.tls import context_of
from edge.vault import Vault

KEEPALIVE = 60  # seconds
LOOK_SECONDS = 1.0  # how often everybody is looked after who heard nothing
CLOCK = Clock(synchronised=True, boot="city", monotonic_ms=0)


def attempt_of(chance: random.Random, number: int) -> dict[str, object]:
    """Return what a booth records of one accepted finger."""
    return {
        "enrolment": f"{chance.getrandbits(128):032x}",
        "position": number % 10 + 1,
        "attempt": 1,
        "sample": f"{chance.getrandbits(128):032x}",
        "quality": 20 + number * 7 % 80,
        "decision": ACCEPTED,
        "hint": None,
        "minutiae": 25 + number * 13 % 50,
        "already": [],
        "device": f"Hamster Pro 20 {number % 579:04}",
    }


class Waiting(Journal):
    """A journal whose last entries are not yet due: the reporter does not see them."""

    due = 0  # the last entry that is

    def read(self, after: int = 0, limit: int = -1) -> Iterator[JournalEntry]:
        """Yield what is due."""
        room = self.due - after
        return super().read(after, min(room, limit) if limit >= 0 else room) if room > 0 else iter(())


class SimulatedBooth:
    """One booth's journal, reporter and connection."""

    def __init__(self, name: str, folder: Path, broker: Broker) -> None:
        self.name, self._broker = name, broker
        self.store = Store(folder / f"{name}.db")
        self.store.db.execute("PRAGMA cache_size=-64")
        self.journal = Waiting(self.store)
        self.wire = BoothWire(name)
        self.up = False
        self.lost = ""  # why the connection is gone
        self.due: dict[int, float] = {}  # entry -> when it was to be sent
        self.waits: list[float] = []  # from then to the acknowledgement
        self.heard_at = 0.0  # when the last acknowledgement came
        self.client = self._make()
        vault = Vault(self.store, bytes(32))  # no packet is ever asked for
        self.reporter = Reporter(self.wire, self.journal, vault, self._publish)

    def _make(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=self.name, protocol=MQTTProtocolVersion.MQTTv5
        )
        client.max_inflight_messages_set(INFLIGHT)
        context = context_of(self._broker)
        assert context
        client.tls_set_context(context)
        client.will_set(self.wire.status, self._status(False), qos=1, retain=True)
        client.on_connect, client.on_subscribe = self._connected, self._subscribed
        client.on_message, client.on_disconnect = self._received, self._disconnected
        return client

    def _status(self, online: bool) -> bytes:
        at = clock.now() if online else None
        return Status(booth=self.name, online=online, release="city", at=at).payload()

    def connect(self) -> None:
        """Shake hands; CONNECT is sent, what follows comes with `read`."""
        self.client.connect(self._broker.host, self._broker.port, KEEPALIVE)
        connection = self.client.socket()
        assert connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as edge.mqtt does

    def write(self, entries: int, what: Iterator[tuple[str, dict[str, object]]]) -> None:
        """Write entries that are not yet due."""
        with self.store.transaction():
            for kind, body in islice(what, entries):
                self.journal.append(kind, body, clock.now(), CLOCK)  # type: ignore[arg-type]

    def next_is_due(self, at: float) -> None:
        """Let the reporter see one entry more."""
        self.journal.due += 1
        self.due[self.journal.due] = at

    def read(self) -> None:
        """Take everything that has come."""
        while self.client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS:
            connection = self.client.socket()
            if connection is None or not connection.pending():  # type: ignore[union-attr]
                return

    def _publish(self, topic: str, payload: bytes) -> bool:
        return self.client.publish(topic, payload, 1).rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def _connected(
        self, client: paho.Client, _data: object, _flags: object, code: object, _p: object
    ) -> None:
        if getattr(code, "is_failure", True):
            self.lost = f"the broker turned {self.name} away: {code}"
        client.subscribe([(topic, 1) for topic in self.wire.subscriptions()])

    def _subscribed(
        self, client: paho.Client, _data: object, _mid: int, codes: list[object], _p: object
    ) -> None:
        if any(getattr(code, "is_failure", True) for code in codes):
            self.lost = f"the broker refused what {self.name} reads"
        client.publish(self.wire.status, self._status(True), 1, retain=True)
        self.up = True
        self.reporter.link_up(time.monotonic())

    def _disconnected(
        self, _client: paho.Client, _data: object, _flags: object, code: object, _p: object
    ) -> None:
        self.up, self.lost = False, self.lost or f"{self.name} was cut off: {code}"

    def _received(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        if (name := self.wire.name_of(message.topic)) not in FROM_HUB:
            return
        word = parse(FROM_HUB[name], message.payload)
        now = time.monotonic()
        if isinstance(word, Acknowledgement):
            self.heard_at = now
            if wrong := self.reporter.acknowledge(word, now):
                self.lost = wrong
            for seq in [seq for seq in self.due if seq <= self.reporter.acknowledged]:
                self.waits.append(now - self.due.pop(seq))
        elif isinstance(word, Resend):
            self.reporter.resend(word)

    @property
    def behind(self) -> int:
        """How many entries are due and not yet acknowledged."""
        return self.journal.due - self.reporter.acknowledged


@dataclass
class Crowd:
    """All booths and the one loop that serves them."""

    booths: list[SimulatedBooth]
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _writing: set[str] = field(default_factory=set)
    _looked_at: float = 0.0

    def __post_init__(self) -> None:
        self.named = {booth.name: booth for booth in self.booths}

    def connect(self, limit: float) -> float:
        """Connect everybody; return the seconds until the last one's subscriptions stood."""
        begin = time.monotonic()
        for booth in self.booths:
            booth.connect()
            connection = booth.client.socket()
            assert connection
            self._selector.register(connection, selectors.EVENT_READ, booth)
            self.turn(0.0)
        while not all(booth.up for booth in self.booths):
            self.turn(0.1)
            if time.monotonic() - begin > limit:
                up = sum(booth.up for booth in self.booths)
                raise VantayError(f"only {up} of {len(self.booths)} booths are connected")
        return time.monotonic() - begin

    def turn(self, timeout: float) -> None:
        """Serve whoever has something; look after all others once a second."""
        for key, what in self._selector.select(timeout):
            booth: SimulatedBooth = key.data
            if what & selectors.EVENT_READ:
                booth.read()
            if what & selectors.EVENT_WRITE:
                booth.client.loop_write()
            self.serve(booth)
        now = time.monotonic()
        if now - self._looked_at > LOOK_SECONDS:
            self._looked_at = now
            for booth in self.booths:
                booth.client.loop_misc()
                self.serve(booth)

    def serve(self, booth: SimulatedBooth) -> None:
        """Let a booth send what it may; VantayError when it is cut off."""
        if booth.lost:
            raise VantayError(booth.lost)
        if booth.up and booth.behind:
            booth.reporter.work(time.monotonic())
        wants = booth.client.want_write()
        if wants != (booth.name in self._writing):
            (self._writing.add if wants else self._writing.discard)(booth.name)
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if wants else 0)
            connection = booth.client.socket()
            assert connection
            self._selector.modify(connection, events, booth)

    def settle(self, limit: float) -> None:
        """Serve until everything is acknowledged."""
        begin = time.monotonic()
        waiting = list(self.booths)
        while waiting := [booth for booth in waiting if booth.behind]:
            for _ in range(20):
                self.turn(0.05)
            if time.monotonic() - begin > limit:
                left = sum(booth.behind for booth in waiting)
                raise VantayError(f"{left} entries of {len(waiting)} booths were not acknowledged")

    def close(self) -> None:
        """Let go of everything."""
        for booth in self.booths:
            booth.client.disconnect()
            booth.store.close()
        self._selector.close()


def bodies(seed: int) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield entries without end: kind and body."""
    chance, number = random.Random(seed), 0
    while True:
        yield ATTEMPT, attempt_of(chance, number)
        number += 1
