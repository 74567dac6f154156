"""Scanner and matcher as the loop sees them: two worker processes, how they are, and the order under way.

An order to the scanner carries a token; what belongs to an older order, or to an earlier life of a worker, is
void. A question waits here until the matcher is ready; when the matcher dies with it, the picture is gone.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from edge.booth import channel, second_look
from edge.booth.loading import load_of
from edge.booth.scanner_standing import RESTARTING, Device, ScannerStanding
from edge.booth.supervisor import FromWorker, Worker, WorkerDied
from edge.booth.view import Equipment
from edge.messages import PresentationFault
from edge.settings import BoothSettings
from edge.vault import Label

JUDGE_SECONDS = 20.0  # a matcher that has not answered by then is started again
SILENCE_SECONDS = 20.0  # the same for the scanner's process; its longest transfer takes ten
START_SECONDS = 60.0  # until its first word


class Aim(Enum):
    """What a picture is taken for."""

    CAPTURE = "capture"  # a finger or a slap of the subject, who is also looked for among those enrolled
    CONFIRM = "confirm"  # as that; it is to be one of the accepted
    ROLL = "roll"  # compared with its plain impression, which was looked for, at the rate for that
    ATTEND = "attend"  # a finger of no enrolment: somebody's who works here, or a card holder's


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a picture: which finger it is to be, and with what it is compared."""

    position: int
    aim: Aim = Aim.CAPTURE
    accepted: dict[int, bytes] = field(default_factory=dict)  # templates of the subject's, by position
    suspected: tuple[str, ...] = ()  # earlier subjects whom the person's fingers matched
    renews: tuple[str, ...] = ()  # enrolments that are the person's own
    fingers: tuple[int, ...] = ()  # of a slap
    attendants: Sequence[tuple[str, bytes, str]] = ()  # of those who work here: name, template, its format
    attendant_fmr: float = 1e-6  # at which each of them matches


