"""The process that judges samples: quality, extraction, comparison. No network, no USB, no key, no file.

Everything it knows came through its channel: the gallery's search codes at its start, the frame and this
subject's accepted templates with each question, and of those enrolled the templates that it asks for. It ends
when the daemon's end of the channel closes.
"""

import io
import sys
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edge import records
from edge.booth import channel
from edge.booth.already import enrolled_already
from edge.booth.channel import Channel, Message
from matching import compare, fir2005, iso19794, search_code, serial, slap
from matching.calibration import decide
from matching.errors import BadImage, BadRecord, WrongFingers
from matching.finger_image import PNG, FingerImage
from matching.gallery import Gallery
from matching.quality import Quality, examine
from matching.rolled import Rolled, compose
from matching.template import REFERENCE_PPI, Template
from matching.warm import warm

Pixels = NDArray[np.uint8]
MOST_HITS = 400  # in one answer to a search, which fits a packet: the most alike
LIVE_PLAIN, LIVE_ROLLED = 0, 1  # impression types, ISO/IEC 19794-2:2005 table 5


class MatcherWorker:
    """Answers the questions of one channel."""

    def __init__(self, to_daemon: Channel) -> None:
        self._daemon = to_daemon
        self._gallery = Gallery(self._fetch)
        self._subjects: dict[str, str] = {}  # enrolment -> subject; two may have come under one number
        self._came_between: deque[tuple[Message, list[bytes]]] = deque()

    def run(self) -> None:
        """Answer until the daemon is gone."""
        try:
            self._daemon.send(channel.MatcherReady())
            while (received := self._next()) is not None:
                message, blobs = received
                match message:
                    case channel.Load():
                        self._load(message, blobs[0])
                    case channel.Examine():
                        self._answer(message, blobs)
                    case channel.Compare():
                        probe, candidate = (serial.from_bytes(blob) for blob in blobs)
                        score = compare.compare(compare.prepare(probe), candidate)
                        decision = decide(score.value, message.fmr, score.kind)
                        word = channel.Compared(
                            token=message.token,
                            match=decision.match,
                            score=round(score.value, 4),
                            rate=decision.score_fmr,
                        )
                        self._daemon.send(word)
                    case channel.Search():
                        self._search(message, blobs[0])
        except (BrokenPipeError, ConnectionResetError):
            pass  # the daemon is gone

    def _next(self) -> tuple[Message, list[bytes]] | None:
        return self._came_between.popleft() if self._came_between else self._daemon.receive()

    def _load(self, message: channel.Load, blob: bytes) -> None:
        codes = channel.parted((finger.length for finger in message.fingers), blob)
        lacking = []
        for finger, code in zip(message.fingers, codes, strict=True):
            self._subjects[finger.enrolment] = finger.subject
            try:
                self._gallery.add_code(finger.enrolment, finger.position, code)
            except BadRecord:  # none, or another release's
                lacking.append(finger)
        if lacking:
            self._recode(lacking)

    def _recode(self, fingers: list[channel.Enrolled]) -> None:
        """Make search codes of templates, and hand them to the daemon, which may keep them."""
        made, codes = [], []
        found = self._fetch([(finger.enrolment, finger.position) for finger in fingers])
        for finger, template in zip(fingers, found, strict=True):
            if template:
                code = _code(serial.from_bytes(template))
                self._gallery.add_code(finger.enrolment, finger.position, code)
                made.append(finger.model_copy(update={"length": len(code)}))
                codes.append(code)
        if made:
            self._daemon.send(channel.Recoded(fingers=tuple(made)), b"".join(codes))

    def _fetch(self, wanted: list[tuple[str, int]]) -> list[bytes]:
        """Ask the daemon for templates; what it says in between waits."""
        fingers = (channel.GalleryFinger(enrolment=key, position=position) for key, position in wanted)
        self._daemon.send(channel.Fetch(fingers=tuple(fingers)))
        while (received := self._daemon.receive()) is not None:
            message, blobs = received
            if isinstance(message, channel.Fetched):
                return channel.parted(message.lengths, blobs[0])
            self._came_between.append(received)
        raise ConnectionResetError

    def _answer(self, question: channel.Examine, blobs: list[bytes]) -> None:
        began = time.perf_counter()
        shape = question.frames, question.height, question.width
        frames = np.frombuffer(blobs[0], np.uint8).reshape(shape)
        pixels = frames[0].copy()
        rolled: Rolled | None = None
        try:
            if question.rolled:
                rolled = compose(frames, question.ppi)
                pixels = rolled.pixels
            if question.fingers:
                self._answer_slap(question, pixels, blobs, began)
                return
            ppi = question.ppi
            if question.together:
                pixels, ppi = alone(pixels, ppi), REFERENCE_PPI
        except BadImage as refused:
            self._daemon.send(
                channel.NotTaken(token=question.token, reason=str(refused), milliseconds=_since(began))
            )
            return
        template, quality = _examined(pixels, ppi, question.position)
        facts = self._facts(question, template, quality, blobs, (), len(question.accepted))
        if rolled:
            facts |= {"issues": tuple(rolled.issues), "sentence": rolled.sentence}
        answer = channel.Examined(token=question.token, **facts, milliseconds=_since(began))
        impression = LIVE_ROLLED if rolled else LIVE_PLAIN
        self._daemon.send(answer, *_kept(pixels, ppi, template, impression))

    def _search(self, question: channel.Search, blob: bytes) -> None:
        """Look for all fingers of one person; NotTaken where a template cannot be read."""
        began = time.perf_counter()
        try:
            parts = channel.parted(question.lengths, blob)
            templates = {p: serial.from_bytes(one) for p, one in zip(question.positions, parts, strict=True)}
            codes = [_code(one) for one in templates.values()]
            if any(one.ridges is None for one in templates.values()):
                raise BadRecord(
                    "it has no ridges, without which nobody is found among many: capture it again"
                )
        except (BadRecord, ValueError) as refused:
            reason = f"a template cannot be compared: {refused}"
            self._daemon.send(
                channel.NotTaken(token=question.token, reason=reason, milliseconds=_since(began))
            )
            return
        of = frozenset(question.suspected)
        suspected = [key for key, subject in self._subjects.items() if subject in of]
        hits: list[channel.FoundFinger] = []
        for number, (position, template) in enumerate(templates.items(), question.before):
            found = enrolled_already(self._gallery, template, position, number, question.fmr, suspected)
            mine = [one for one in found if one.key != question.leaving_out]
            suspected += [one.key for one in mine if one.key not in suspected]
            hits += [
                channel.FoundFinger(
                    shown=position,
                    enrolment=one.key,
                    position=one.position,
                    score=round(one.score, 4),
                    enrolled=self._gallery.fingers_of(one.key),
                )
                for one in mine
            ]
        lengths, joined = channel.joined(codes)
        best = tuple(sorted(hits, key=lambda hit: -hit.score)[:MOST_HITS])
        self._daemon.send(channel.Found(token=question.token, hits=best, lengths=lengths), joined)

    def _answer_slap(
        self, question: channel.Examine, pixels: Pixels, blobs: list[bytes], began: float
    ) -> None:
        """Answer for each finger of a slap; BadImage when it does not show exactly those asked for."""
        missing = frozenset(slap.IN_PICTURE[question.position]) - set(question.fingers)
        found = slap.segment(pixels, question.position, missing, question.ppi)
        images = {finger.position: finger.pixels for finger in found.fingers}
        examined = {p: _examined(images[p], REFERENCE_PPI, p) for p in sorted(images)}
        fingers = []
        for number, (position, (template, quality)) in enumerate(examined.items(), len(question.accepted)):
            others = [(p, one) for p, (one, _) in examined.items() if p != position]
            facts = self._facts(question, template, quality, blobs, others, number)
            fingers.append(channel.SlapFinger(position=position, **facts))
        answer = channel.ExaminedSlap(
            token=question.token,
            hand=found.hand,
            certainty=round(found.certainty, 4),
            fingers=tuple(fingers),
            milliseconds=_since(began),
        )
        kept = [blob for p, (one, _) in examined.items() for blob in _kept(images[p], REFERENCE_PPI, one)]
        self._daemon.send(answer, _picture(pixels, question.ppi, question.position), *kept)

    def _facts(
        self,
        question: channel.Examine,
        template: Template,
        quality: Quality,
        blobs: list[bytes],
        others: Sequence[tuple[int, Template]],
        before: int,
    ) -> dict[str, Any]:
        """Return what a `JudgedFinger` says; `others` lie beside it, so many were taken `before` it."""
        same, perhaps = same_fingers(question, template, blobs[1:], others)
        return {
            "quality": quality.score,
            "parts": {name: round(float(value), 3) for name, value in quality.parts.items()},
            "hint": quality.hint,
            "minutiae": len(template.minutiae),
            "same_finger": same,
            "perhaps": perhaps,
            "already": self._already(question, template, before) if question.search else (),
            "looked_through": len(self._gallery),
            "attendants": attendants_met(question, template, blobs[-1]),
        }

    def _already(self, question: channel.Examine, probe: Template, before: int) -> tuple[channel.Hit, ...]:
        fmr = question.already_enrolled_fmr
        suspected = [key for key, subject in self._subjects.items() if subject in question.suspected]
        return tuple(
            channel.Hit(
                subject=self._subjects[one.key],
                position=one.position,
                score=round(one.score, 4),
                fmr=one.decision.score_fmr,
                enrolled=self._gallery.fingers_of(one.key),
            )
            for one in enrolled_already(self._gallery, probe, probe.position, before, fmr, suspected)
            if one.key not in question.renews
        )


