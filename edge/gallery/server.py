"""The station's gallery: its only loop. One question at a time is looked for; who stands there comes first.

An `add` is looked for among everybody added before, then kept, on disk, then answered: of any two enrolments
the later one is always compared with the earlier, whatever was cut off meanwhile. A question that gets lost
is asked again by its booth, and adding twice is adding once.
"""

import queue
import re
import time
from collections import deque
from typing import Any

from edge import clock
from edge.booth import channel
from edge.booth.loading import load_of
from edge.booth.supervisor import FromWorker, Worker, WorkerDied
from edge.errors import VantayError
from edge.gallery.keeper import Keeper, Whose
from edge.gallery.question import Question, id_of, read
from edge.keys import GalleryKeys
from edge.messages import (
    GALLERY_ROOT,
    GALLERY_STATUS_TOPIC,
    GalleryAnswer,
    GalleryHit,
    GalleryStatus,
    booth_topic,
)
from edge.mqtt import Link, LinkDown, LinkUp, Received, Refused, Will
from edge.settings import GallerySettings
from edge.store import Database
from edge.tls import ends_soon
from edge.vault import Label

TOPIC = re.compile(rf"{GALLERY_ROOT}/booth/([a-z0-9][a-z0-9-]{{0,30}})/ask")
TICK_SECONDS = 0.25
LOADED_AT_ONCE = 500  # fingers handed to the matcher between two events
SEARCH_SECONDS = 120.0  # a matcher that has not answered by then is started again
MOST_WAITING = 1000  # questions; what comes beyond comes again


class Stop:
    """Someone asked the gallery to end."""


