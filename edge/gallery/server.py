"""The station's gallery: its only loop. One finger at a time is looked for; who stands there comes first.

An `add` is looked for among everybody added before, then kept, on disk, then answered: of any two enrolments
the later one is always compared with the earlier, whatever was cut off meanwhile. One record at a time, and
between two of its fingers questions of people who stand at a booth. A question that gets lost is asked again
by its booth, and adding twice is adding once.
"""

import queue
import re
import time
from dataclasses import dataclass, field
from typing import Any

from edge import clock
from edge.booth import channel
from edge.booth.loading import load_of, recoded
from edge.booth.supervisor import FromWorker, Worker, WorkerDied
from edge.errors import VantayError
from edge.gallery.keeper import Keeper, Whose
from edge.gallery.lines import Lines, Waiting
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
LOADED_AT_ONCE = 300  # fingers handed to the matcher between two events; more may not fit a packet
SEARCH_SECONDS = 30.0  # a matcher that has not answered for a finger by then is started again
MOST_SUSPECTED = 200  # whose fingers one finger is compared with, too
MOST_HITS = 300  # in one answer: the most alike
MOST_DEATHS = 3  # of matchers over one question


class Stop:
    """Someone asked the gallery to end."""


@dataclass
class Looking:
    """How far one question has been looked for."""

    question: Question
    milliseconds: float = 0.0  # in the matcher
    hits: list[channel.FoundFinger] = field(default_factory=list)
    codes: list[bytes] = field(default_factory=list)  # of the fingers looked for already

    def search(self, token: int, suspected: tuple[str, ...]) -> tuple[channel.Search, bytes]:
        """Return what the matcher is asked next: the first finger not looked for yet."""
        head, at = self.question.head, len(self.codes)
        lengths, blob = channel.joined(self.question.templates[at : at + 1])
        search = channel.Search(
            token=token,
            positions=(head.fingers[at].position,),
            lengths=lengths,
            before=head.before + at,
            fmr=head.fmr,
            suspected=suspected,
            leaving_out=head.enrolment,
        )
        return search, blob


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
        self._lines = Lines()
        self._record: Looking | None = None  # an `add` that was begun
        self._asked: Looking | None = None  # what the matcher is at
        self._deadly: dict[tuple[str, str], int] = {}  # questions that matchers died over: how many
        self._asked_at, self._token, self._away = 0.0, 0, ""
        self._people = len(self._keeper.whose)  # as the status says

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
                self._ready, self._loaded_to = False, None
                self._died_over(self._asked)
                self._asked = self._record = None  # their booths ask again
                pause = self._matcher.bury(now)
                self._log.warning("worker died", worker="matcher", reason=reason, again_in=pause)
                self._tell_status()
        self._watch(now)
        if len(self._keeper.whose) != self._people:  # also when another process forgot somebody
            self._tell_status()
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
            kind = read(booth, payload, self._keys.private).head.kind
        except ValueError as error:
            self._refuse(booth, name, str(error))
            return
        if self._deadly.get((booth, name), 0) >= MOST_DEATHS:
            self._refuse(booth, name, "the matcher ends over this question: call a technician", True)
            return
        begun = [one.question for one in (self._asked, self._record) if one]
        if not any((one.booth, one.id) == (booth, name) for one in begun):
            self._lines.put(kind, Waiting(booth, name, payload))

    def _died_over(self, looking: Looking | None) -> None:
        if looking:
            key = looking.question.booth, looking.question.id
            self._deadly[key] = self._deadly.get(key, 0) + 1

    def _ask_next(self, now: float) -> None:
        if self._asked or not self._ready or (kind := self._lines.next_kind(bool(self._record))) is None:
            return
        looking = self._record if kind == "add" else None
        if looking is None:
            if (waiting := self._lines.take(kind)) is None:
                return
            looking = Looking(read(waiting.booth, waiting.payload, self._keys.private))
            question, head = looking.question, looking.question.head
            kept = self._keeper.whose.get(head.enrolment)
            if kind == "add" and kept and kept.booth != question.booth:
                self._refuse(
                    question.booth,
                    question.id,
                    "another booth has an enrolment of this id: call a technician",
                    True,
                )
                self._ask_next(now)
                return
            if kind == "add":
                self._record = looking
        self._look(looking, now)

    def _look(self, looking: Looking, now: float) -> None:
        """Have the next finger of a question looked for."""
        whose = (self._keeper.whose.get(hit.enrolment) for hit in looking.hits)
        found = (one.subject for one in whose if one)
        suspected = tuple(dict.fromkeys((*looking.question.head.suspected, *found)))[:MOST_SUSPECTED]
        self._asked, self._asked_at, self._token = looking, now, self._token + 1
        self._matcher.send(*looking.search(self._token, suspected))

    def _from_matcher(self, message: channel.Message, blobs: list[bytes], now: float) -> None:
        match message:
            case channel.MatcherReady():
                self._loaded_to = 0
            case channel.Fetch():
                lengths, blob = channel.joined(self._template(finger) for finger in message.fingers)
                self._matcher.send(channel.Fetched(lengths=lengths), blob)
            case channel.Recoded():
                recoded(message, blobs[0], self._keeper.recode, self._log)
            case channel.Found(token=self._token) if self._asked:
                self._found(self._asked, message, channel.parted(message.lengths, blobs[0]), now)
            case channel.NotTaken(token=self._token) if self._asked:
                question = self._asked.question
                self._end(self._asked)
                self._refuse(question.booth, question.id, message.reason, True)

    def _found(self, looking: Looking, found: channel.Found, codes: list[bytes], now: float) -> None:
        looking.milliseconds += 1000 * (now - self._asked_at)
        looking.hits += found.hits
        looking.codes += codes
        if len(looking.codes) == len(looking.question.templates):
            self._end(looking)
            self._answer(looking)
        elif looking is self._record:
            self._asked = None  # who stands at a booth goes between two fingers of a record
        else:
            self._look(looking, now)

    def _end(self, looking: Looking) -> None:
        self._asked = None
        if looking is self._record:
            self._record = None

    def _template(self, finger: channel.GalleryFinger) -> bytes:
        try:
            return self._keeper.template(finger)
        except VantayError as error:
            self._log.error("an enrolled finger is not compared", reason=str(error))
            return b""

    def _answer(self, looking: Looking) -> None:
        """Keep a record, then say what was found."""
        question = looking.question
        people = len(self._keeper.whose) - (question.head.enrolment in self._keeper.whose)
        hits = []
        for hit in sorted(looking.hits, key=lambda one: -one.score)[:MOST_HITS]:
            if whose := self._keeper.whose.get(hit.enrolment):
                hits.append(_said(hit, whose))
        if question.head.kind == "add":
            try:
                kept = self._keeper.add(question, looking.codes)
            except VantayError as error:  # a full disk: who stands there is looked for all the same
                self._refuse(question.booth, question.id, str(error))
                return
            if kept:
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
            milliseconds=round(looking.milliseconds),
        )

    def _refuse(self, booth: str, name: str, reason: str, this_alone: bool = False) -> None:
        """Refuse a question; `this_alone`: not for keys, releases or the disk, which all others meet, too."""
        self._log.warning("a question was refused", booth=booth, reason=reason)
        refused = GalleryAnswer(question=name, people=0, hits=[], refused=reason, this_alone=this_alone)
        self._say(booth, refused)

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
        self._people = len(self._keeper.whose)
        self._link.publish(GALLERY_STATUS_TOPIC, self._status(self._ready, clock.now()), retain=True)

    def _status(self, online: bool, at: str | None) -> bytes:
        people = len(self._keeper.whose)
        return GalleryStatus(online=online, release=self._release, at=at, people=people).payload()


def _said(hit: channel.FoundFinger, whose: Whose) -> GalleryHit:
    return GalleryHit(
        shown=hit.shown,
        subject=whose.subject,
        booth=whose.booth,
        position=hit.position,
        score=hit.score,
        enrolled=hit.enrolled or None,
    )