def same_fingers(
    question: channel.Examine,
    probe: Template,
    accepted: list[bytes],
    others: Iterable[tuple[int, Template]] = (),
) -> tuple[tuple[channel.Hit, ...], tuple[channel.Hit, ...]]:
    """Return which of the fingers taken a probe is, and which it may be; `others` lie beside it."""
    same, perhaps, prepared = [], [], compare.prepare(probe)
    before = zip(question.accepted, accepted, strict=False)  # the attendants' follow
    for position, taken in [*((p, serial.from_bytes(blob)) for p, blob in before), *others]:
        score = compare.compare(prepared, taken)
        decision = decide(score.value, question.same_finger_fmr, score.kind)
        hit = channel.Hit(position=position, score=round(score.value, 4), fmr=decision.score_fmr)
        if decision.match:
            same.append(hit)
        elif question.perhaps_fmr and decide(score.value, question.perhaps_fmr, score.kind).match:
            perhaps.append(hit)
    return tuple(same), tuple(perhaps)


def attendants_met(
    question: channel.Examine, probe: Template, blob: bytes
) -> tuple[channel.AttendantHit, ...]:
    """The best comparison with each attendant that decides for the same finger."""
    best: dict[str, float] = {}
    prepared = compare.prepare(probe)
    templates = (
        channel.parted((one.length for one in question.attendants), blob) if question.attendants else ()
    )
    for one, template in zip(question.attendants, templates, strict=True):
        known = records.read(template, one.form, []).templates[0]
        score = compare.compare(prepared, known)
        if decide(score.value, question.attendant_fmr, score.kind).match:
            best[one.person] = max(score.value, best.get(one.person, 0.0))
    return tuple(channel.AttendantHit(person=person, score=round(score, 4)) for person, score in best.items())


