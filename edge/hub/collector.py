"""The hub's only loop: take what booths report, commit, then acknowledge. Never the other way round.

A batch of messages becomes one transaction. What is missing is asked for: entries after a gap, the next piece
of a packet; what was acknowledged and not confirmed by the booth's journal is acknowledged again.

Several collectors with one database (`share`) get each message once between them: a gap is asked for when
none of them has closed it, and one of them, the leader, looks after all booths' packets and publishes the
reports. While the database is away nothing is acknowledged: a batch is kept for it, what comes beyond is
dropped, and comes again.
"""

import queue
import re
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from edge import clock
from edge.hub.campaign_journal import JournalCounter
from edge.hub.delivery import looker
from edge.hub.figures import Figures
from edge.hub.ledger import Ledger, OpenPacket
from edge.hub.link_log import LinkLog
from edge.hub.lost import look_for_lost
from edge.hub.packets import PacketFiles
from edge.hub.publishing import Made, Publisher
from edge.hub.standings import Standing
from edge.hub.sums import keep_sums
from edge.hub.tables import StoreAway, Tables
from edge.hub.taking import Heard, Piece, Said, Taker, Work
from edge.hub.told import TOPIC, TOPICS, Told
from edge.journal import check_entry
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
    utc,
)
from edge.mqtt import LONGEST_PAUSE, Link, LinkDown, LinkEvent, LinkUp, Received, Refused, Will
from edge.settings import HubSettings
from edge.tls import ends_soon

BATCH = 2000  # messages of one transaction; the more are waiting, the fewer acknowledgements each costs
OUTSTANDING = 5000  # acknowledgements handed to the broker: one lost is two seconds of a booth's patience
REMIND_SECONDS = 2.0  # before a piece, an acknowledgement or a gap is asked for again
REMEMBERED = 10_000  # reminders kept; forgetting one only repeats it early
SHARED_PATIENCE = 0.5  # seconds that another collector has to close a gap
SUMS_SECONDS, SUMS_SLACK = 60.0, 1000  # between two looks for booths so many entries beyond their sums
AT_ONCE = 4  # packets a booth is asked for at the same time
LOST_FOR = timedelta(days=1)  # a packet that was here, says the journal, and is not, is asked for so long
CHECK_SECONDS = 0.5  # of a turn, in which packets on disk are read before they are acknowledged
SECOND_SECONDS = 5.0  # that another hub leads, until a hub that shares with none says so
LOST_SECONDS = 60.0  # between two such questions
OUTCOMES = {"new": "accepted", "known": "duplicate", "gap": "gap", "refused": "refused"}  # in the figures
TAKEN = (f"{ROOT}/booth/+/journal", f"{PACKET_ROOT}/booth/+/+/+")  # once, by whichever collector
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


