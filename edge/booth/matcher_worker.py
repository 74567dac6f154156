"""The process that judges samples: quality, extraction, comparison. No network, no USB, no key, no file.

Everything it knows came through its channel: the gallery's search codes at its start, the frame and this
subject's accepted templates with each question, and of those enrolled the templates that it asks for. It ends
when the daemon's end of the channel closes.
"""

import io
import sys
import time
from collections import deque
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edge import records
from edge.booth import channel
from edge.booth.already import enrolled_already
from edge.booth.channel import Channel, Message
from matching import compare, iso19794, search_code, serial
from matching.calibration import decide
from matching.errors import BadRecord
from matching.gallery import Gallery
from matching.quality import examine
from matching.template import Template
from matching.warm import warm


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
        except (BrokenPipeError, ConnectionResetError):
            pass  # the daemon is gone

    def _next(self) -> tuple[Message, list[bytes]] | None:
        return self._came_between.popleft() if self._came_between else self._daemon.receive()

    def _load(self, message: channel.Load, blob: bytes) -> None:
        codes = channel.parted((finger.length for finger in message.fingers), blob)
        for finger, code in zip(message.fingers, codes, strict=True):
            self._subjects[finger.enrolment] = finger.subject
            try:
                self._gallery.add_code(finger.enrolment, finger.position, code)
            except BadRecord:  # none, or another release's
                (template,) = self._fetch([(finger.enrolment, finger.position)])
                if template:
                    self._gallery.add(finger.enrolment, finger.position, serial.from_bytes(template))

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
        pixels = np.frombuffer(blobs[0], np.uint8).reshape(question.height, question.width).copy()
        template, quality = examine(pixels, question.ppi)
        template = replace(template, position=question.position, quality=quality.score)
        same, perhaps = same_fingers(question, template, blobs[1:])
        answer = channel.Examined(
            token=question.token,
            quality=quality.score,
            parts={name: round(float(value), 3) for name, value in quality.parts.items()},
            hint=quality.hint,
            minutiae=len(template.minutiae),
            same_finger=same,
            perhaps=perhaps,
            already=self._already(question, template) if question.search else (),
            attendants=_attendants(question, template, blobs[-1]),
            milliseconds=round((time.perf_counter() - began) * 1000, 1),
        )
        self._daemon.send(
            answer,
            _png(pixels, question.ppi),
            serial.to_bytes(template),
            iso19794.write(template),
            search_code.to_bytes(
                search_code.encode(compare.prepare(template), search_code.qualities_of(template))
            ),
        )

    def _already(self, question: channel.Examine, probe: Template) -> tuple[channel.Hit, ...]:
        fmr, before = question.already_enrolled_fmr, len(question.accepted)
        suspected = [key for key, subject in self._subjects.items() if subject in question.suspected]
        return tuple(
            channel.Hit(subject=self._subjects[one.key], position=one.position, score=round(one.score, 4))
            for one in enrolled_already(self._gallery, probe, question.position, before, fmr, suspected)
        )


def same_fingers(
    question: channel.Examine, probe: Template, accepted: list[bytes]
) -> tuple[tuple[channel.Hit, ...], tuple[channel.Hit, ...]]:
    """Return which of the fingers taken a probe is, and which it may be."""
    same, perhaps, prepared = [], [], compare.prepare(probe)
    for position, blob in zip(question.accepted, accepted, strict=False):  # the attendants' follow
        score = compare.compare(prepared, serial.from_bytes(blob))
        decision = decide(score.value, question.same_finger_fmr, score.kind)
        hit = channel.Hit(position=position, score=round(score.value, 4))
        if decision.match:
            same.append(hit)
        elif question.perhaps_fmr and decide(score.value, question.perhaps_fmr, score.kind).match:
            perhaps.append(hit.model_copy(update={"fmr": decision.score_fmr}))
    return tuple(same), tuple(perhaps)


def _attendants(question: channel.Examine, probe: Template, blob: bytes) -> tuple[channel.AttendantHit, ...]:
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


def _png(pixels: NDArray[np.uint8], ppi: float) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", dpi=(ppi, ppi), compress_level=3)
    return file.getvalue()


def main() -> None:
    """Start as `python -m edge.booth.matcher_worker DESCRIPTOR`."""
    warm()
    MatcherWorker(Channel.inherited(int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
