"""The demo's operator: a visit ends whatever order its words come in, and however often one is lost."""

import socketserver
import threading
from collections.abc import Iterator

import pytest

from edge.demo.person import Hand, Person
from edge.demo.script import Visit
from edge.messages import Enrol, Phase, Reply, State, booth_topic, parse
from tests.edge.programs import Ear, Mosquitto, ear

pytestmark = pytest.mark.system

BOOTH = "b-1"
AT = "2026-11-25T08:00:00Z"
VISIT = Visit("someone", "001090000001", {1: ["thumb_1.png"]})


class Obeying(socketserver.StreamRequestHandler):
    """A scanner's control socket that does what it is told."""

    def handle(self) -> None:
        for _ in self.rfile:
            self.wfile.write(b'{"ok": true}\n')


@pytest.fixture
def hand() -> Iterator[Hand]:
    socketserver.ThreadingTCPServer.daemon_threads = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Obeying) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Hand(("127.0.0.1", server.server_address[1]))
        server.shutdown()


def say(booth: Ear, phase: Phase, enrolment: str | None, position: int | None) -> None:
    state = State(
        booth=BOOTH,
        at=AT,
        phase=phase,
        prompt="…",
        enrolment=enrolment,
        position=position,
        attempt=position and 1,
        scanner="ready",
        matcher="ready",
        last_seq=0,
        acknowledged_seq=0,
    )
    booth.publish(booth_topic(BOOTH, "state"), state.payload(), retain=True)


def test_a_visit_ends_when_its_lost_reply_is_repeated_after_the_last_state(
    mosquitto: Mosquitto, hand: Hand
) -> None:
    """The broker died with the first reply; meanwhile the person was found to be enrolled already."""
    placed = threading.Event()
    with ear(mosquitto.broker(), booth_topic(BOOTH, "command/enrol")) as booth:

        def be_the_booth() -> None:
            asked: Enrol = parse(Enrol, booth.wait("command/enrol"))
            say(booth, Phase.PLACE, "e-1", 1)
            placed.wait(30)
            say(booth, Phase.IDLE, None, None)
            booth.wait("command/enrol", lambda _: len(booth.on("command/enrol")) > 1)
            words = {"request_id": asked.request_id, "command": "enrol", "reason": "…", "at": AT}
            reply = Reply(outcome="accepted", repeated=True, **words)
            booth.publish(booth_topic(BOOTH, "reply"), reply.payload())

        person = Person(mosquitto.broker(), BOOTH, hand)
        thread = threading.Thread(target=be_the_booth)
        thread.start()
        try:
            shown = person.visit(VISIT, lambda state: placed.set() if state.phase is Phase.PLACE else None)
        finally:
            placed.set()
            thread.join()
            person.close()
    assert shown.images == {("e-1", 1): ["thumb_1.png"]}
    assert not hand.on
