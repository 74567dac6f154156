"""The person at the demo's scanner and the operator at its console: do what the booth's state asks for."""

import contextlib
import json
import queue
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from edge.demo.script import Visit, portrait_of
from edge.errors import VantayError
from edge.messages import Command, Enrol, Phase, Portrait, Reply, Review, State, booth_topic, parse
from edge.mqtt import Link, LinkEvent, Received
from edge.settings import Broker

PATIENCE = 3.0  # seconds after which a person shows the finger again, or the operator repeats the command
LIFT_SECONDS = 0.3  # between lifting a finger and showing it again
VISIT_SECONDS = 120.0


class Hand:
    """Puts fingers on the virtual scanner and lifts them, over its control socket."""

    def __init__(self, control: tuple[str, int]) -> None:
        self._socket = socket.create_connection(control, timeout=10)
        self._file = self._socket.makefile("rw")
        self.on = False

    def put(self, image: str, artefact: int | None = None) -> None:
        """Lay a finger on the platen; `artefact`: what the scanner's attack detection says of it."""
        self.order({"do": "put", "image": image, **({} if artefact is None else {"artefact": artefact})})
        self.on = True

    def lift(self) -> None:
        """Lift the finger."""
        self.order({"do": "lift"})
        self.on = False

    def close(self) -> None:
        """Leave the platen empty."""
        with contextlib.suppress(OSError, VantayError):
            self.lift()
        self._file.close()
        self._socket.close()

    def order(self, order: dict[str, Any]) -> dict[str, Any]:
        """Tell the virtual scanner something and return its answer; VantayError when it refuses."""
        self._file.write(json.dumps(order) + "\n")
        self._file.flush()
        answer: dict[str, Any] = json.loads(self._file.readline() or '{"ok": false, "error": "it is gone"}')
        if not answer["ok"]:
            raise VantayError(f"the virtual scanner refused {order}: {answer['error']}")
        return answer


@dataclass
class Shown:
    """What a visit's person did: for every enrolment and position, the image shown last."""

    enrolments: list[str] = field(default_factory=list)
    images: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    slipped: bool = False
    alarmed: bool = False  # when one was to be confirmed


class Person:
    """Plays visits on one booth over its own broker, as console and rig do."""

    def __init__(self, broker: Broker, booth: str, hand: Hand) -> None:
        self._booth, self._hand = booth, hand
        self._mailbox: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
        topics = [booth_topic(booth, "state"), booth_topic(booth, "reply")]
        self._link = Link(broker, "console", topics, self._mailbox.put)
        self._link.start()
        self._key: tuple[object, ...] = ()
        self._acted_at = 0.0
        self._over: set[str] = set()  # enrolments of earlier visits: a state of one may be told again, late

    def close(self) -> None:
        """Leave."""
        self._link.stop()
        self._hand.close()

    def visit(self, visit: Visit, on_state: Callable[[State], None]) -> Shown:
        """Play one visit to its end; `on_state` sees every state and may make trouble."""
        shown, accepted, state = Shown(), False, None
        command = Enrol(
            request_id=uuid.uuid4().hex,
            identity_number=visit.identity_number,
            missing=visit.missing,
            again=visit.again,
        )
        reviews: dict[str | None, Review] = {}  # by whom the person was found to be: it may be known late
        asked_at, deadline = 0.0, time.monotonic() + VISIT_SECONDS
        while time.monotonic() < deadline:
            due = time.monotonic() - asked_at > PATIENCE
            if due and not accepted:
                asked_at = self._ask("enrol", command) or asked_at
            elif due and state and state.phase is Phase.REVIEW and state.enrolment in shown.enrolments:
                review = reviews.setdefault(state.known_as, _review(visit))
                asked_at = self._ask("review", review) or asked_at
            match self._next():
                case Received(topic, payload) if topic.endswith("/reply"):
                    reply: Reply = parse(Reply, payload)
                    mine = {command.request_id, *(review.request_id for review in reviews.values())}
                    if reply.request_id in mine and reply.outcome == "refused":
                        raise VantayError(f"the booth refused to {reply.command}: {reply.reason}")
                    if reply.request_id == command.request_id and not accepted:
                        accepted, asked_at = True, 0.0
                case Received(_, payload):
                    state = parse(State, payload)
                    on_state(state)
            if state:
                self._react(visit, state, shown)
                if accepted and shown.enrolments and state.phase is Phase.IDLE:
                    self._over.update(shown.enrolments)
                    return shown  # whichever came last: a reply that was lost is repeated after the end
            if self._hand.on and time.monotonic() - self._acted_at > PATIENCE:
                self._key = ()  # nothing happens: show the finger again
        raise VantayError(f"the visit of {visit.title} did not end within {VISIT_SECONDS:.0f} seconds")

    def _ask(self, name: str, command: Command) -> float | None:
        """Send a command; return when, or None when it could not be sent."""
        payload = command.model_dump_json(exclude_none=True).encode()
        sent = self._link.publish(booth_topic(self._booth, f"command/{name}"), payload)
        return time.monotonic() if sent else None

    def _next(self) -> LinkEvent | None:
        try:
            return self._mailbox.get(timeout=0.25)
        except queue.Empty:
            return None

    def _react(self, visit: Visit, state: State, shown: Shown) -> None:
        if state.phase in (Phase.LIFT, Phase.IDLE, Phase.SEAL) and self._hand.on:
            self._hand.lift()
        if state.phase is not Phase.PLACE or not state.position or not state.enrolment:
            return
        if state.enrolment in self._over:
            return
        key = (state.enrolment, state.position, state.attempt, state.hint, state.confirming)
        if self._hand.on and key == self._key:
            return  # it lies there already
        if self._hand.on:
            self._hand.lift()
            time.sleep(LIFT_SECONDS)
        if state.enrolment not in shown.enrolments:
            shown.enrolments.append(state.enrolment)
        shown.slipped |= bool(
            visit.slip and visit.slip[0] == state.position and "finger taken as" in (state.hint or "")
        )
        if state.confirming:
            shown.alarmed |= state.alarm is not None
            image = visit.image_to_confirm(state.position, state.attempt or 1, shown.alarmed)
        else:
            image = visit.image(state.position, state.attempt or 1, shown.slipped)
            shown.images.setdefault((state.enrolment, state.position), []).append(image)
        self._hand.put(image)
        self._key, self._acted_at = key, time.monotonic()


def _review(visit: Visit) -> Review:
    portrait = Portrait(sha256=portrait_of(visit), taken_at=datetime.now(UTC))
    return Review(request_id=uuid.uuid4().hex, identity_number=visit.identity_number, portrait=portrait)
