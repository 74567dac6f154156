"""A booth's judgement without its processes: commands, core, comparison and gallery are the booth's own.

What a scanner would give comes as templates; nothing is kept but the gallery.
"""

import base64
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.people import POSITIONS, Finger, every, name
from benchmarks.visits import HONEST, Seen, Visit
from edge import clock
from edge.booth import channel, second_look
from edge.booth import enrolment as core
from edge.booth.already import enrolled_already
from edge.booth.attendant import PRESENTATIONS, attendant_fmr
from edge.booth.commands import CommandDesk
from edge.booth.enrolment import Enrolment, SampleJudged
from edge.booth.matcher_word import word_on
from edge.booth.matcher_worker import attendants_met, same_fingers
from edge.booth.renewal import compared
from edge.booth.shift import Shift
from edge.demo.script import portrait_of
from edge.journal import Journal
from edge.keys import make_booth_keys, make_ministry_key, read_booth_keys
from edge.messages import COMMANDS
from edge.people import People
from edge.progress import Progress
from edge.settings import BoothSettings
from edge.store import Store
from edge.vault import Vault
from matching import compare, iso19794, serial
from matching.calibration import decide
from matching.gallery import Gallery
from matching.image import read_image
from matching.quality import examine
from matching.template import Template

PATIENCE = 8  # times that a finger is shown before everybody gives up
SIDE = 400  # px, of the frames that the templates came of; nobody reads it


class Impression(NamedTuple):
    """What the matcher's process makes of one image."""

    template: Template
    quality: int
    hint: str | None
    data: bytes  # the template as the vault keeps it


Impressions = dict[tuple[Finger, int], Impression]


def read_impressions(folder: Path, people: int, jobs: int) -> Impressions:
    """Return what the matcher makes of every image of so many people."""
    keys = list(every(people))
    bar, made = Progress("checks: extracting", len(keys)), {}
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        paths = [folder / name(*key) for key in keys]
        for key, one in zip(keys, pool.map(read_impression, paths, chunksize=40), strict=True):
            made[key] = one
            bar.advance(1)
    bar.end()
    return made


def read_impression(path: Path) -> Impression:
    """Return what the matcher makes of one image."""
    image = read_image(path)
    return examined(image.pixels, image.ppi)


def examined(pixels: NDArray[np.uint8], ppi: float) -> Impression:
    """Return what the matcher makes of one picture (h, w)."""
    template, quality = examine(pixels, ppi)
    return Impression(template, quality.score, quality.hint, serial.to_bytes(template))


def desk_in(folder: Path) -> CommandDesk:
    """Return the command desk of a booth whose files are in this empty folder."""
    make_ministry_key(folder / "ministry")
    make_booth_keys(folder / "keys", folder / "ministry" / "ministry.pub")
    keys, store = read_booth_keys(folder / "keys"), Store(folder / "booth.db")
    journal = Journal(store)
    settings = BoothSettings(booth="day", data=folder, keys=folder / "keys")
    vault = Vault(store, keys.vault)
    return CommandDesk(settings, keys, journal, Shift("day", People(vault), journal), vault=vault)


