"""A day at one booth, end to end: daemon, workers, hub, two mosquittos, a virtual scanner, and the wire.

People and operator do what the booth's retained state asks for. What became of a visit is read from the
journal and from the sealed records at the hub, not from what was shown.
"""

import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.judging import read_impression
from benchmarks.people import Finger, name
from benchmarks.staff import begin_work
from benchmarks.visits import Count, Seen, Visit, registered
from edge.booth.enrolment import ABANDONED, ATTEMPT, CONFIRMATION, FINDING, SEALED, SECOND_LOOK
from edge.demo.check import Checker
from edge.demo.person import Hand
from edge.demo.script import portrait_of
from edge.demo.stage import BOOTH
from edge.journal import Journal
from edge.messages import Abandon, Command, Enrol, JournalEntry, Phase, Portrait, Review, State
from edge.progress import Progress
from edge.store import Store
from matching import compare
from tests.system.production import Console, MosquittoStage

TOLD = ("finger taken as", "who works here")  # in the hint where a finger is not the one wanted
PATIENCE = 3.0  # seconds after which a finger that nobody reacts to is shown again
LIFTED = 0.3  # seconds between two fingers shown without being asked
VISIT_SECONDS = 180.0
SETTLE_SECONDS = 60.0

Image = tuple[str, int, tuple[Finger, int]]  # shown: in which enrolment, as which position, what


