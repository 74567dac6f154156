"""Who works at the booth of `day.py`: a supervisor signs, an operator's finger is registered, and logs in."""

import subprocess
import time
import uuid
from collections.abc import Iterable
from functools import partial

from benchmarks.people import Finger, name
from benchmarks.visits import registered
from edge.booth.attendant import PRESENTATIONS
from edge.demo.person import Hand
from edge.demo.stage import BOOTH, vantay
from edge.messages import COMMANDS, Phase
from edge.sealed_word import seal_word
from tests.system.production import Console, MosquittoStage

OPERATOR, SUPERVISOR = "an", "binh"
PINS = {OPERATOR: "271828182845", SUPERVISOR: "314159265358"}
LIFTED = 0.5  # seconds between two presentations


def begin_work(stage: MosquittoStage, console: Console, hand: Hand) -> None:
    """Let the operator be registered and log in; RuntimeError where the booth refuses."""
    config = str(stage.folder / "booth.toml")
    for person, role in ((OPERATOR, "operator"), (SUPERVISOR, "supervisor")):
        words = [*vantay("people"), "add", person, "--role", role, "--config", config]
        pin = f"{PINS[person]}\n".encode()
        subprocess.run(words, input=pin, check=True, capture_output=True, timeout=60)
    console.until(lambda: bool(console.state and console.state.login_key), "a booth where people log in")
    for finger in registered(0):
        who = {"person": OPERATOR, "position": finger.position, "supervisor": SUPERVISOR}
        _ask(console, "register-finger", SUPERVISOR, who)
        _show(console, hand, finger, range(1, PRESENTATIONS + 1))
    _ask(console, "login", OPERATOR, {"person": OPERATOR})
    _show(console, hand, finger, [PRESENTATIONS + 1])
    console.until(lambda: bool(console.state and console.state.operator == OPERATOR), "an operator")


def _ask(console: Console, command: str, signer: str, values: dict[str, object]) -> None:
    request, state = uuid.uuid4().hex, console.state
    assert state is not None
    assert state.login_key is not None
    pin = seal_word(PINS[signer], state.login_key, f"{BOOTH}/{request}")
    reply = console.ask(
        COMMANDS[command].model_validate({"request_id": request, "pin": pin, **values}), command
    )
    if reply.outcome != "accepted":
        raise RuntimeError(f"the booth refused to {command}: {reply.reason}")


def _show(console: Console, hand: Hand, finger: Finger, impressions: Iterable[int]) -> None:
    """Show impressions of a finger of the operator in turn, each when it is wanted."""
    for impression in impressions:
        console.until(lambda: console.shows(Phase.PLACE), "the wish for the operator's finger")
        assert console.state
        prompt = console.state.prompt
        hand.put(name(finger, impression))
        console.until(partial(_judged, console, prompt), "a judgement of the operator's finger")
        hand.lift()
        time.sleep(LIFTED)


def _judged(console: Console, prompt: str) -> bool:
    state = console.state
    return bool(state and state.prompt != prompt and state.phase in (Phase.LIFT, Phase.IDLE))