class Booth:
    """One booth on one day, who works there, and everybody who was enrolled there."""

    def __init__(self, desk: CommandDesk, impressions: Impressions, attendants: Iterable[Finger]) -> None:
        self._desk, self._impressions = desk, impressions
        self._limits = desk.settings.comparison
        self._gallery = Gallery(self._fetch, threads=1)
        self._enrolled: dict[tuple[str, int], bytes] = {}  # by enrolment and position
        self._subjects: dict[str, str] = {}  # of enrolments
        shown = product(attendants, range(1, PRESENTATIONS + 1))
        registered = [impressions[finger, index].data for finger, index in shown]
        self._registered = [channel.AttendantFinger(person="an", length=len(one)) for one in registered]
        self._templates = b"".join(registered)
        self._taken: dict[str, tuple[Finger, int]] = {}  # by sample
        self._before: dict[Finger, Impression] = {}  # enrolled
        self._earlier: dict[int, bytes] = {}  # the record of a renewal
        self._current: Enrolment | None = None
        self._requests = 0
        self._shows: Counter[tuple[int, bool]] = Counter()  # of the visit, by position and whether to confirm

    def visit(self, visit: Visit) -> Seen:
        """Play a visit to its end."""
        seen, told = Seen(), False
        self._shows.clear()
        record = {"earlier": {"record": self._record_of(visit)}} if visit.earlier else {}
        self._command("enrol", identity_number=visit.identity_number, **record)
        while self._current is not None:
            current = self._current
            if current.closed:
                self._seal(seen)
            elif current.to_compare is not None:
                self._compare(visit, current, current.to_compare, seen)
            elif current.found.stands(core.EARLIER_DIFFERS):
                self._command("override", reason="the record was taken for another's")
            elif current.reviewing:
                portrait = {"sha256": portrait_of(visit), "taken_at": clock.now()}
                self._command("review", identity_number=visit.identity_number, portrait=portrait)
            elif (
                visit.to_abandon(told, current.alarm is not None and current.confirming)
                or max(self._shows.values(), default=0) > PATIENCE
            ):
                self._command("abandon", reason="a finger was taken for another")
                seen.outcome = "abandoned"
            else:
                told |= current.confirming and current.alarm is not None
                told |= self._show(visit, current, told, seen)
        return seen

    def _command(self, name: str, **values: object) -> None:
        self._requests += 1
        command = COMMANDS[name].model_validate({"request_id": f"r{self._requests}", **values})
        payload = command.model_dump_json(exclude_none=True).encode()
        verdict = self._desk.judge(name, payload, self._current, clock.now())
        if verdict.reply.outcome != "accepted":
            raise RuntimeError(f"the booth refused to {name}: {verdict.reply.reason}")
        self._current = core.fold(verdict.entries, self._current)
        self._earlier = verdict.earlier or self._earlier

    def _record_of(self, visit: Visit) -> str:
        """Return the earlier record as another program would have written it: minutiae alone."""
        brought = [replace(self._impressions[key].template, position=p) for p, key in visit.recorded()]
        return base64.b64encode(iso19794.write(*brought)).decode()

    def _compare(self, visit: Visit, current: Enrolment, position: int, seen: Seen) -> None:
        """Compare an accepted finger with the earlier record's, as the runner has the matcher do."""
        key = self._taken[current.accepted[position].sample]
        probe, candidate = self._impressions[key].template, serial.from_bytes(self._earlier[position])
        score = compare.compare(compare.prepare(probe), candidate)
        fmr = self._limits.renewal_fmr
        decision = decide(score.value, fmr, score.kind)
        facts = {"score": round(score.value, 4), "rate": decision.score_fmr, "fmr": fmr}
        entries = compared(current, position, decision.match, facts)
        self._current = core.fold(entries, current)
        seen.findings += [str(body["finding"]) for kind, body in entries if kind == core.FINDING]
        whose = visit.earlier[position]
        seen.shown.append(
            f"{position}:{key[0].person}/{key[0].position} with the record's "
            f"{whose.person}/{whose.position}: {score.value:.1f}"
        )

    def _show(self, visit: Visit, current: Enrolment, told: bool, seen: Seen) -> bool:
        """Show a finger; return whether the booth says that it was taken before."""
        position = current.wanted()
        assert position is not None
        place = (position, current.confirming)
        key = visit.shows(position, current.confirming, told, self._shows[place])
        self._shows[place] += 1
        event = self._judged(current, position, key)
        if (
            visit.kind != HONEST
            or event.same_finger_as
            or event.perhaps
            or event.already
            or event.attendants
            or current.confirming
        ):
            seen.shown.append(self._shown(current, event, key))
        entries = core.judge(current, event)
        self._taken[event.sample] = key
        self._current = core.fold(entries, current)
        seen.second_looks += entries[0][1]["decision"] == core.SECOND_LOOK
        seen.findings += [str(body["finding"]) for kind, body in entries if kind == core.FINDING]
        return entries[0][1]["decision"] == core.WRONG_FINGER

    def _judged(self, current: Enrolment, position: int, key: tuple[Finger, int]) -> SampleJudged:
        one, accepted = self._impressions[key], current.accepted
        question = channel.Examine(
            token=0,
            position=position,
            width=SIDE,
            height=SIDE,
            ppi=500,
            accepted=tuple(accepted),
            same_finger_fmr=self._limits.same_finger_fmr if current.confirming else second_look.AT_ONCE,
            perhaps_fmr=second_look.ASK,
            already_enrolled_fmr=self._limits.already_enrolled_fmr,
            suspected=tuple(current.hits),
            attendants=tuple(self._registered),
            attendant_fmr=attendant_fmr(self._limits.attendant_fpir, len(POSITIONS), len(self._registered)),
        )
        blobs = [self._impressions[self._taken[a.sample]].data for a in accepted.values()]
        same, perhaps = same_fingers(question, one.template, blobs)
        suspected = [key for key, subject in self._subjects.items() if subject in question.suspected]
        attendants = attendants_met(question, one.template, self._templates)
        fmr, before = question.already_enrolled_fmr, len(accepted)
        already = enrolled_already(self._gallery, one.template, position, before, fmr, suspected)
        answer = channel.JudgedFinger(
            quality=one.quality,
            parts={},
            hint=one.hint,
            minutiae=len(one.template.minutiae),
            same_finger=same,
            already=tuple(
                channel.Hit(
                    subject=self._subjects[hit.key],
                    position=hit.position,
                    score=hit.score,
                    fmr=hit.decision.score_fmr,
                    enrolled=self._gallery.fingers_of(hit.key),
                )
                for hit in already
            ),
            looked_through=len(self._gallery),
            perhaps=perhaps,
            attendants=attendants,
        )
        return word_on(current.id, position, f"{len(self._taken)}", answer, {}, self._limits)

    def _seal(self, seen: Seen) -> None:
        """End the enrolment; who is enrolled is in the gallery."""
        current = self._current
        assert current is not None
        seen.outcome = current.outcome
        if current.outcome == core.ENROLLED:
            self._subjects[current.id] = current.subject
            for position, attempt in current.accepted.items():
                one = self._impressions[self._taken[attempt.sample]]
                self._enrolled[current.id, position] = one.data
                self._gallery.add(current.id, position, one.template)
                self._before[self._taken[attempt.sample][0]] = one
        self._current = core.fold(core.sealed(current, "", 0), current)

    def _shown(self, current: Enrolment, event: SampleJudged, key: tuple[Finger, int]) -> str:
        """Say what was shown where, how good it was, and what it scored against whom."""
        words = f"{event.position}:{key[0].person}/{key[0].position} q{event.quality}"
        words += f" own {self._own_score(current, key)}"
        hits = [f"{hit['position']}={hit['score']}" for hit in event.facts["scores"]]
        return f"{words} hits {' '.join(hits)}" if hits else words

    def _own_score(self, current: Enrolment, key: tuple[Finger, int]) -> str:
        """Return what a sample scores against its finger's sample of before: of this person, or enrolled."""
        taken = [self._taken[attempt.sample] for attempt in current.accepted.values()]
        before = {finger: self._impressions[finger, index] for finger, index in taken}
        earlier = before.get(key[0]) or self._before.get(key[0])
        if earlier is None:
            return "-"
        return (
            f"{compare.compare(self._impressions[key].template, serial.from_bytes(earlier.data)).value:.1f}"
        )

    def _fetch(self, wanted: list[tuple[str, int]]) -> list[bytes]:
        return [self._enrolled[one] for one in wanted]
