"""The booth's only loop: take an event, ask the pure parts, record, carry out the effects.

Everything durable is the journal and the vault, written in one transaction per event; `_reconcile` then makes
the workers do what the state asks for. After a kill the same fold and the same reconciling go on where the
person stood.
"""

import queue
import secrets
import time
from typing import Any

from edge import clock
from edge.booth import acquisition as finger
from edge.booth import channel, enrolment
from edge.booth.acquisition import Acquisition, Effect, Happened, Stage
from edge.booth.commands import CommandDesk
from edge.booth.enrolment import Enrolment, Entry, SampleJudged
from edge.booth.reporter import Reporter
from edge.booth.sealing import OPEN_KINDS, accepted_templates, put_sample, seal_enrolment
from edge.booth.supervisor import FromWorker, Worker, WorkerDied
from edge.booth.view import Equipment, state_of
from edge.booth.wire import FROM_HUB, BoothWire
from edge.errors import VantayError
from edge.journal import Journal
from edge.keys import BoothKeys
from edge.messages import Acknowledgement, PacketAcknowledgement, PacketWanted, Resend, State, Status, parse
from edge.mqtt import Link, LinkDown, LinkUp, Received, Will
from edge.settings import BoothSettings
from edge.store import Store
from edge.vault import ENROLLED, IDENTITY, Label, Vault

