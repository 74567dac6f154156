"""The booth's only loop: take an event, ask the pure parts, record, carry out the effects.

Everything durable is the journal and the vault, written in one transaction per event; `_reconcile` then makes
the workers do what the state asks for. After a kill the same fold and the same reconciling go on where the
person stood.
"""

import queue
import secrets
import time
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from edge import clock
from edge.booth import acquisition as finger
from edge.booth import channel, enrolment
from edge.booth.acquisition import Acquisition, Effect, Happened, Stage
from edge.booth.attendant import (
    AWAITED,
    RECORD,
    Presented,
    Presenting,
    attendant_fmr,
    awaited_before,
    ended,
    give_up,
    present,
)
from edge.booth.command_progress import ended as command_ended
from edge.booth.command_progress import ended_with
from edge.booth.commands import CommandDesk, Verdict
from edge.booth.crew import Aim, Asked, Crew
from edge.booth.enrolment import Enrolment, Entry
from edge.booth.figures import Figures, Standing
from edge.booth.handover import WAIT_ENDED
from edge.booth.hub_away import HubAway
from edge.booth.life import Life
from edge.booth.loading import keep_codes, recoded
from edge.booth.matcher_word import word_on
from edge.booth.open_shift import CLOSED, OVERDUE
from edge.booth.plan import plan_named, plan_names
from edge.booth.platen import OCCUPIED, Platen, What
from edge.booth.refusals import Refusals
from edge.booth.renewal import compared
from edge.booth.reporter import Reporter
from edge.booth.retention import PACKETS_PURGED, Running, overdue, purge_packets
from edge.booth.rolled_judging import RollJudged, judge_rolled
from edge.booth.room import Room, bytes_for
from edge.booth.scanner_standing import DEVICE_KEYS, Device, device_of
from edge.booth.sealing import OPEN_KINDS, accepted_templates, put_sample, put_slap, seal_enrolment
from edge.booth.shift import Shift
from edge.booth.slap_judging import SlapJudged, judge_slap, refuse
from edge.booth.slap_rule import FINGERS
from edge.booth.station import StationDesk
from edge.booth.station_answer import SETTLED_LATER
from edge.booth.supervisor import FromWorker, WorkerDied
from edge.booth.view import Around, ended_by, platen_sentence, state_of
from edge.booth.wire import FROM_HUB, BoothWire
from edge.errors import StoreBusy, VantayError
from edge.journal import Journal
from edge.keys import BoothKeys, read_key
from edge.messages import (
    COMMANDS,
    GALLERY_STATUS_TOPIC,
    HUB_STATUS_TOPIC,
    Acknowledgement,
    AttendantEnded,
    GalleryAnswer,
    GalleryStatus,
    HubStatus,
    PacketAcknowledgement,
    PacketWanted,
    Resend,
    State,
    Status,
    parse,
)
from edge.mqtt import Link, LinkDown, LinkUp, Received, Refused, Will
from edge.people import People
from edge.settings import BoothSettings
from edge.store import Store
from edge.tls import ends_soon
from edge.vault import EARLIER, ENROLLED_CODE, IDENTITY, STATED, TEMPLATE, Label, Vault, gallery_id
from edge.worklist import Worklist
from edge.worklist_purge import done, never_came, purge

SCANNER_READY = "scanner.ready"
UNKNOWN_FINGER = (
    "no finger of the operator who is logged in is registered, so that their own in a subject's place is not "
    "noticed: 'vantay people register-finger NAME --position 2 --supervisor NAME' registers one"
)
TICK_SECONDS = 0.25
PURGE_SECONDS, PURGED_AT_ONCE = 3600.0, 500  # of worklist and packets; of the worklist
LOADED_AT_ONCE = 200  # fingers of the gallery handed to the matcher between two events: some ms
STATE_SECONDS = 2.0  # how often the journal's progress alone is worth a new retained state


UNDER_WAY = (Stage.PLACE, Stage.HOLD, Stage.JUDGE)  # something is to come of the finger


class Stop:
    """Someone asked the daemon to end."""