class Booth:
    """Everything that runs, and the people in front of it."""

    def __init__(self, folder: Path, people: Path) -> None:
        self._folder, self._people = folder, people
        self.stage = MosquittoStage(folder, people, mqtt="auto")
        self._shown: tuple[object, ...] = ()
        self._shown_at = 0.0
        self._shows: Counter[tuple[object, ...]] = Counter()
        self._said: set[str] = set()  # enrolments that were reviewed or abandoned
        self._images: list[Image] = [("", finger.position, (finger, 1)) for finger in registered(0)]

    def day(self, visits: Sequence[Visit]) -> tuple[Count, list[str], float]:
        """Play the visits; return counts, what is wrong in one line each, and seconds a visit."""
        try:
            self.stage.set_up()
            self._console, self._hand = Console(self.stage), Hand(self.stage.control)
            begin_work(self.stage, self._console, self._hand)
            bar, began = Progress("day: visits", len(visits)), time.monotonic()
            played = []
            for visit in visits:
                played.append((visit, self._visit(visit)))
                bar.advance(1)
            seconds = (time.monotonic() - began) / len(visits)
            bar.end()
            checker = Checker(self._folder, self._people, BOOTH)
            self._settle(checker)
            count, wrong = self._count(played, checker)
            checker.close()
            self._hand.close()
            self._console.link.stop()
            return count, wrong, seconds
        finally:
            self.stage.tear_down()

    def _visit(self, visit: Visit) -> list[str]:
        """Play one visit to its end; return the enrolments that it took."""
        enrolments, told, ends = [self._enrol(visit)], False, time.monotonic() + VISIT_SECONDS
        while time.monotonic() < ends:
            state = self._console.state
            assert state is not None
            if state.ended and state.ended.enrolment == enrolments[-1]:
                if state.ended.outcome != "abandoned":
                    self._lift()
                    return enrolments
                enrolments.append(self._enrol(visit))
            elif state.enrolment == enrolments[-1]:
                told |= any(words in (state.hint or "") for words in TOLD) and not state.confirming
                not_confirmed = bool(state.alarm) and state.confirming
                abandon = len(enrolments) == 1 and visit.to_abandon(told, not_confirmed)
                told |= abandon or not_confirmed
                self._serve(visit, state, told, abandon)
            self._console.listen(0.05)
        raise RuntimeError(f"the visit of {visit.identity_number} ({visit.kind}) does not end: {state}")

    def _enrol(self, visit: Visit) -> str:
        self._lift()
        self._ask("enrol", Enrol(request_id=uuid.uuid4().hex, identity_number=visit.identity_number))
        console = self._console
        before = console.state.ended.enrolment if console.state and console.state.ended else None
        console.until(
            lambda: bool(console.state and console.state.enrolment not in (None, before)), "an enrolment"
        )
        assert console.state is not None
        assert console.state.enrolment is not None
        return console.state.enrolment

    def _serve(self, visit: Visit, state: State, told: bool, abandon: bool) -> None:
        """Do what the state asks for."""
        if state.enrolment in self._said:
            return  # the state of before
        if abandon or state.phase is Phase.REVIEW:
            self._said.add(state.enrolment or "")
        if abandon:
            self._ask(
                "abandon", Abandon(request_id=uuid.uuid4().hex, reason="a finger was taken for another")
            )
        elif state.phase is Phase.REVIEW:
            portrait = Portrait(sha256=portrait_of(visit), taken_at=datetime.now(UTC))
            number = visit.identity_number
            self._ask(
                "review", Review(request_id=uuid.uuid4().hex, identity_number=number, portrait=portrait)
            )
        elif state.phase in (Phase.LIFT, Phase.SEAL):
            self._lift()
        elif state.phase is Phase.PLACE and state.position and state.attempt:
            self._place(visit, state, told)

    def _place(self, visit: Visit, state: State, told: bool) -> None:
        key = (state.enrolment, state.position, state.attempt, state.hint, state.confirming)
        if self._hand.on:
            if key == self._shown and time.monotonic() - self._shown_at < PATIENCE:
                return
            self._lift()
            time.sleep(LIFTED)
        assert state.position
        place = (state.enrolment, state.position, state.confirming)
        shown = visit.shows(state.position, state.confirming, told, self._shows[place])
        self._shows[place] += 1
        self._images.append((state.enrolment or "", state.position, shown))
        self._hand.put(name(*shown))
        self._shown, self._shown_at = key, time.monotonic()

    def _lift(self) -> None:
        if self._hand.on:
            self._hand.lift()

    def _ask(self, name: str, command: Command) -> None:
        reply = self._console.ask(command, name)
        if reply.outcome != "accepted":
            raise RuntimeError(f"the booth refused to {name}: {reply.reason}")

    # afterwards

    def _settle(self, checker: Checker) -> None:
        ends = time.monotonic() + SETTLE_SECONDS
        while not checker.settled() and time.monotonic() < ends:
            time.sleep(0.1)

    def _count(self, played: Sequence[tuple[Visit, list[str]]], checker: Checker) -> tuple[Count, list[str]]:
        """Look up what became of every visit, at the booth and at the hub."""
        count, wrong = Count(), [f.text for f in checker.nothing_lost() + checker.samples() if not f.good]
        store = Store(self._folder / "booth" / "booth.db", read_only=True)
        findings, outcomes, looks = defaultdict(list), {}, Counter[str]()
        judged: dict[str, list[str]] = defaultdict(list)
        for entry in Journal(store).read():
            if entry.kind == FINDING:
                findings[entry.body["enrolment"]].append(str(entry.body["finding"]))
            elif entry.kind in (ATTEMPT, CONFIRMATION):
                looks[entry.body["enrolment"]] += entry.body["decision"] == SECOND_LOOK
                judged[entry.body["enrolment"]].append(in_words(entry))
            elif entry.kind in (SEALED, ABANDONED):
                outcomes[entry.body["enrolment"]] = str(entry.body.get("outcome", "abandoned"))
        store.close()
        packets = checker.packets()
        for visit, enrolments in played:
            seen = Seen(outcomes[enrolments[-1]], [f for e in enrolments for f in findings[e]])
            seen.second_looks = sum(looks[e] for e in enrolments)
            count.add(visit, seen)
            packet = packets.get(enrolments[-1])
            if packet is None or packet.manifest["identity_number"] != visit.identity_number:
                wrong.append(f"{visit.kind} {visit.identity_number}: no sealed record at the hub")
            if not seen.right(visit):
                words = [
                    line
                    for e in enrolments
                    for line in (*judged[e], *against_before(self._images, e, self._people))
                ]
                told = f"{seen.outcome}, {seen.findings}: {'; '.join(words)}"
                line = f"{visit.kind} {visit.identity_number}: {told}"
                if seen.miscounted(visit):
                    print(f"day: {line}", flush=True)  # the limits on misses and false alarms count it
                else:
                    wrong.append(line)
        return count, wrong


def against_before(images: Sequence[Image], enrolment: str, people: Path) -> Iterator[str]:
    """Yield what each image of an enrolment scores against the first one of its finger that day."""
    for number, (where, position, shown) in enumerate(images):
        before = (image for _, _, image in images[:number] if image[0] == shown[0])
        first = next(before, shown)
        if where == enrolment and first != shown:
            one, other = (read_impression(people / name(*image)) for image in (shown, first))
            score = compare.compare(one.template, other.template).value
            yield f"shown as {position}: {shown[0].person}/{shown[0].position} own {score:.1f}"


def in_words(entry: JournalEntry) -> str:
    """Say what the journal has of one sample: its decision, quality, and scores of what it matches."""
    body: dict[str, Any] = entry.body
    words = f"{body['position']}: {body['decision']} q{body.get('quality', '-')}"
    hits = [f"{hit['subject'] or hit['position']}={hit['score']}" for hit in body.get("scores", ())]
    hits += [f"{hit['person']}={hit['score']}" for hit in body.get("attendants", ())]
    return f"{words} hits {' '.join(hits)}" if hits else words