TICK_SECONDS = 0.25
STATE_SECONDS = 2.0  # how often the journal's progress alone is worth a new retained state
JUDGE_SECONDS = 20.0  # a matcher that has not answered by then is started again


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
        self._wire = BoothWire(settings.booth)
        self._desk = CommandDesk(settings, keys, self._journal)
        self._link = Link(
            settings.broker,
            f"vantay-booth-{settings.booth}",
            self._wire.subscriptions(),
            self.mailbox.put,
            Will(self._wire.status, self._status(online=False)),
        )
        self._reporter = Reporter(self._wire, self._journal, self._vault, self._link.publish)
        scanner = [settings.scanner.where, str(settings.scanner.poll_seconds)]
        self._scanner = Worker("scanner", scanner, self.mailbox.put)
        self._matcher = Worker("matcher", [], self.mailbox.put)
        self._equipment = Equipment()
        self._device: dict[str, Any] = {}
        self._enrolment: Enrolment | None = self._fold()
        self._acquisition = Acquisition()
        self._token = 0  # of the order the scanner works on
        self._question: tuple[channel.Examine, list[bytes]] | None = None
        self._asked_at: float | None = None  # when the matcher was asked
        self._shown: State | None = None
        self._shown_at = 0.0

    def run(self) -> None:
        """Serve until Stop is put into the mailbox."""
        standing = self._enrolment.id if self._enrolment else None
        self._record([("booth.started", {"release": self._release, "enrolment": standing})])
        self._link.start()
        self._scanner.start()
        self._matcher.start()
        try:
            while not self._turn():
                pass
        finally:
            self._link.publish(self._wire.status, self._status(online=False), retain=True)
            self._link.stop()
            self._scanner.stop()
            self._matcher.stop()

    def _turn(self) -> bool:
        """Take one event or let a tick pass; tell whether to end."""
        try:
            event: object = self.mailbox.get(timeout=TICK_SECONDS)
        except queue.Empty:
            event = None
        if isinstance(event, Stop):
            return True
        now = time.monotonic()
        self._handle(event, now)
        self._watch(now)
        self._reconcile()
        self._reporter.work(now)
        self._show(now)
        return False

    def _handle(self, event: object, now: float) -> None:
        match event:
            case Received():
                self._received(event, now)
            case LinkUp(version):
                self._log.info("broker connected", mqtt=version)
                self._link.publish(self._wire.status, self._status(online=True), retain=True)
                self._shown = None
                self._reporter.link_up(now)
            case LinkDown(reason):
                self._log.info("broker away", reason=reason)
            case FromWorker("scanner", life, message, blobs) if life == self._scanner.life:
                self._from_scanner(message, blobs)
            case FromWorker("matcher", life, message, blobs) if life == self._matcher.life:
                self._from_matcher(message, blobs)
            case WorkerDied(worker, life):
                self._worker_died(worker, life, now)

    # what comes over the wire

    def _received(self, message: Received, now: float) -> None:
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
                if wrong := self._reporter.acknowledge(word, now):
                    self._log.error("acknowledgement refused", reason=wrong)
            case Resend():
                self._reporter.resend(word)
            case PacketWanted():
                self._reporter.send_packet(word)
            case PacketAcknowledgement():
                self._packet_arrived(word)

    def _command(self, name: str, payload: bytes) -> None:
        verdict = self._desk.judge(name, payload, self._enrolment, clock.now())
        with self._store.transaction():
            self._record(verdict.entries)
            if verdict.identity:
                new, number = verdict.identity
                self._vault.put(Label(f"{new.id}.{IDENTITY}", IDENTITY, new.id, new.subject), number.encode())
            if any(kind == enrolment.ABANDONED for kind, _ in verdict.entries):
                self._vault.purge(verdict.entries[0][1]["enrolment"], *OPEN_KINDS)
        reply = verdict.reply
        self._log.info("command", command=name, outcome=reply.outcome, reason=reply.reason)
        self._link.publish(self._wire.reply, reply.payload())

    def _packet_arrived(self, word: PacketAcknowledgement) -> None:
        with self._store.transaction():
            if self._vault.purge_packet(word.packet):
                self._record([("packet.acknowledged", {"packet": word.packet, "size": word.size})])

    # what comes from the workers

    def _from_scanner(self, message: channel.Message, blobs: list[bytes]) -> None:
        match message:
            case channel.ScannerReady():
                self._device = message.model_dump(mode="json", include={"model", "serial", "location"})
                name = f"{message.model} {message.serial} at {message.location}"
                self._equip(scanner="ready", device=name)
                self._record([("scanner.ready", {**self._device, "firmware": message.firmware})])
                self._advance(Happened.SCANNER_BACK)
            case channel.ScannerFault(kind=kind, detail=detail):
                self._equip(scanner=f"{kind}: {detail}", device=None)
                self._record([("scanner.fault", {"fault": kind, "detail": detail})])
                self._advance(Happened.SCANNER_LOST)
            case channel.Finger(token=token, on=on) if token == self._token:
                self._advance(Happened.FINGER_ON if on else Happened.FINGER_OFF)
            case channel.Occupied(token=token) if token == self._token:
                self._advance(Happened.OCCUPIED)
            case channel.Captured(token=token) if token == self._token:
                self._question = self._ask(message, blobs[0])
                self._advance(Happened.CAPTURED)

    def _ask(self, frame: channel.Captured, pixels: bytes) -> tuple[channel.Examine, list[bytes]]:
        assert self._enrolment is not None
        templates = accepted_templates(self._vault, self._enrolment)
        comparison = self._settings.comparison
        question = channel.Examine(
            token=self._token,
            position=self._acquisition.position,
            width=frame.width,
            height=frame.height,
            ppi=frame.ppi,
            accepted=tuple(templates),
            same_finger_fmr=comparison.same_finger_fmr,
            already_enrolled_fmr=comparison.already_enrolled_fmr,
        )
        return question, [pixels, *templates.values()]

    def _from_matcher(self, message: channel.Message, blobs: list[bytes]) -> None:
        match message:
            case channel.MatcherReady():
                for label, template in self._vault.all_of(ENROLLED):
                    self._matcher.send(channel.Load(subject=label.subject, position=label.position), template)
                self._equip(matcher="ready")
                self._put_question()
            case channel.Examined(token=token) if self._question and token == self._token:
                self._question, self._asked_at = None, None
                self._judged(message, blobs)

    def _judged(self, answer: channel.Examined, blobs: list[bytes]) -> None:
        current, position = self._enrolment, self._acquisition.position
        assert current is not None
        event = SampleJudged(
            enrolment=current.id,
            position=position,
            sample=secrets.token_hex(8),
            quality=answer.quality,
            hint=answer.hint,
            same_finger_as=tuple(hit.position for hit in answer.same_finger),
            already=tuple(hit.subject for hit in answer.already if hit.subject),
            facts={
                "device": self._device,
                "minutiae": answer.minutiae,
                "parts": answer.parts,
                "scores": [hit.model_dump() for hit in (*answer.same_finger, *answer.already)],
            },
        )
        entries = enrolment.judge(current, event)
        with self._store.transaction():
            self._record(entries)
            if not event.same_finger_as:
                put_sample(self._vault, current, position, event.sample, blobs)
        attempt = entries[0][1]
        self._log.info(
            "attempt",
            position=position,
            attempt=attempt["attempt"],
            quality=answer.quality,
            decision=attempt["decision"],
            milliseconds=answer.milliseconds,
        )
        self._advance(Happened.JUDGED)

    def _worker_died(self, worker: str, life: int, now: float) -> None:
        which = self._scanner if worker == "scanner" else self._matcher
        if life != which.life:
            return
        self._log.warning("worker died", worker=worker, again_in=which.bury(now))
        self._record([("worker.died", {"worker": worker})])
        if worker == "scanner":
            self._equip(scanner="its process is being started again", device=None)
            self._advance(Happened.SCANNER_LOST)
            return
        self._equip(matcher="its process is being started again")
        if self._asked_at is not None:  # the picture died with it; one not yet handed over is kept
            self._question, self._asked_at = None, None
            self._advance(Happened.MATCHER_LOST)

    # effects

    def _advance(self, happened: Happened) -> None:
        self._acquisition, effects = finger.advance(self._acquisition, happened)
        self._carry_out(effects)

    def _carry_out(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case Effect.ARM:
                    self._token += 1
                    self._scanner.send(channel.Arm(token=self._token))
                case Effect.DISARM:
                    self._token += 1
                    self._scanner.send(channel.Disarm())
                case Effect.EXAMINE:
                    self._put_question()

    def _put_question(self) -> None:
        if self._question and self._asked_at is None and self._equipment.matcher == "ready":
            question, blobs = self._question
            self._asked_at = time.monotonic()
            self._matcher.send(question, *blobs)

    def _watch(self, now: float) -> None:
        """Start dead workers again; end a matcher that does not answer; end with a dead link."""
        self._scanner.start_when_due(now)
        self._matcher.start_when_due(now)
        if self._asked_at is not None and now - self._asked_at > JUDGE_SECONDS:
            self._log.error("the matcher does not answer: it is started again")
            self._asked_at = now
            self._matcher.kill()
        if not self._link.alive:
            raise VantayError("the MQTT thread ended: the daemon must be started again")

    def _reconcile(self) -> None:
        """Make scanner and acquisition do what the enrolment asks for."""
        current, stage = self._enrolment, self._acquisition.stage
        wanted = current.wanted() if current else None
        busy = stage in (Stage.PLACE, Stage.HOLD, Stage.JUDGE)
        if busy and (wanted is None or wanted != self._acquisition.position):
            self._question, self._asked_at = None, None
            self._advance(Happened.CANCEL)
        if current and wanted is None:
            with self._store.transaction():
                self._record(
                    seal_enrolment(self._settings.booth, clock.now(), current, self._vault, self._keys)
                )
            self._log.info("sealed", enrolment=current.id, outcome=current.outcome)
            self._load_gallery(current)
        elif wanted is not None and self._acquisition.stage is Stage.REST and self._equipment.ready:
            self._acquisition, effects = finger.request(self._acquisition, wanted)
            self._carry_out(effects)

    def _load_gallery(self, done: Enrolment) -> None:
        for label, template in self._vault.all_of(ENROLLED, done.id):
            self._matcher.send(channel.Load(subject=label.subject, position=label.position), template)

    # journal and view

    def _fold(self) -> Enrolment | None:
        """Read back where the person stood: everything since the last enrolment ended."""
        entries = self._journal.read(self._journal.last_of(*enrolment.ENDS))
        return enrolment.fold((entry.kind, entry.body) for entry in entries)

    def _record(self, entries: list[Entry]) -> None:
        at, reading = clock.now(), clock.reading()
        with self._store.transaction():
            for kind, body in entries:
                self._journal.append(kind, body, at, reading)
        self._enrolment = enrolment.fold(entries, self._enrolment)

    def _equip(self, **changes: str | None) -> None:
        values = {"scanner": self._equipment.scanner, "device": self._equipment.device}
        values["matcher"] = self._equipment.matcher
        values.update(changes)
        self._equipment = Equipment(
            scanner=values["scanner"] or "", device=values["device"], matcher=values["matcher"] or ""
        )

    def _show(self, now: float) -> None:
        progress = (clock.now(), self._journal.tail()[0], self._reporter.acknowledged)
        state = state_of(self._settings.booth, self._enrolment, self._acquisition, self._equipment, progress)
        quiet = {"at", "last_seq", "acknowledged_seq"}
        before = self._shown
        same = before is not None and before.model_dump(exclude=quiet) == state.model_dump(exclude=quiet)
        moved = before is None or before.model_dump(exclude={"at"}) != state.model_dump(exclude={"at"})
        if same and not (moved and now - self._shown_at > STATE_SECONDS):
            return
        if self._link.publish(self._wire.state, state.payload(), retain=True):
            self._shown, self._shown_at = state, now

    def _status(self, online: bool) -> bytes:
        booth = self._settings.booth
        return Status(booth=booth, online=online, release=self._release, at=clock.now()).payload()