class Runner:
    """One booth daemon."""

    def __init__(
        self, settings: BoothSettings, keys: BoothKeys, store: Store, log: Any, release: str
    ) -> None:
        self._settings, self._keys, self._store, self._log, self._release = (
            settings,
            keys,
            store,
            log,
            release,
        )
        self.mailbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._journal, self._vault = Journal(store), Vault(store, keys.vault)
        self._room = Room(store, settings.data / "booth.db")
        self._wire = BoothWire(settings.booth)
        self._people = People(self._vault)
        self._shift = Shift(settings.booth, self._people, self._journal)
        self._worklist = worklist = Worklist(self._vault, keys)
        self._link = Link(
            settings.broker,
            f"vantay-booth-{settings.booth}",
            self._wire.subscriptions(),
            self.mailbox.put,
            Will(self._wire.status, self._status(online=False, at=None)),
        )
        station_key = read_key(settings.station.key, secret=False) if settings.station else None
        self._station = StationDesk(settings, station_key, self._journal, self._vault, self._link.publish)
        self._desk = CommandDesk(
            settings, keys, self._journal, self._shift, worklist, self._vault, self._station
        )
        self._reporter = Reporter(self._wire, self._journal, self._vault, self._link.publish)
        self._refusals = Refusals()
        self._away, self._hub_online = "", False
        self._life, self._hub_away = Life(self._journal), HubAway()
        self._hub_there, self._hub_answered = False, False  # as far as is known; since the last look
        self._crew = Crew(settings, device_of(self._journal.last(SCANNER_READY)), self.mailbox.put, log)
        self._figures = Figures(settings.metrics_file, settings.data, log)
        self._enrolment: Enrolment | None = self._fold()
        last = self._journal.last(*enrolment.ENDS)
        self._ended = ended_by(last.kind, last.body) if last else None
        self._acquisition = Acquisition()
        self._platen = Platen()
        self._compares = "", 0  # the enrolment and the position of the comparison under way
        self._fingers: tuple[int, ...] = ()  # that were asked for
        self._rolled = False  # whether it is a roll that was asked for
        self._presenting: Presenting | None = None  # an attendant's finger; a restart ends it
        self._presented: list[bytes] = []  # its templates so far
        self._waits_since = 0.0  # for it, or since the last of its samples
        self._attended: AttendantEnded | None = None
        self._purged_at: float | None = None  # when the worklist was looked through
        self._packets_purged_at: float | None = None
        self._running = Running(store)
        self._loaded_to: int | None = None  # how far a new matcher has the gallery; None: all of it
        self._shown: State | None = None
        self._shown_at = 0.0
        self._locked = ""  # why nothing can be written just now
        store.on_busy = self._wait_for_file

    def run(self) -> None:
        """Serve until Stop is put into the mailbox."""
        standing = self._enrolment.id if self._enrolment else None
        if standing:
            self._room.take(self._room_wanted, begun=True)
        self._figures.started(self._settings.booth, self._release)
        self._record_start(standing)
        self._end_wait_of_before()
        self._end_command_of_before()
        self._link.start()
        self._crew.start()
        try:
            while not self._turn():
                pass
            self._record_stop()
        finally:
            self._link.publish(self._wire.status, self._status(False, clock.now()), retain=True)
            self._link.stop()
            self._crew.stop()

    def _record_start(self, standing: str | None) -> None:
        last_alive = self._life.last_alive(self._working)
        said = {"enrolment": standing, "last_alive": last_alive}
        with self._store.transaction():
            self._record([("booth.started", {"release": self._release, **said})])
            self._life.begin(time.monotonic(), clock.now(), clock.reading())

    def _record_stop(self) -> None:
        """Say that this is an end as it should be, where that can be written without waiting."""
        with suppress(VantayError):
            with self._store.at_once():
                self._record([("booth.stopped", {})])
            self._reporter.work(time.monotonic())

    @property
    def _working(self) -> bool:
        """Whether somebody works here: an enrolment, or a shift of this business day."""
        shift = self._desk.shifts.current
        return self._enrolment is not None or (shift is not None and not shift.overdue)

    def _turn(self) -> bool:
        """Take one event or let a tick pass; tell whether to end."""
        try:
            event: object = self.mailbox.get(timeout=TICK_SECONDS if self._loaded_to is None else 0)
        except queue.Empty:
            event = None
        if isinstance(event, Stop):
            return True
        now = time.monotonic()
        self._locked = ""
        self._handle(event, now)
        self._end_wait(now)
        self._keep_room(now)
        self._keep_shift()
        if counted := self._desk.refused.counted(clock.now()):
            self._record(counted)
        self._purge_worklist(now)
        self._purge_packets(now)
        self._fill_gallery()
        self._crew.watch(now)
        if not self._link.alive:
            raise VantayError("the MQTT thread ended: the daemon must be started again")
        if entries := self._station.work(self._enrolment, now):
            self._record(entries)
        self._compare_earlier()
        self._reconcile(now)
        self._refusals.work(now)
        if sentence := self._refusals.silence(self._reporter.unheard(now), self._hub_online):
            self._log.warning("no acknowledgement", reason=sentence)
        self._show(now)  # before the reports: a broker that refuses one hangs up
        self._reporter.work(now)
        self._look_for_hub(now)
        self._life.mark(now, clock.now(), clock.reading())
        if self._figures.due(now):
            self._figures.write(now, self._standing(now))
        return False

    def _handle(self, event: object, now: float) -> None:
        match event:
            case Received():
                self._received(event, now)
            case LinkUp(version):
                self._log.info("broker connected", mqtt=version)
                if soon := ends_soon(self._settings.broker, clock.moment()):
                    self._log.warning("certificate", reason=soon)
                self._away = ""
                self._link.publish(self._wire.status, self._status(True, clock.now()), retain=True)
                self._shown = None
                self._figures.connected(True)
                self._reporter.link_up(now)
            case LinkDown(reason) if reason != self._away:
                self._away, self._hub_there = reason, False
                self._log.info("broker away", reason=reason)
                self._figures.connected(False)
            case Refused(topic, reason):
                if sentence := self._refusals.refused(topic, reason, now):
                    self._log.error("publish refused", topic=topic, reason=sentence)
            case FromWorker(worker, _, message, blobs) if self._crew.is_current(event):
                if worker == "scanner":
                    self._crew.heard_scanner(now)
                self._from_worker(message, blobs)
            case WorkerDied() if self._crew.is_current(event):
                self._worker_died(event, now)

    # what comes over the wire

    def _received(self, message: Received, now: float) -> None:
        if message.topic == HUB_STATUS_TOPIC:
            self._hub_says(message)
            return
        if message.topic == GALLERY_STATUS_TOPIC:
            self._gallery_says(message)
            return
        name = self._wire.name_of(message.topic)
        if name.startswith("command/"):
            self._command(name.removeprefix("command/"), message.payload)
            return
        try:
            word = parse(FROM_HUB[name], message.payload)
        except (KeyError, ValueError) as error:
            self._log.warning("a message was dropped", topic=message.topic, reason=str(error))
            return
        match word:
            case Acknowledgement():
                self._acknowledged(word, now)
            case Resend():
                self._reporter.resend(word)
            case PacketWanted():
                self._packet_wanted(word, now)
            case PacketAcknowledgement():
                self._packet_arrived(word, now)
            case GalleryAnswer():
                self._station_answered(word)

    def _acknowledged(self, word: Acknowledgement, now: float) -> None:
        before = self._reporter.acknowledged
        if wrong := self._reporter.acknowledge(word, now):
            self._figures.metrics.count("vantay_booth_acknowledgements_refused_total")
            self._log.error("acknowledgement refused", reason=wrong)
            return
        waited = self._reporter.waited
        self._hub_there = self._hub_answered = True
        self._figures.acknowledged(waited)
        self._log.info(
            "acknowledgement",
            seq=word.seq,
            entries=max(0, word.seq - before),
            backlog=self._journal.tail()[0] - self._reporter.acknowledged,
            milliseconds=round(1000 * max(waited)) if waited else None,
        )

    def _hub_says(self, message: Received) -> None:
        try:
            status: HubStatus = parse(HubStatus, message.payload)
        except ValueError as error:
            self._log.warning("a message was dropped", topic=message.topic, reason=str(error))
            return
        self._hub_online = self._hub_there = status.online
        if status.online:
            self._reporter.greet()

    def _look_for_hub(self, now: float) -> None:
        """Record for how long there was work without the hub, once it answers again."""
        away = not self._hub_there or self._reporter.waits
        answered, self._hub_answered = self._hub_answered, False
        if entries := self._hub_away.look(now, clock.now(), away, answered, self._working):
            self._record(entries)

    def _gallery_says(self, message: Received) -> None:
        try:
            status: GalleryStatus = parse(GalleryStatus, message.payload)
        except ValueError as error:
            self._log.warning("a message was dropped", topic=message.topic, reason=str(error))
            return
        self._station.heard(status.online, message.retained)

    def _station_answered(self, word: GalleryAnswer) -> None:
        """Record what the station says of a finger, or of a sealed record."""
        if word.refused is not None:
            self._log.error("the station's gallery refuses", reason=word.refused)
        entries = self._station.take(word, self._enrolment)
        self._record(entries)
        for kind, body in entries:
            if kind == SETTLED_LATER and body["known_as"]:
                self._log.error("enrolled before, found after sealing", enrolment=body["enrolment"])

    def _command(self, name: str, payload: bytes) -> None:
        clock_is_set = clock.reading().synchronised
        if name == "enrol" and self._enrolment is None:
            self._room.take(self._room_wanted)
        verdict = self._desk.judge(
            name, payload, self._enrolment, clock.now(), self._trouble, clock_is_set, self._presenting
        )
        try:
            self._keep(verdict)
        except StoreBusy as busy:
            self._log.warning("file locked", reason=str(busy))
            refused = self._desk.put_off(name, payload, verdict.reply, str(busy))
            self._link.publish(self._wire.reply, refused.payload())
            return
        if verdict.presented:
            self._await_attendant(verdict.presenting, verdict.attended)
        reply = verdict.reply
        known = name if name in COMMANDS else "unknown"  # a topic may say anything
        self._log.info("command", command=known, outcome=reply.outcome, reason=reply.reason)
        self._link.publish(self._wire.reply, reply.payload())

    def _keep(self, verdict: Verdict) -> None:
        """Write down what becomes of a command; StoreBusy, and nothing, while another program writes."""
        if not verdict.entries:
            return  # it was answered before, or is too broken to be remembered
        with self._store.transaction(wait=False):
            self._record(verdict.entries, verdict.reply.at)
            if verdict.identity:
                new, number = verdict.identity
                self._vault.put(Label(f"{new.id}.{IDENTITY}", IDENTITY, new.id, new.subject), number.encode())
                for position, template in verdict.earlier.items():
                    label = Label(f"{new.id}.{EARLIER}-{position}", EARLIER, new.id, new.subject, position)
                    self._vault.put(label, template)
                if verdict.stated:
                    self._vault.put(Label(f"{new.id}.{STATED}", STATED, new.id, new.subject), verdict.stated)
            if any(kind == enrolment.ABANDONED for kind, _ in verdict.entries):
                self._vault.purge(verdict.entries[0][1]["enrolment"], *OPEN_KINDS)

    @property
    def _room_wanted(self) -> int:
        """How many bytes the present enrolment needs at most, or the next one."""
        of_this = self._enrolment.plan if self._enrolment else ""
        return bytes_for(plan_named(of_this if of_this in plan_names() else self._settings.plan.name))

    def _keep_room(self, now: float) -> None:
        """Have room set aside for as long as somebody is enrolled."""
        if self._enrolment:
            self._room.keep(self._room_wanted, now)
        elif self._room.held:
            self._room.give_back(now)
        each = bytes_for(plan_named(self._settings.plan.name))
        if self._enrolment is None:
            self._room.look(each)
        if self._room.runs_short(each, self._settings.disk_warning):
            self._log.warning("disk nearly full", reason=self._room.notice)

    def _keep_shift(self) -> None:
        """Tell of a shift whose business day is over, and close it in the end."""
        if self._desk.shifts.current is None:
            return
        clock_is_set = clock.reading().synchronised
        if entries := self._desk.shifts.by_rule(clock.moment(), clock_is_set, self._enrolment):
            told = any(kind == OVERDUE for kind, _ in entries)  # just now: nobody logged in since
            closed = any(kind == CLOSED for kind, _ in entries)
            goes = closed and (told or self._shift.is_of_before)
            self._record([*entries, *(self._shift.leaves if goes else ())])
            for kind, body in entries:
                self._log.warning(kind, shift=body["shift"], day=body["day"])

    def _purge_worklist(self, now: float) -> None:
        """Every hour take some who are done, or never came, off the worklist, by a clock that is set."""
        if self._purged_at is not None and now - self._purged_at < PURGE_SECONDS:
            return
        self._purged_at = now
        if not clock.reading().synchronised:
            return
        rules, moment = self._settings.worklist, clock.moment()
        keep = timedelta(days=rules.keep_days)
        served = done(self._journal, self._vault, self._worklist, moment, keep, True)[:PURGED_AT_ONCE]
        waited = never_came(self._journal, self._worklist, moment.date(), rules.keep_waiting_days)
        subjects = [*served, *waited[: PURGED_AT_ONCE - len(served)]]
        with self._store.transaction():
            if undated := self._worklist.without_day(PURGED_AT_ONCE):
                self._worklist.renew(undated, moment.date())
            if subjects:
                self._record([purge(self._worklist, subjects, len(served), by_rule=True)])
        if subjects:
            self._log.info("worklist purged", entries=len(subjects))

    def _purge_packets(self, now: float) -> None:
        """Every hour destroy the packets that the hub has had for long enough."""
        if self._packets_purged_at is not None and now - self._packets_purged_at < PURGE_SECONDS:
            return
        self._packets_purged_at = now
        ran, is_set = self._running.seconds(now), clock.reading().synchronised
        with self._store.transaction():
            self._running.keep(now)
            purged = purge_packets(self._vault, clock.moment(), self._keep_packets, is_set, ran)
            if purged:
                self._record([(PACKETS_PURGED, {"packets": list(purged)})])
        if purged:
            self._log.info("packets purged", packets=len(purged))

    @property
    def _keep_packets(self) -> timedelta:
        return timedelta(days=self._settings.packets.keep_days)

    def _packet_wanted(self, word: PacketWanted, now: float) -> None:
        """Send a piece of a packet; the time of one that the hub had, and lost, begins anew."""
        with self._store.transaction():
            self._vault.renew_packet(word.packet, self._since, self._running.seconds(now))
        self._reporter.send_packet(word)

    @property
    def _since(self) -> str | None:
        """The time, where a clock can say it."""
        return clock.now() if clock.reading().synchronised else None

    def _packet_arrived(self, word: PacketAcknowledgement, now: float) -> None:
        """Have the packet's time run: not before the hub has the entry that announced it, and its size."""
        sealing = self._journal.sealing_of(word.packet)
        if not sealing or sealing.seq > self._reporter.acknowledged or sealing.body["size"] != word.size:
            self._log.warning("packet acknowledgement refused", packet=word.packet, size=word.size)
            return
        with self._store.transaction():
            if self._vault.take_packet(word.packet, self._since, self._running.seconds(now)):
                self._packets_purged_at = None  # there may be nothing to wait for
                self._record([("packet.acknowledged", {"packet": word.packet, "size": word.size})])
                self._log.info(
                    "packet",
                    packet=word.packet,
                    enrolment=sealing.body["enrolment"],
                    size=word.size,
                    seq=sealing.seq,
                )

    # what comes from the workers

    def _from_worker(self, message: channel.Message, blobs: list[bytes]) -> None:
        crew = self._crew
        match message:
            case channel.ScannerReady():
                self._record([(SCANNER_READY, crew.scanner_ready(message))])
                self._advance(Happened.SCANNER_BACK)
            case channel.ScannerFault():
                self._record([("scanner.fault", crew.scanner_fault(message))])
                self._advance(Happened.SCANNER_LOST)
            case channel.Alive(processes=processes):
                crew.scanner.lives(processes)
            case channel.Finger(token=token, on=on) if crew.is_ordered(token):
                if not on:
                    self._platen_was(self._platen.lifted(token))
                self._advance(Happened.FINGER_ON if on else Happened.FINGER_OFF)
            case channel.Occupied(token=token) if crew.is_ordered(token):
                self._platen.occupied(token)
                self._advance(Happened.OCCUPIED)
            case channel.Presented(token=token, fault=fault) if crew.is_ordered(token):
                crew.presented(fault)
                self._platen_was(self._platen.presented(token, fault))
            case channel.Captured(token=token) if crew.is_ordered(token):
                crew.scanner.served()
                crew.keep_question(message, blobs[0], self._asked())
                self._advance(Happened.CAPTURED)
            case channel.MatcherReady():
                self._loaded_to = 0
            case channel.Fetch():
                crew.hand_over([self._enrolled(finger) for finger in message.fingers])
            case channel.Recoded():
                recoded(message, blobs[0], partial(keep_codes, self._store, self._vault), self._log)
            case channel.Examined(token=token) if (device := crew.take_answer(token)) is not None:
                if self._presenting:
                    self._attendant_judged(self._presenting, message, blobs, device)
                else:
                    self._judged(message, blobs, device)
            case channel.ExaminedSlap(token=token) if (device := crew.take_answer(token)) is not None:
                self._slap_judged(message, blobs, device)
            case channel.Compared(token=token) if crew.take_comparison(token):
                self._compared(message)
            case channel.NotTaken(token=token) if (device := crew.take_answer(token)) is not None:
                self._not_taken(message, device)

    def _platen_was(self, what: What | None) -> None:
        """Record that the platen was not empty where it should be."""
        if what is None:
            return
        body = {
            "enrolment": self._enrolment.id if self._enrolment and not self._presenting else None,
            "position": self._acquisition.position,
            "what": what,
            "text": platen_sentence(what == "ghost"),
            "device": self._crew.scanner.device or {},
        }
        self._record([(OCCUPIED, body)])

    def _asked(self) -> Asked:
        """What the picture is to show that was just taken: a subject's finger, or one of no enrolment."""
        current, presenting, position = self._enrolment, self._presenting, self._acquisition.position
        attendants = [(name, template, "vantay") for name, _, template in self._people.fingers()]
        if presenting:
            attendants += [("", template, "vantay") for template in self._presented]
            if presenting.holder:
                attendants = presenting.templates
            fmr = presenting.fmr or self._attendant_fmr(len(attendants))
            return Asked(position, Aim.ATTEND, attendants=attendants, attendant_fmr=fmr)
        if current is None:  # it ended while the picture was under way
            return Asked(position)
        return Asked(
            position,
            Aim.ROLL if self._rolled else Aim.CONFIRM if current.confirming else Aim.CAPTURE,
            accepted_templates(self._vault, current),
            tuple(current.hits),
            current.renews,
            self._fingers,
            attendants,
            self._attendant_fmr(len(attendants)),
        )

    def _attendant_fmr(self, templates: int) -> float:
        impressions = plan_named(self._settings.plan.name).impressions
        return attendant_fmr(self._settings.comparison.attendant_fpir, impressions, templates)

    def _await_attendant(self, presenting: Presenting | None, attended: AttendantEnded | None = None) -> None:
        """Begin with an attendant's finger, or end it; a sample under way is void."""
        self._presenting, self._presented, self._attended = presenting, [], attended
        self._waits_since = time.monotonic()
        if self._acquisition.stage in UNDER_WAY:
            self._advance(Happened.CANCEL)

    def _end_wait(self, now: float) -> None:
        """Wait no longer for a finger of no enrolment that nobody shows."""
        current, limit = self._presenting, self._settings.finger_wait_seconds
        if current is None or now - self._waits_since <= limit:
            return
        if self._acquisition.stage in (Stage.HOLD, Stage.JUDGE):
            return
        told = f"{limit / 60:g} minutes" if limit >= 120 and limit % 60 == 0 else f"{limit:g} seconds"
        entry, shown = give_up(current, f"nobody showed a finger within {told}")
        self._record([entry, *ended_with(shown)])
        self._await_attendant(None, shown)
        self._log.info("attendant", purpose=current.purpose, taken=0, done=False)

    def _end_wait_of_before(self) -> None:
        """Say that the card's holder whom the last life of the booth waited for is waited for no longer."""
        begun = self._journal.last(AWAITED)
        if begun and begun.seq > self._journal.last_of(*WAIT_ENDED):
            given_up, self._attended = give_up(awaited_before(begun.body), "the booth was started again")
            self._record([given_up, *ended_with(self._attended)])

    def _end_command_of_before(self) -> None:
        """Say of a command that the last life of the booth was at that it failed; an enrolment goes on."""
        running = self._desk.progress.running
        if running and not (running.command == "enrol" and self._enrolment):
            self._record([command_ended(running.request_id, False, "the booth was started again")])

    def _attendant_judged(
        self, current: Presenting, answer: channel.Examined, blobs: list[bytes], device: Device
    ) -> None:
        scores = {hit.person: hit.score for hit in answer.attendants}  # the best of each
        persons = set(scores)
        facts = {"device": device, **self._crew.attack, "quality": answer.quality}
        facts["score"] = scores.get(current.person)
        if current.record:
            facts["record_score"] = scores.get(RECORD)
        before = "" in persons
        sample = Presented(answer.quality, answer.hint, frozenset(persons - {""}), before, facts)
        self._present(current, sample, blobs)

    def _present(self, current: Presenting, sample: Presented, blobs: list[bytes]) -> None:
        outcome = present(current, sample)
        shown = ended(current, outcome.done, outcome.met)
        if outcome.keep:
            self._presented.append(blobs[1])
        with self._store.transaction():
            if outcome.keep and outcome.presenting is None:
                self._people.register(current.person, current.position, self._presented)
            over = ended_with(shown) if outcome.presenting is None else []
            self._record([*outcome.entries, *over])
        self._presenting, self._waits_since = outcome.presenting, time.monotonic()
        if self._presenting is None:
            self._presented, self._attended = [], shown
        self._log.info("attendant", purpose=current.purpose, taken=len(self._presented), done=outcome.done)
        self._advance(Happened.JUDGED)

    def _judged(self, answer: channel.Examined, blobs: list[bytes], device: Device) -> None:
        current, position = self._enrolment, self._acquisition.position
        assert current is not None
        facts = {"device": device, **self._crew.attack}
        event = word_on(current.id, position, secrets.token_hex(8), answer, facts, self._settings.comparison)
        if current.rolling:
            entries = judge_rolled(current, RollJudged(event, answer.issues, answer.sentence))
        else:
            entries = enrolment.judge(current, event)
        with self._store.transaction():
            self._record(entries)
            if entries[0][1]["decision"] in enrolment.KEPT:
                put_sample(self._vault, current, position, event.sample, blobs)
        self._log_acquisition(
            entries[0][1], position, device, answer.quality, answer.minutiae, answer.milliseconds
        )
        self._advance(Happened.JUDGED)

    def _log_acquisition(
        self,
        attempt: enrolment.Body,
        position: int,
        device: Device,
        quality: int | None,
        minutiae: int | None,
        milliseconds: float,
    ) -> None:
        self._log.info(
            "acquisition",
            enrolment=attempt["enrolment"],
            position=position,
            attempt=attempt["attempt"],
            decision=attempt["decision"],
            quality=quality,
            hint=attempt["hint"],
            minutiae=minutiae,
            device=device.get("model"),
            **{key: device.get(key) for key in DEVICE_KEYS},
            milliseconds=milliseconds,
        )

    def _slap_judged(self, answer: channel.ExaminedSlap, blobs: list[bytes], device: Device) -> None:
        current, slap = self._enrolment, self._acquisition.position
        assert current is not None
        limits = self._settings.comparison
        fingers = tuple(
            word_on(current.id, one.position, secrets.token_hex(8), one, {}, limits) for one in answer.fingers
        )
        facts = {"device": device, "certainty": answer.certainty, **self._crew.attack}
        event = SlapJudged(current.id, slap, secrets.token_hex(8), answer.hand, fingers, facts)
        entries = judge_slap(current, event)
        with self._store.transaction():
            self._record(entries)
            if entries[0][1]["decision"] in enrolment.KEPT:
                put_slap(self._vault, current, slap, event.sample, blobs[0])
                for number, one in enumerate(fingers):
                    own = blobs[1 + 4 * number : 5 + 4 * number]
                    put_sample(self._vault, current, one.position, one.sample, own)
        worst = min(one.quality for one in answer.fingers)
        minutiae = sum(one.minutiae for one in answer.fingers)
        self._log_acquisition(entries[0][1], slap, device, worst, minutiae, answer.milliseconds)
        self._advance(Happened.JUDGED)

    def _not_taken(self, answer: channel.NotTaken, device: Device) -> None:
        """Ask again for what is not on the picture."""
        if self._presenting:
            self._present(
                self._presenting, Presented(0, answer.reason, frozenset(), False, {"device": device}), []
            )
            return
        assert self._enrolment is not None
        position = self._acquisition.position
        entries = refuse(self._enrolment, position, answer.reason, {"device": device, **self._crew.attack})
        self._record(entries)
        self._log_acquisition(entries[0][1], position, device, None, None, answer.milliseconds)
        self._advance(Happened.JUDGED)

    def _compare_earlier(self) -> None:
        """Have an accepted finger compared with the earlier record's."""
        current = self._enrolment
        if current is None or (position := current.to_compare) is None:
            return
        probe = self._vault.get(f"{current.accepted[position].sample}.{TEMPLATE}")
        candidate = self._vault.get(f"{current.id}.{EARLIER}-{position}")
        if self._crew.compare(probe, candidate, self._settings.comparison.renewal_fmr):
            self._compares = current.id, position

    def _compared(self, answer: channel.Compared) -> None:
        name, position = self._compares
        current = self._enrolment if self._enrolment and self._enrolment.id == name else None
        facts = {
            "score": answer.score,
            "rate": answer.rate,
            "fmr": self._settings.comparison.renewal_fmr,
        }
        self._record(compared(current, position, answer.match, facts))

    def _worker_died(self, event: WorkerDied, now: float) -> None:
        if event.worker == "matcher":
            self._loaded_to = None
        lost = self._crew.bury(event, now)
        self._record([("worker.died", {"worker": event.worker})])
        if event.worker == "scanner":
            self._advance(Happened.SCANNER_LOST)
        elif lost:
            self._log_lost("matcher-lost")
            self._advance(Happened.MATCHER_LOST)

    def _log_lost(self, why: str) -> None:
        """One line for an acquisition of which nothing came."""
        self._log.info(
            "acquisition",
            enrolment=self._enrolment.id if self._enrolment else None,
            position=self._acquisition.position,
            decision=why,
            **dict.fromkeys(
                ("attempt", "quality", "hint", "minutiae", "device", *DEVICE_KEYS, "milliseconds")
            ),
        )

    # effects

    def _advance(self, happened: Happened) -> None:
        self._acquisition, effects = finger.advance(self._acquisition, happened)
        self._carry_out(effects)

    def _carry_out(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case Effect.ARM:
                    self._crew.arm(self._rolled)
                case Effect.DISARM:
                    self._crew.disarm()
                case Effect.EXAMINE:
                    self._crew.put_question()

    def _reconcile(self, now: float) -> None:
        """Make scanner and acquisition do what the enrolment asks for."""
        current, stage = self._enrolment, self._acquisition.stage
        presenting = self._presenting
        wanted = presenting.position if presenting else current.wanted() if current else None
        if current and self._room.trouble:
            wanted = None
        busy = stage in UNDER_WAY
        fingers = current.fingers_of(wanted) if current and not presenting and wanted in FINGERS else ()
        rolled = bool(current and current.rolling and not presenting)
        asked = self._acquisition.position, self._fingers, self._rolled
        if busy and (wanted is None or (wanted, fingers, rolled) != asked):
            self._log_lost("cancelled")
            self._advance(Happened.CANCEL)
        if current and current.closed and presenting is None:
            if self._station.holds(current, now):
                return
            with self._store.transaction():
                told = self._journal.read(self._journal.last_of(*enrolment.ENDS))
                booth, at = self._settings.booth, clock.now()
                self._record(seal_enrolment(booth, at, current, self._vault, self._keys, told))
            self._log.info("sealed", enrolment=current.id, outcome=current.outcome)
            self._load_gallery(current)
        elif wanted is not None and self._acquisition.stage is Stage.REST and self._crew.equipment.ready:
            self._fingers, self._rolled = fingers, rolled
            self._acquisition, effects = finger.request(self._acquisition, wanted)
            self._carry_out(effects)

    def _fill_gallery(self) -> None:
        """Hand the matcher the next of those enrolled; once it has all, it may be asked."""
        if self._loaded_to is None:
            return
        fingers, self._loaded_to = self._vault.gallery_page(self._loaded_to, LOADED_AT_ONCE)
        if fingers:
            self._crew.load(fingers)
        else:
            self._loaded_to = None
            self._crew.matcher_ready()

    def _load_gallery(self, done: Enrolment) -> None:
        if codes := list(self._vault.all_of(ENROLLED_CODE, done.id)):
            self._crew.load(codes)

    def _enrolled(self, finger: channel.GalleryFinger) -> bytes:
        """Return the template of an enrolled finger, nothing of one that cannot be read."""
        try:
            return self._vault.get(gallery_id(finger.enrolment, finger.position))
        except VantayError as error:
            self._log.error("an enrolled finger is not compared", reason=str(error))
            return b""

    # journal and view

    def _fold(self) -> Enrolment | None:
        """Read back where the person stood: everything since the last enrolment ended."""
        entries = self._journal.read(self._journal.last_of(*enrolment.ENDS))
        return enrolment.fold((entry.kind, entry.body) for entry in entries)

    def _wait_for_file(self, seconds: float) -> None:
        """Say that another program keeps the file locked; what is to be written waits for it."""
        if not self._locked:
            self._locked = "another program keeps the booth's file locked: wait until it has ended"
            self._log.warning("file locked", reason=self._locked)
            self._show(time.monotonic())
        self._crew.excuse(seconds)

    def _record(self, entries: list[Entry], at: str | None = None) -> None:
        at, reading = at or clock.now(), clock.reading()
        entries = [*entries, *self._desk.progress.ends(entries)]
        with self._store.transaction():
            for kind, body in entries:
                self._journal.append(kind, body, at, reading)
                self._station.recorded(kind, body)
        self._enrolment = enrolment.fold(entries, self._enrolment)
        for kind, body in entries:
            self._figures.recorded(kind, body)
            self._desk.progress.recorded(kind)
            if kind in enrolment.ENDS:
                self._ended = ended_by(kind, body)
                self._crew.scanner.enrolment_ended()

    def _show(self, now: float) -> None:
        around = Around(
            booth=self._settings.booth,
            at=clock.now(),
            last_seq=self._journal.tail()[0],
            acknowledged_seq=self._reporter.acknowledged,
            ended=self._ended,
            operator=self._shift.operator,
            login_key=self._shift.key,
            asks=self._desk.asks,
            presenting=self._presenting,
            attendant_ended=self._attended,
            shift=self._desk.shifts.shown,
            shift_wanted=self._desk.shifts.wanted,
            trouble=self._trouble,
            notices=tuple(self._notices),
            station=self._station.standing,
            unsettled_enrolments=self._station.unsettled,
            found_later=tuple(self._station.alarms),
            commands=tuple(self._desk.progress.shown),
        )
        state = state_of(around, self._enrolment, self._acquisition, self._crew.equipment)
        quiet = {"at", "last_seq", "acknowledged_seq"}
        before = self._shown
        same = before is not None and before.model_dump(exclude=quiet) == state.model_dump(exclude=quiet)
        moved = before is None or before.model_dump(exclude={"at"}) != state.model_dump(exclude={"at"})
        if same and not (moved and now - self._shown_at > STATE_SECONDS):
            return
        if self._link.publish(self._wire.state, state.payload(), retain=True):
            self._shown, self._shown_at = state, now

    def _standing(self, now: float) -> Standing:
        equipment = self._crew.equipment
        return Standing(
            self._journal.tail()[0],
            self._reporter.acknowledged,
            self._vault.packets_waiting(),
            overdue(self._vault, self._keep_packets, self._running.seconds(now)),
            equipment.scanner == "ready",
            equipment.matcher == "ready",
            self._trouble is not None,
        )

    @property
    def _trouble(self) -> str | None:
        """Why nobody should be enrolled here now."""
        crew = self._crew.scanner.trouble or self._refusals.trouble
        return self._locked or self._reporter.fork or self._room.trouble or crew

    @property
    def _notices(self) -> list[str]:
        """What somebody has to see to before it is a trouble."""
        said = [self._room.notice] if self._room.notice else []
        operator = self._shift.operator
        return [*said, UNKNOWN_FINGER] if operator and not self._people.positions_of(operator) else said

    def _status(self, online: bool, at: str | None) -> bytes:
        return Status(booth=self._settings.booth, online=online, release=self._release, at=at).payload()