def alone(pixels: Pixels, ppi: float) -> Pixels:
    """Return the one finger (h, w) on a large picture, upright at 500 ppi; WrongFingers for more or none."""
    found = slap.segment(pixels, None, ppi=ppi).fingers
    if len(found) != 1:
        seen = f"{len(found)} fingers are seen" if found else "no finger is seen"
        raise WrongFingers(f"{seen} and one is expected: lay down one finger alone, flat")
    return found[0].pixels


def _examined(pixels: Pixels, ppi: float, position: int) -> tuple[Template, Quality]:
    template, quality = examine(pixels, ppi)
    return replace(template, position=position, quality=quality.score), quality


def _kept(
    pixels: Pixels, ppi: float, template: Template, impression: int = LIVE_PLAIN
) -> tuple[bytes, bytes, bytes, bytes]:
    """Return what is kept of a sample: ISO/IEC 19794-4 record, full template, 19794-2 record, search code."""
    return (
        _picture(pixels, ppi, template.position, impression, template.quality),
        serial.to_bytes(template),
        iso19794.write(template, impressions=[impression]),
        _code(template),
    )


def _code(template: Template) -> bytes:
    return search_code.to_bytes(
        search_code.encode(compare.prepare(template), search_code.qualities_of(template))
    )


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)


def _picture(
    pixels: Pixels, ppi: float, position: int, impression: int = LIVE_PLAIN, quality: int | None = None
) -> bytes:
    """Return an ISO/IEC 19794-4:2005 record of one picture; within it is a PNG: nothing is lost."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", dpi=(ppi, ppi), compress_level=3)
    height, width = pixels.shape
    said = position, impression, quality
    return fir2005.write(FingerImage(file.getvalue(), width, height, ppi, PNG, *said))


def main() -> None:
    """Start as `python -m edge.booth.matcher_worker DESCRIPTOR`."""
    warm()
    MatcherWorker(Channel.inherited(int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