class Collector:
    """One hub."""

    def __init__(
        self,
        settings: HubSettings,
        store: Tables,
        log: Any,
        release: str,
        counter: JournalCounter | None = None,  # where a campaign is configured
    ) -> None:
        self._log, self._release, self._store = log, release, store
        self._known, self._broker = settings.booths, settings.broker
        self._shared = settings.share is not None
        self._ledger, self._files = Ledger(store, self._shared), PacketFiles(settings.packet_folder)
        self._taker = Taker(self._ledger, self._files, counter)
        self._told = Told(store)
        self.figures = Figures(settings.data, settings.place, release, looker(settings))
        self.mailbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._link = self._linked(settings)
        self._publisher = Publisher(settings.place, counter, self.mailbox.put) if counter else None
        self._waiting: list[Said | Piece] = []  # for their transaction, at most BATCH
        self._dropped = 0  # messages beyond, since the database is away
        self._database_away = False
        self._looks = True  # whether every packet is still there is to be seen
        self._greets = False  # every booth is to hear where the hub is
        self._led_at: float | None = time.monotonic()  # last; None: that another hub leads is told
        self._gaps: dict[str, tuple[int, float]] = {}  # booth -> the last entry before a gap, since when
        self._reminded: dict[str, float] = {}  # what was asked or said -> when
        self._link_log = LinkLog(log)

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

    def _linked(self, settings: HubSettings) -> Link:
        broker, name, taken = settings.broker, "vantay-hub", list(TAKEN)
        if self._shared:  # no session: what waits for a collector that is gone would keep others waiting
            broker = broker.model_copy(update={"mqtt": "5"})
            name = f"{name}-{secrets.token_hex(4)}"
            taken = [f"$share/{settings.share}/{topic}" for topic in TAKEN] + [HUB_STATUS_TOPIC]
        will = Will(HUB_STATUS_TOPIC, self._status(online=False, at=None))
        topics = [*taken, *TOPICS]
        return Link(broker, name, topics, self._arrive, will, not self._shared, OUTSTANDING, LONGEST_PAUSE)

    def _turn(self) -> bool:
        batch = self._batch()
        now = time.monotonic()
        for event in batch:
            self._notice(event, now)
        self._link_log.look(now)
        try:
            self._serve(now)
        except StoreAway as error:
            if not self._database_away:
                self._database_away = True
                self._log.error("database away", reason=str(error))
        else:
            if self._database_away:
                self._log.info("database back", dropped=self._dropped)
            self._database_away, self._dropped = False, 0
        return not any(isinstance(event, Stop) for event in batch)

    def _notice(self, event: object, now: float) -> None:
        """Take an event as far as that needs no database."""
        match event:
            case Arrived(message, at):
                self._sort(message, at)
            case LinkUp(version):
                self._link_log.up(version, now)
                self.figures.connected(True)
                if soon := ends_soon(self._broker, clock.moment()):
                    self._log.warning("certificate", reason=soon)
                self._link.publish(HUB_STATUS_TOPIC, self._status(True, clock.now()), retain=True)
                self._reminded.clear()
                if self._publisher:
                    self._publisher.link_up()
                self._greets = True  # whoever was cut off learns where the hub is
            case LinkDown(reason):
                self._link_log.down(reason, now)
                self.figures.connected(False)
            case Refused(topic, reason):
                self._link_log.refused(topic, reason, now)
            case Made(failed=failed) if self._publisher:
                self._publisher.take(event, now)
                if failed:
                    self._log.error("reports not made", reason=failed)

    def _serve(self, now: float) -> None:
        """Commit what waits, then answer; StoreAway when the database is: what waited still does."""
        heard = self._commit()
        if self._greets:
            heard |= {booth: Heard() for booth in self._ledger.booths() if booth not in heard}
            self._greets = False
        leads = self._store.leads()
        self._look_for_second(leads, now)
        if self._looks and leads:
            if lost := look_for_lost(self._store, self._files, clock.now()):
                self._log.error("packets lost", packets=len(lost))
            self._looks = False
        everybody = self._ledger.booths() if leads and self._due("everybody", now) else []
        late = [booth for booth, (_, since) in self._gaps.items() if now - since > SHARED_PATIENCE]
        # Who brought entries is asked for packets by the leader alone, who brought a piece by whoever got it.
        asked = {booth for booth in heard if leads or not heard[booth].taken}
        stand, packets = self._looked_up({*heard, *late}, {*asked, *everybody})
        self._answer(heard, stand, now)
        for booth in late:
            self._look_for_gap(booth, stand[booth], now)
        for booth, opened in packets.items():
            self._ask_for_packets(booth, opened, now)
        if self._publisher and leads:
            self._publisher.work(now, lambda topic, said: self._link.publish(topic, said, retain=True))
        if leads and self._due("sums", now, SUMS_SECONDS):
            keep_sums(self._store, SUMS_SLACK)
        for wrong in self._told.write(now):
            self._log.warning("a message was dropped", reason=wrong)

    def _look_for_second(self, leads: bool, now: float) -> None:
        """Say once that another hub has this database, where neither may know: half the work is not done."""
        if leads:
            self._led_at = now
        elif not self._shared and self._led_at is not None and now - self._led_at > SECOND_SECONDS:
            self._led_at = None
            text = (
                "another hub has this database: no packet is fetched and no report published here; "
                "end one of them, or give both the same `share` in hub.toml, and one broker"
            )
            self._log.error("second hub", reason=text)

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

    def _sort(self, message: Received, at: float) -> None:
        """Read a message; entries and pieces wait for their transaction."""
        if topic := JOURNAL_TOPIC.fullmatch(message.topic):
            self._read_entry(topic[1], message.payload, at)
        elif topic := PACKET_TOPIC.fullmatch(message.topic):
            self._wait(Piece(topic[1], topic[2], int(topic[3]), message.payload))
        elif message.topic == HUB_STATUS_TOPIC:
            self._correct(message.payload)
        elif (topic := TOPIC.fullmatch(message.topic)) and (not self._known or topic[1] in self._known):
            self._told.take(topic[1], topic[2], message.payload, None if message.retained else clock.now())

    def _read_entry(self, booth: str, payload: bytes, at: float) -> None:
        if self._known and booth not in self._known:
            self._log.warning("an unknown booth was ignored", booth=booth)
            self.figures.entry("unknown-booth")
            return
        try:
            entry: JournalEntry = parse(JournalEntry, payload)
        except ValueError as error:
            self._malformed(booth, str(error))
            return
        self._wait(Said(booth, entry, check_entry(entry), at))

    def _malformed(self, booth: str, reason: str) -> None:
        self._log.warning("a message was dropped", booth=booth, reason=reason)
        self.figures.entry("malformed")

    def _wait(self, word: Said | Piece) -> None:
        if len(self._waiting) < BATCH:
            self._waiting.append(word)
        else:
            self._dropped += 1

    def _correct(self, payload: bytes) -> None:
        """Another collector went, or vanished: the hub is still here."""
        with suppress(ValueError):
            if not parse(HubStatus, payload).online:
                self._link.publish(HUB_STATUS_TOPIC, self._status(True, clock.now()), retain=True)

    # after the commit

    def _commit(self) -> dict[str, Heard]:
        if not self._waiting:
            return {}
        work = self._taker.take(self._waiting)
        self._waiting.clear()
        self._tell(work)
        return work.heard

    def _tell(self, work: Work) -> None:
        """Count and log what was committed, nothing before."""
        for booth, entry, taken in work.outcomes:
            if taken == "refused":
                self._log.error("entry refused", booth=booth, seq=entry.seq)
            self.figures.entry(OUTCOMES[taken])
            if taken == "new":
                self.figures.stored(entry)
        for booth, reason in work.malformed:
            self._malformed(booth, reason)
        for packet in work.completed:
            self._completed(packet)
        for digest in work.grown:
            self._reminded.pop(digest, None)

    def _completed(self, packet: OpenPacket) -> None:
        self.figures.packet(packet.size)
        self._log.info(
            "packet", booth=packet.booth, packet=packet.hash, enrolment=packet.enrolment, size=packet.size
        )

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
            if brought.taken["gap"]:
                if self._shared:
                    self._gaps.setdefault(booth, (standing.last_seq, now))
                else:
                    self._ask_again(booth, standing, now)

    def _look_for_gap(self, booth: str, standing: Standing, now: float) -> None:
        """Ask for what is missing when no collector has got anywhere meanwhile."""
        before, _ = self._gaps.pop(booth)
        if standing.last_seq < standing.highest_seen:
            self._gaps[booth] = (standing.last_seq, now)
            if standing.last_seq == before:
                self._ask_again(booth, standing, now)

    def _ask_again(self, booth: str, standing: Standing, now: float) -> None:
        if self._due(f"gap {booth} {standing.last_seq}", now):
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
            elif self._files.whole(packet.hash, packet.size):
                if time.monotonic() - now < CHECK_SECONDS:
                    self._finish(packet)
            elif wanted < AT_ONCE and not packet.closed:
                wanted += 1
                self._want(packet, now, REMIND_SECONDS)
        since = utc(clock.moment() - LOST_FOR)
        closed = [packet for packet in opened if packet.closed_at and packet.closed_at > since]
        lost = [one for one in closed if not one.complete and not self._files.whole(one.hash, one.size)]
        for packet in lost[-AT_ONCE:]:  # the booth has the newest longest
            self._want(packet, now, LOST_SECONDS)

    def _want(self, packet: OpenPacket, now: float, patience: float) -> None:
        if self._due(packet.hash, now, patience):
            held = self._files.received(packet.hash)
            self._say(packet.booth, "packet-wanted", PacketWanted(packet=packet.hash, offset=held))

    def _finish(self, packet: OpenPacket) -> None:
        """Check a packet that was here before a kill, or before the hub's database was lost."""
        with self._ledger.batch([packet.booth]):
            now = self._ledger.packet(packet.hash)
            if now is None or now.complete or not self._files.finish(packet.hash, packet.size):
                return
            self._ledger.packet_complete(packet.hash, clock.now())
        self._completed(packet)

    def _due(self, what: str, now: float, patience: float = REMIND_SECONDS) -> bool:
        """Tell whether something was not said lately, and note that it is said now."""
        if now - self._reminded.get(what, -patience) < patience:
            return False
        if len(self._reminded) > REMEMBERED:
            self._reminded.clear()
        self._reminded[what] = now
        return True

    def _say(self, booth: str, name: str, word: Report) -> None:
        self._link.publish(booth_topic(booth, name), word.payload())

    def _status(self, online: bool, at: str | None) -> bytes:
        return HubStatus(online=online, release=self._release, at=at).payload()