class Crew:
    """The two workers of one booth."""

    def __init__(
        self,
        settings: BoothSettings,
        last: Device | None,
        on_event: Callable[[FromWorker | WorkerDied], None],
        log: Any,
    ) -> None:
        self.scanner = ScannerStanding(settings.plan.name, last)
        self._wish, self._limits, self._log = settings.scanner, settings.comparison, log
        self._memory = settings.data / "scanners"  # what drivers learned from devices
        self._workers = {
            "scanner": Worker("scanner", [], on_event),
            "matcher": Worker("matcher", [], on_event),
        }
        self._matcher = "starting"
        self._quiet_until: float | None = None  # the scanner's process says something before
        self._silenced = False  # it did not
        self._token = 0
        self._presented: PresentationFault | None = None
        self._question: tuple[channel.Examine, list[bytes]] | None = None
        self._taken_by: Device = {}  # the picture of the question
        self.attack: dict[str, Any] = {}  # what the journal says of an attack on it, where anything is known
        self._asked_at: float | None = None  # when the matcher was asked
        self._comparing: int | None = None  # token of a comparison that it was asked for
        self._compared_at, self._comparisons = 0.0, 0

    @property
    def equipment(self) -> Equipment:
        """How scanner and matcher are."""
        scanner = self.scanner
        fault = self._presented
        return Equipment(
            scanner.text,
            scanner.device,
            self._matcher,
            scanner.advice,
            scanner.change,
            fault,
            scanner.unfit,
        )

    def start(self) -> None:
        """Start both."""
        self._start_scanner()
        self._workers["matcher"].start()

    def stop(self) -> None:
        """End both."""
        for worker in self._workers.values():
            worker.stop()

    def is_current(self, event: FromWorker | WorkerDied) -> bool:
        """Whether an event is of a worker's present life."""
        return event.life == self._workers[event.worker].life

    # the scanner

    def scanner_ready(self, message: channel.ScannerReady) -> dict[str, Any]:
        """Take the device; return what the journal says of it."""
        body = self.scanner.ready(message)
        self._log.info("scanner ready", another="instead_of" in body, **(self.scanner.device or {}))
        return body

    def scanner_fault(self, message: channel.ScannerFault) -> dict[str, Any]:
        """Take what is wrong; return what the journal says of it."""
        body = self.scanner.fault(message)
        self._log.warning(
            "scanner fault",
            fault=message.kind,
            rung=message.rung.value,
            again_in=message.seconds,
            processes=self.scanner.processes,
            reason=message.detail,
        )
        return body

    def heard_scanner(self, now: float) -> None:
        """Note that the scanner's process lives."""
        self._quiet_until = now + SILENCE_SECONDS

    def _start_scanner(self) -> None:
        """Start its process with what is known of earlier lives."""
        wish, standing, worker = self._wish, self.scanner, self._workers["scanner"]
        worker.arguments = [wish.where, str(wish.poll_seconds), f"--processes={standing.processes}"]
        worker.arguments.append(f"--memory={self._memory}")
        if wish.unproved:
            worker.arguments.append("--unproved")
        if wish.serial is not None:
            worker.arguments.append(f"--serial={wish.serial}")
        if standing.last is not None:
            worker.arguments.append(f"--before={standing.last['location']}")
        worker.start()
        self._quiet_until, self._silenced = time.monotonic() + START_SECONDS, False

    def arm(self, rolled: bool = False) -> None:
        """Order one finger, or one that is rolled."""
        self._token, self._presented = self._token + 1, None
        self._workers["scanner"].send(channel.Arm(token=self._token, rolled=rolled))

    def disarm(self) -> None:
        """Withdraw the order, and the question that came of it."""
        self._token, self._presented = self._token + 1, None
        self._question, self._asked_at = None, None
        self._workers["scanner"].send(channel.Disarm())

    def is_ordered(self, token: int) -> bool:
        """Whether a word is about the order in force."""
        return token == self._token

    def presented(self, fault: PresentationFault | None) -> None:
        """Note what is wrong with how the finger lies."""
        self._presented = fault

    # the matcher

    def matcher_ready(self) -> None:
        """The matcher has its gallery: it may be asked."""
        self._matcher = "ready"
        self.put_question()

    def load(self, fingers: list[tuple[Label, bytes]]) -> None:
        """Add fingers to the matcher's gallery by their search codes; empty where there is none."""
        self._workers["matcher"].send(*load_of(fingers))

    def hand_over(self, templates: list[bytes]) -> None:
        """Give the matcher the templates it asked for."""
        lengths, blob = channel.joined(templates)
        self._workers["matcher"].send(channel.Fetched(lengths=lengths), blob)

    def keep_question(self, frame: channel.Captured, pixels: bytes, asked: Asked) -> None:
        """Keep what will be asked of a picture, until there is somebody to answer."""
        limits, attendants, rolled = self._limits, asked.attendants, asked.aim is Aim.ROLL
        confirming = asked.aim is Aim.CONFIRM
        question = channel.Examine(
            token=self._token,
            position=asked.position,
            width=frame.width,
            height=frame.height,
            ppi=frame.ppi,
            accepted=tuple(asked.accepted),
            same_finger_fmr=limits.same_finger_fmr if confirming else second_look.AT_ONCE,
            perhaps_fmr=limits.control_fmr if rolled else second_look.ASK,
            already_enrolled_fmr=limits.already_enrolled_fmr,
            suspected=asked.suspected,
            renews=asked.renews,
            attendants=tuple(
                channel.AttendantFinger.model_validate({"person": person, "length": len(data), "form": form})
                for person, data, form in attendants
            ),
            attendant_fmr=asked.attendant_fmr,
            search=asked.aim in (Aim.CAPTURE, Aim.CONFIRM),
            frames=frame.frames,
            rolled=rolled,
            together=self.scanner.fingers > 1 and not rolled,
            fingers=asked.fingers,
        )
        templates = b"".join(data for _, data, _ in attendants)
        self._question = question, [pixels, *asked.accepted.values(), *([templates] if attendants else [])]
        self._taken_by = self.scanner.device or {}
        self.attack = {"attack": frame.attack.model_dump()} if frame.attack else {}

    def put_question(self) -> None:
        """Ask, when there is something to ask and someone to answer."""
        if self._question and self._asked_at is None and self._matcher == "ready":
            question, blobs = self._question
            self._asked_at = time.monotonic()
            self._workers["matcher"].send(question, *blobs)

    def take_answer(self, token: int) -> Device | None:
        """Return the device that took the sample, when this is the answer awaited; it is awaited no more."""
        if self._question is None or token != self._token:
            return None
        self._question, self._asked_at = None, None
        return self._taken_by

    def compare(self, probe: bytes, candidate: bytes, fmr: float) -> bool:
        """Ask whether two templates are the same finger's; tell whether it was asked."""
        if self._matcher != "ready" or self._comparing is not None:
            return False
        self._comparisons += 1
        self._comparing, self._compared_at = self._comparisons, time.monotonic()
        self._workers["matcher"].send(channel.Compare(token=self._comparisons, fmr=fmr), probe, candidate)
        return True

    def take_comparison(self, token: int) -> bool:
        """Tell whether this is the comparison awaited; it is awaited no more."""
        if token != self._comparing:
            return False
        self._comparing = None
        return True

    # lives

    def bury(self, event: WorkerDied, now: float) -> bool:
        """Plan a dead worker's next life; tell whether a question died with it."""
        pause = self._workers[event.worker].bury(now)
        self._log.warning("worker died", worker=event.worker, reason=event.reason, again_in=pause)
        if event.worker == "scanner":
            self._quiet_until = None
            self.scanner.died(self._silenced or not event.killed)
            return False
        self._matcher, self._comparing = RESTARTING, None
        lost = self._asked_at is not None
        if lost:
            self._question, self._asked_at = None, None
        return lost

    def excuse(self, seconds: float) -> None:
        """Give the workers as much more time as nobody listened to them."""
        self._compared_at += seconds
        if self._asked_at is not None:
            self._asked_at += seconds
        if self._quiet_until is not None:
            self._quiet_until += seconds

    def watch(self, now: float) -> None:
        """Start dead workers again; end a worker that says nothing any more."""
        if self._workers["scanner"].due(now):
            self._start_scanner()
        if self._workers["matcher"].due(now):
            self._workers["matcher"].start()
        if self._comparing is not None and now - self._compared_at > JUDGE_SECONDS:
            self._log.error("the matcher does not answer: it is started again")
            self._compared_at = now
            self._workers["matcher"].kill()
        if self._asked_at is not None and now - self._asked_at > JUDGE_SECONDS:
            self._log.error("the matcher does not answer: it is started again")
            self._asked_at = now
            self._workers["matcher"].kill()
        if self._quiet_until is not None and now > self._quiet_until:
            self._log.error("the scanner's process says nothing: it is started again")
            self._quiet_until, self._silenced = now + SILENCE_SECONDS, True
            self._workers["scanner"].kill()