class GalleryServer:
    """One station's gallery."""

    def __init__(
        self, settings: GallerySettings, keys: GalleryKeys, store: Database, log: Any, release: str
    ) -> None:
        self._settings, self._keys, self._log, self._release = settings, keys, log, release
        self.mailbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._keeper = Keeper(store, keys.vault)
        will = Will(GALLERY_STATUS_TOPIC, self._status(False, None))
        topics = [f"{GALLERY_ROOT}/booth/+/ask"]
        self._link = Link(settings.broker, "vantay-gallery", topics, self.mailbox.put, will, False)
        self._matcher = Worker("matcher", [], self.mailbox.put)
        self._loaded_to: int | None = None  # how far a new matcher has the gallery; None: all, or none yet
        self._ready = False
        self._waiting: dict[str, deque[tuple[str, bytes]]] = {"search": deque(), "add": deque()}
        self._asked: Question | None = None
        self._asked_at, self._token, self._away = 0.0, 0, ""

    def run(self) -> None:
        """Serve until Stop is put into the mailbox."""
        self._matcher.start()
        self._link.start()
        try:
            while self._turn():
                if not self._link.alive:
                    raise VantayError("the MQTT thread ended: the gallery must be started again")
        finally:
            self._link.publish(GALLERY_STATUS_TOPIC, self._status(False, clock.now()), retain=True)
            self._link.stop()
            self._matcher.stop()

    def _turn(self) -> bool:
        try:
            event: object = self.mailbox.get(timeout=TICK_SECONDS if self._loaded_to is None else 0)
        except queue.Empty:
            event = None
        now = time.monotonic()
        match event:
            case Stop():
                return False
            case Received(topic, payload) if found := TOPIC.fullmatch(topic):
                self._take(found[1], payload)
            case LinkUp(version):
                self._log.info("broker connected", mqtt=version)
                if soon := ends_soon(self._settings.broker, clock.moment()):
                    self._log.warning("certificate", reason=soon)
                self._away = ""
                self._tell_status()
            case LinkDown(reason) if reason != self._away:
                self._away = reason
                self._log.info("broker away", reason=reason)
            case Refused(topic, reason):
                self._log.error("publish refused", topic=topic, reason=reason)
            case FromWorker(_, life, message, blobs) if life == self._matcher.life:
                self._from_matcher(message, blobs, now)
            case WorkerDied(_, life, reason) if life == self._matcher.life:
                self._ready, self._asked, self._loaded_to = False, None, None
                pause = self._matcher.bury(now)
                self._log.warning("worker died", worker="matcher", reason=reason, again_in=pause)
                self._tell_status()
        self._watch(now)
        self._fill()
        self._ask_next(now)
        return True

    def _watch(self, now: float) -> None:
        if self._matcher.due(now):
            self._matcher.start()
        if self._asked and now - self._asked_at > SEARCH_SECONDS:
            self._log.error("the matcher does not answer: it is started again")
            self._asked_at = now
            self._matcher.kill()

    def _take(self, booth: str, payload: bytes) -> None:
        """Let a question wait for its turn; the head tells which turn, so it is opened twice."""
        known = self._settings.booths
        if (known and booth not in known) or (name := id_of(payload)) is None:
            self._log.warning("a message was dropped", booth=booth, reason="no question of a known booth")
            return
        try:
            line = self._waiting[read(booth, payload, self._keys.private).head.kind]
        except ValueError as error:
            self._refuse(booth, name, str(error))
            return
        again = any(one == booth and id_of(other) == name for one, other in line)
        under_way = self._asked is not None and (self._asked.booth, self._asked.id) == (booth, name)
        if not again and not under_way and len(line) < MOST_WAITING:
            line.append((booth, payload))

    def _ask_next(self, now: float) -> None:
        line = self._waiting["search"] or self._waiting["add"]
        if self._asked or not self._ready or not line:
            return
        booth, payload = line.popleft()
        question = read(booth, payload, self._keys.private)
        head = question.head
        kept = self._keeper.whose.get(head.enrolment)
        if head.kind == "add" and kept and kept.booth != booth:
            self._refuse(booth, question.id, "another booth has an enrolment of this id: call a technician")
            return
        self._asked, self._asked_at, self._token = question, now, self._token + 1
        lengths, blob = channel.joined(question.templates)
        search = channel.Search(
            token=self._token,
            positions=tuple(finger.position for finger in head.fingers),
            lengths=lengths,
            before=head.before,
            fmr=head.fmr,
            suspected=head.suspected,
            leaving_out=head.enrolment,
        )
        self._matcher.send(search, blob)

    def _from_matcher(self, message: channel.Message, blobs: list[bytes], now: float) -> None:
        match message:
            case channel.MatcherReady():
                self._loaded_to = 0
            case channel.Fetch():
                lengths, blob = channel.joined(self._template(finger) for finger in message.fingers)
                self._matcher.send(channel.Fetched(lengths=lengths), blob)
            case channel.Found(token=self._token) if self._asked:
                self._answer(self._asked, message, channel.parted(message.lengths, blobs[0]), now)
            case channel.NotTaken(token=self._token) if self._asked:
                question, self._asked = self._asked, None
                self._refuse(question.booth, question.id, message.reason)

    def _template(self, finger: channel.GalleryFinger) -> bytes:
        try:
            return self._keeper.template(finger)
        except VantayError as error:
            self._log.error("an enrolled finger is not compared", reason=str(error))
            return b""

    def _answer(self, question: Question, found: channel.Found, codes: list[bytes], now: float) -> None:
        self._asked = None
        people = len(self._keeper.whose) - (question.head.enrolment in self._keeper.whose)
        hits = []
        for hit in found.hits:
            if whose := self._keeper.whose.get(hit.enrolment):
                hits.append(_said(hit, whose))
        if question.head.kind == "add" and (kept := self._keeper.add(question, codes)):
            self._load(kept)
            self._tell_status()
        self._say(question.booth, GalleryAnswer(question=question.id, people=people, hits=hits))
        self._log.info(
            "gallery",
            booth=question.booth,
            question=question.head.kind,
            fingers=len(question.templates),
            hits=len(hits),
            people=people,
            milliseconds=round(1000 * (now - self._asked_at)),
        )

    def _refuse(self, booth: str, name: str, reason: str) -> None:
        self._log.warning("a question was refused", booth=booth, reason=reason)
        self._say(booth, GalleryAnswer(question=name, people=0, hits=[], refused=reason))

    def _say(self, booth: str, answer: GalleryAnswer) -> None:
        self._link.publish(booth_topic(booth, "gallery-answer"), answer.payload())

    # the matcher's gallery

    def _fill(self) -> None:
        """Hand a new matcher the next of those kept; once it has all, it may be asked."""
        if self._loaded_to is None:
            return
        fingers, self._loaded_to = self._keeper.page(self._loaded_to, LOADED_AT_ONCE)
        if fingers:
            self._load(fingers)
        else:
            self._loaded_to, self._ready = None, True
            self._tell_status()

    def _load(self, fingers: list[tuple[Label, bytes]]) -> None:
        self._matcher.send(*load_of(fingers))

    def _tell_status(self) -> None:
        self._link.publish(GALLERY_STATUS_TOPIC, self._status(self._ready, clock.now()), retain=True)

    def _status(self, online: bool, at: str | None) -> bytes:
        people = len(self._keeper.whose)
        return GalleryStatus(online=online, release=self._release, at=at, people=people).payload()


def _said(hit: channel.FoundFinger, whose: Whose) -> GalleryHit:
    return GalleryHit(
        shown=hit.shown, subject=whose.subject, booth=whose.booth, position=hit.position, score=hit.score
    )
