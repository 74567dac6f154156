"""The hub's only loop: take what booths report, commit, then acknowledge. Never the other way round.

A batch of messages becomes one transaction. What is missing is asked for: entries after a gap, the next piece
of a packet; what was acknowledged and not confirmed by the booth's journal is acknowledged again.
"""

import queue
import re
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from edge import clock
from edge.hub.campaign_journal import JournalCounter
from edge.hub.figures import Figures
from edge.hub.ledger import Ledger, OpenPacket, Standing
from edge.hub.packets import PacketFiles
from edge.hub.publishing import Made, Publisher
from edge.hub.store import HubStore
from edge.hub.told import TOPIC, TOPICS, Told
from edge.messages import (
    HUB_STATUS_TOPIC,
    PACKET_ROOT,
    ROOT,
    Acknowledgement,
    HubStatus,
    JournalEntry,
    PacketAcknowledgement,
    PacketWanted,
    Report,
    Resend,
    booth_topic,
    parse,
)
from edge.mqtt import Link, LinkDown, LinkEvent, LinkUp, Received, Refused, Will
from edge.settings import HubSettings
from edge.tls import ends_soon

BATCH = 2000  # messages of one transaction; the more are waiting, the fewer acknowledgements each costs
OUTSTANDING = 5000  # acknowledgements handed to the broker: one lost is two seconds of a booth's patience
REMIND_SECONDS = 2.0  # before a piece, an acknowledgement or a gap is asked for again
REMEMBERED = 10_000  # reminders kept; forgetting one only repeats it early
AT_ONCE = 4  # packets a booth is asked for at the same time
OUTCOMES = {"new": "accepted", "known": "duplicate", "gap": "gap", "refused": "refused"}  # in the figures
JOURNAL_TOPIC = re.compile(rf"{ROOT}/booth/([a-z0-9][a-z0-9-]{{0,30}})/journal")
PACKET_TOPIC = re.compile(
    rf"{PACKET_ROOT}/booth/([a-z0-9][a-z0-9-]{{0,30}})/([0-9a-f]{{64}})/([0-9]{{1,12}})"
)


class Stop:
    """Someone asked the hub to end."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message and when it came, in monotonic seconds."""

    message: Received
    at: float


@dataclass(slots=True)
class Heard:
    """What a batch brought of one booth: entries by what became of them, and when each came."""

    taken: Counter[str] = field(default_factory=Counter)
    came: list[float] = field(default_factory=list)


