"""The process that judges samples: quality, extraction, comparison. No network, no USB, no key, no file.

Everything it knows came through its channel: the gallery at its start, the frame and this subject's accepted
templates with each question. It ends when the daemon's end of the channel closes.
"""

import io
import sys
import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edge.booth import channel
from edge.booth.channel import Channel
from matching import compare, iso19794, serial
from matching.calibration import decide
from matching.gallery import Gallery
from matching.quality import examine
from matching.template import Template
from matching.warm import warm


class MatcherWorker:
    """Answers the questions of one channel."""

    def __init__(self, to_daemon: Channel) -> None:
        self._daemon = to_daemon
        self._gallery = Gallery()
        self._subjects: dict[str, str] = {}  # enrolment -> subject; two may have come under one number

    def run(self) -> None:
        """Answer until the daemon is gone."""
        try:
            self._daemon.send(channel.MatcherReady())
            while (received := self._daemon.receive()) is not None:
                message, blobs = received
                match message:
                    case channel.Load():
                        self._subjects[message.enrolment] = message.subject
                        self._gallery.add(message.enrolment, message.position, serial.from_bytes(blobs[0]))
                    case channel.Examine():
                        self._answer(message, blobs)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the daemon is gone

    def _answer(self, question: channel.Examine, blobs: list[bytes]) -> None:
        began = time.perf_counter()
        pixels = np.frombuffer(blobs[0], np.uint8).reshape(question.height, question.width).copy()
        template, quality = examine(pixels, question.ppi)
        template = replace(template, position=question.position, quality=quality.score)
        answer = channel.Examined(
            token=question.token,
            quality=quality.score,
            parts={name: round(float(value), 3) for name, value in quality.parts.items()},
            hint=quality.hint,
            minutiae=len(template.minutiae),
            same_finger=self._same_finger(question, template, blobs[1:]),
            already=self._already(question, template),
            milliseconds=round((time.perf_counter() - began) * 1000, 1),
        )
        self._daemon.send(
            answer, _png(pixels, question.ppi), serial.to_bytes(template), iso19794.write(template)
        )

    @staticmethod
    def _same_finger(
        question: channel.Examine, probe: Template, accepted: list[bytes]
    ) -> tuple[channel.Hit, ...]:
        hits = []
        for position, blob in zip(question.accepted, accepted, strict=True):
            score = compare.compare(probe, serial.from_bytes(blob)).value
            if decide(score, question.same_finger_fmr).match:
                hits.append(channel.Hit(position=position, score=round(score, 4)))
        return tuple(hits)

    def _already(self, question: channel.Examine, probe: Template) -> tuple[channel.Hit, ...]:
        found = self._gallery.search(probe, question.position, question.already_enrolled_fmr)
        return tuple(
            channel.Hit(subject=self._subjects[c.key], position=c.position, score=round(c.score, 4))
            for c in found
            if c.decision.match
        )


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