class Collector:
    """One hub."""

    def __init__(
        self,
        settings: HubSettings,
        store: HubStore,
        log: Any,
        release: str,
        counter: JournalCounter | None = None,  # where a campaign is configured
    ) -> None:
        self._log, self._release, self._store = log, release, store
        self._known, self._broker = settings.booths, settings.broker
        self._counter = counter
        self._ledger, self._files = Ledger(store), PacketFiles(settings.data / "packets")
        self._told, self.figures = Told(store), Figures(settings.data, release)
        self.mailbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._link = Link(
            settings.broker,
            "vantay-hub",
            [f"{ROOT}/booth/+/journal", f"{PACKET_ROOT}/booth/+/+/+", *TOPICS],
            self._arrive,
            Will(HUB_STATUS_TOPIC, self._status(online=False, at=None)),
            outstanding=OUTSTANDING,
        )
        path = settings.data / "hub.db"
        self._publisher = Publisher(path, counter, self.mailbox.put) if counter else None
        self._reminded: dict[str, float] = {}  # what was asked or said -> when
        self._away = ""  # why there is no connection, as it was told
        self._refused: set[str] = set()  # what the broker refuses on this connection, as it was told

    def run(self) -> None:
        """Serve until Stop is put into the mailbox."""
        self._link.start()
        try:
            while self._turn():
                if not self._link.alive:
                    raise RuntimeError("the MQTT thread ended: the hub must be started again")
        finally:
            self._link.publish(HUB_STATUS_TOPIC, self._status(False, clock.now()), retain=True)
            self._link.stop()

    def _turn(self) -> bool:
        batch = self._batch()
        now = time.monotonic()
        heard: dict[str, Heard] = {}
        if any(isinstance(event, Arrived) for event in batch):
            with self._store.transaction():
                for event in batch:
                    if isinstance(event, Arrived):
                        self._take(event, heard)
        for event in batch:
            match event:
                case LinkUp(version):
                    self._log.info("broker connected", mqtt=version)
                    self.figures.connected(True)
                    if soon := ends_soon(self._broker, clock.moment()):
                        self._log.warning("certificate", reason=soon)
                    self._away = ""
                    self._refused.clear()
                    self._link.publish(HUB_STATUS_TOPIC, self._status(True, clock.now()), retain=True)
                    self._reminded.clear()
                    if self._publisher:
                        self._publisher.link_up()
                    for booth in self._ledger.booths():  # whoever was cut off learns where the hub is
                        heard.setdefault(booth, Heard())
                case LinkDown(reason) if reason != self._away:
                    self._away = reason
                    self._log.info("broker away", reason=reason)
                    self.figures.connected(False)
                case Refused(topic, reason):
                    self._tell_refusal(topic, reason)
                case Made(failed=failed) if self._publisher:
                    self._publisher.take(event, now)
                    if failed:
                        self._log.error("reports not made", reason=failed)
        everybody = self._ledger.booths() if self._due("everybody", now) else []
        stand, packets = self._looked_up(heard, {*heard, *everybody})
        self._answer(heard, stand, now)
        for booth, opened in packets.items():
            self._ask_for_packets(booth, opened, now)
        if self._publisher:
            self._publisher.work(now, lambda topic, said: self._link.publish(topic, said, retain=True))
        for wrong in self._told.write(now):
            self._log.warning("a message was dropped", reason=wrong)
        return not any(isinstance(event, Stop) for event in batch)

    def _arrive(self, event: LinkEvent) -> None:
        self.mailbox.put(Arrived(event, time.monotonic()) if isinstance(event, Received) else event)

    def _batch(self) -> list[object]:
        events: list[object] = []
        try:
            events.append(self.mailbox.get(timeout=REMIND_SECONDS / 2))
            while len(events) < BATCH:
                events.append(self.mailbox.get_nowait())
        except queue.Empty:
            pass
        return events

    def _tell_refusal(self, topic: str, reason: str) -> None:
        what = topic.rsplit("/", 1)[-1]
        if what not in self._refused:
            self._refused.add(what)
            text = f"the broker refuses the hub's {what} ({reason}): look at its access list"
            self._log.error("publish refused", topic=topic, reason=text)

    # inside the transaction

    def _take(self, arrived: Arrived, heard: dict[str, Heard]) -> None:
        message = arrived.message
        if topic := JOURNAL_TOPIC.fullmatch(message.topic):
            self._take_entry(topic[1], arrived, heard)
        elif topic := PACKET_TOPIC.fullmatch(message.topic):
            self._take_chunk(topic[1], topic[2], int(topic[3]), message.payload)
            heard.setdefault(topic[1], Heard())
        elif (topic := TOPIC.fullmatch(message.topic)) and (not self._known or topic[1] in self._known):
            self._told.take(topic[1], topic[2], message.payload, None if message.retained else clock.now())

    def _take_entry(self, booth: str, arrived: Arrived, heard: dict[str, Heard]) -> None:
        if self._known and booth not in self._known:
            self._log.warning("an unknown booth was ignored", booth=booth)
            self.figures.entry("unknown-booth")
            return
        try:
            entry: JournalEntry = parse(JournalEntry, arrived.message.payload)
            received = clock.now()
            taken = self._ledger.take(booth, entry, received)
            if taken == "new" and self._counter:
                self._counter.take(booth, entry, received)
        except ValueError as error:  # no entry, or one with text that no file can hold
            self._log.warning("a message was dropped", booth=booth, reason=str(error))
            self.figures.entry("malformed")
            return
        if taken == "refused":
            self._log.error("entry refused", booth=booth, seq=entry.seq)
        self.figures.entry(OUTCOMES[taken])
        if taken == "new":
            self.figures.stored(entry)
        word = heard.setdefault(booth, Heard())  # also when refused: the booth sees by the hash what is held
        word.taken[taken] += 1
        word.came.append(arrived.at)

    def _take_chunk(self, booth: str, digest: str, offset: int, chunk: bytes) -> None:
        packet = self._ledger.packet(digest)
        if packet is None or packet.booth != booth or packet.complete:
            return
        held = self._files.add(digest, offset, chunk, packet.size)
        self._reminded.pop(digest, None)
        if held >= packet.size and self._files.finish(digest, packet.size):
            self._ledger.packet_complete(digest, clock.now())
            self._completed(packet)

    def _completed(self, packet: OpenPacket) -> None:
        self.figures.packet(packet.size)
        self._log.info(
            "packet", booth=packet.booth, packet=packet.hash, enrolment=packet.enrolment, size=packet.size
        )

    # after the commit

    def _looked_up(
        self, heard: Iterable[str], everybody: Iterable[str]
    ) -> tuple[dict[str, Standing], dict[str, list[OpenPacket]]]:
        """Read where booths stand and what is open of their packets, in one go."""
        with self._store.reading():
            stand = {booth: self._ledger.standing(booth) for booth in heard}
            return stand, {booth: self._ledger.open_packets(booth) for booth in everybody}

    def _answer(self, heard: dict[str, Heard], stand: dict[str, Standing], now: float) -> None:
        for booth, brought in heard.items():
            standing = stand[booth]
            word = Acknowledgement(seq=standing.last_seq, hash=standing.last_hash)
            self._say(booth, "ack", word)
            self._note(booth, standing.last_seq, brought)
            if brought.taken["gap"] and self._due(f"gap {booth} {standing.last_seq}", now):
                self._log.info("gap", booth=booth, wanted=standing.last_seq + 1)
                self._say(booth, "resend", Resend(from_seq=standing.last_seq + 1))

    def _note(self, booth: str, seq: int, brought: Heard) -> None:
        said_at, taken = time.monotonic(), brought.taken
        waited = [said_at - came for came in brought.came]
        for seconds in waited:
            self.figures.acknowledged(seconds)
        self._log.info(
            "acknowledgement",
            booth=booth,
            seq=seq,
            **{name: taken[name] for name in OUTCOMES},
            milliseconds=round(1000 * max(waited)) if waited else None,
        )

    def _ask_for_packets(self, booth: str, opened: list[OpenPacket], now: float) -> None:
        wanted = 0
        for packet in opened:
            if packet.complete:
                if self._due(f"ack {packet.hash}", now):
                    word = PacketAcknowledgement(packet=packet.hash, size=packet.size)
                    self._say(booth, "packet-ack", word)
            elif self._files.finish(packet.hash, packet.size):
                with self._store.transaction():  # here before a kill, or before the hub's file was lost
                    self._ledger.packet_complete(packet.hash, clock.now())
                self._completed(packet)
            elif wanted < AT_ONCE and not packet.closed:
                wanted += 1
                if self._due(packet.hash, now):
                    held = self._files.received(packet.hash)
                    self._say(booth, "packet-wanted", PacketWanted(packet=packet.hash, offset=held))

    def _due(self, what: str, now: float) -> bool:
        """Tell whether something was not said lately, and note that it is said now."""
        if now - self._reminded.get(what, -REMIND_SECONDS) < REMIND_SECONDS:
            return False
        if len(self._reminded) > REMEMBERED:
            self._reminded.clear()
        self._reminded[what] = now
        return True

    def _say(self, booth: str, name: str, word: Report) -> None:
        self._link.publish(booth_topic(booth, name), word.payload())

    def _status(self, online: bool, at: str | None) -> bytes:
        return HubStatus(online=online, release=self._release, at=at).payload()
