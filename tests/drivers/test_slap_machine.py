"""The virtual slap scanner's machine against its device: acquisitions, closing, whatever a cable brings."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.api import (
    AttackScore,
    BulkIn,
    Captured,
    ControlIn,
    ControlOut,
    FingerOff,
    FingerOn,
    MachineOptions,
    Opened,
    PlatenOccupied,
    Preview,
    Rolled,
    Step,
    Wait,
)
from drivers.errors import DeviceFault, FaultKind
from drivers.session import Scanner
from drivers.vantay_slap import DRIVER, HEIGHT, MOST_FRAMES, WIDTH
from fwtools.virtual.slap import Plate, SlapScanner
from tests.drivers.bench import kinds, ridges, run

PLATE = Plate()
HAND = np.full((HEIGHT, WIDTH), 250, np.uint8)
HAND[400:800, 300:600] = HAND[300:700, 700:1000] = ridges()
LANDING, LYING = PLATE.finger(HAND)


class Wire:
    """The device at the other end."""

    location, release, serial = "bench:5", "1.00", ""

    def __init__(self) -> None:
        self.picture = PLATE.empty
        self.device = SlapScanner("VS-1", lambda lit: PLATE.shoot(self.picture if lit else PLATE.dark))

    def reset(self) -> None:
        raise AssertionError("a scanner without a fault is not reset")

    def close(self) -> None:
        pass

    def hear(self, seconds: float) -> bytes | None:
        raise AssertionError("it has no interrupt endpoint")

    def perform(self, step: Step) -> bytes:
        match step:
            case ControlIn(request, value, index, length):
                return self.device.control(_setup(0xC0, request, value, index, length), b"")
            case ControlOut(request, value, index, data):
                self.device.control(_setup(0x40, request, value, index, len(data)), data)
                return b""
            case BulkIn(0x82, length):
                return self.device.read(length) or b""
            case Wait():
                return b""
        raise AssertionError(f"the device has no such endpoint: {step}")


def _setup(kind: int, *words: int) -> bytes:
    request, *rest = words
    return bytes([kind, request]) + b"".join(word.to_bytes(2, "little") for word in rest)


def opened() -> tuple[Wire, Any]:
    wire, machine = Wire(), DRIVER.make_machine(MachineOptions(poll_seconds=0.0))
    assert run(machine, wire, Opened) == [Opened("VS-1", "2")]
    return wire, machine


def test_one_acquisition_from_open_to_rest() -> None:
    wire, machine = opened()
    machine.arm()
    assert run(machine, wire, None, 30) == []
    assert wire.device.led
    wire.picture = LANDING
    assert run(machine, wire, None, 30) == [], "a hand that lands covers nothing yet"
    wire.picture = LYING
    on, captured = run(machine, wire, Captured)
    assert isinstance(on, FingerOn)
    assert isinstance(captured, Captured)
    np.testing.assert_array_equal(captured.frame.pixels, LYING)
    assert run(machine, wire, None, 30) == [], "it still lies"
    wire.picture = PLATE.empty
    assert kinds(run(machine, wire, FingerOff)) == [FingerOff]
    run(machine, wire, None, 5)
    assert machine.resting
    assert not wire.device.led


def test_what_lies_there_before_it_was_asked_for_or_stays_is_shown_and_no_hand_before_its_picture() -> None:
    wire, machine = Wire(), DRIVER.make_machine(MachineOptions(poll_seconds=0.5, preview=True))
    wire.picture = LYING
    run(machine, wire, Opened)
    machine.arm()
    occupied, preview = run(machine, wire, Preview)
    assert (type(occupied), type(preview)) == (PlatenOccupied, Preview)
    assert isinstance(preview, Preview)
    np.testing.assert_array_equal(preview.frame.pixels, LYING)
    assert kinds(run(machine, wire, Preview)) == [Preview], "once a second"
    wire.picture = PLATE.empty
    assert kinds(run(machine, wire, FingerOff))[-1] is FingerOff
    wire.picture = LYING
    assert kinds(run(machine, wire, Captured)) == [FingerOn, Captured]
    assert kinds(run(machine, wire, Preview)) == [Preview], "it stays"


@pytest.mark.parametrize("score", [None, 0, 70, 100])
def test_the_attack_detection_speaks_of_the_picture_that_was_taken(score: int | None) -> None:
    wire, machine = opened()
    wire.device.artefact = lambda: score
    machine.arm()
    wire.picture = LYING
    *_, captured = run(machine, wire, Captured)
    wire.device.artefact = lambda: 50  # of what lies there later
    assert isinstance(captured, Captured)
    assert captured.attack == (None if score is None else AttackScore(score, "virtual 2"))


def test_an_attack_score_that_is_none_is_a_fault() -> None:
    wire, machine = opened()
    wire.device.artefact = lambda: 101
    machine.arm()
    wire.picture = LYING
    with pytest.raises(DeviceFault, match="its attack score is 101"):
        run(machine, wire, Captured)
    with pytest.raises(ValueError, match="0 to 100"):
        AttackScore(101, "x")


class Rolling(Wire):
    """A finger that rolls: with each picture the strip is farther to the right, None where it is off."""

    def __init__(self, way: list[int | None]) -> None:
        super().__init__()
        self.way = way
        self.device = SlapScanner("VS-1", self.shoot)

    def shoot(self, lit: bool) -> bytes:
        picture = (PLATE.empty if lit else PLATE.dark).copy()
        place = self.way.pop(0) if lit and self.way else None
        if place is not None:
            picture[600:900, place : place + 100] = 40
        return PLATE.shoot(picture)


def rolling(way: list[int | None]) -> tuple[Rolling, Any]:
    wire, machine = Rolling([]), DRIVER.make_machine(MachineOptions(poll_seconds=0.0))
    run(machine, wire, Opened)
    wire.way = way
    machine.arm(rolled=True)
    return wire, machine


def test_a_roll_is_all_pictures_from_where_the_finger_touched_to_where_it_was_lifted() -> None:
    places = list(range(500, 900, 40))
    wire, machine = rolling([None, None, *places])
    on, rolled = run(machine, wire, Rolled)
    assert isinstance(on, FingerOn)
    assert isinstance(rolled, Rolled)
    assert [frame.pixels.shape for frame in rolled.frames] == [(750, 800)] * len(places)
    seen = [int(np.argmin(frame.pixels[300])) + 400 for frame in rolled.frames]
    assert seen == places, "the window is the platen's middle"
    assert kinds(run(machine, wire, FingerOff)) == [FingerOff]
    run(machine, wire, None, 5)
    assert machine.resting
    assert not wire.device.led
    wire.picture = LYING
    machine.arm()
    assert not machine.rolled


@pytest.mark.parametrize(
    ("scores", "said"), [([None, 7, None, 70, 8, 100], 70), ([None] * 6, None), ([0, None, 0], 0)]
)
def test_a_roll_has_the_score_of_the_picture_in_which_most_speaks_for_an_artefact(
    scores: list[int | None], said: int | None
) -> None:
    wire, machine = rolling([None, *range(500, 700, 40)])
    scores = [99, *scores]  # of the platen before the finger came; the last one of the empty platen
    wire.device.artefact = lambda: scores.pop(0) if scores else None
    rolled = run(machine, wire, Rolled)[-1]
    assert isinstance(rolled, Rolled)
    assert rolled.attack == (None if said is None else AttackScore(said, "virtual 2"))


def test_a_finger_lifted_for_a_moment_is_in_the_roll_and_one_that_stays_ends_it() -> None:
    wire, machine = rolling([600, 620, None, None, 640, 660])
    rolled = run(machine, wire, Rolled)[-1]
    assert isinstance(rolled, Rolled)
    assert [bool((f.pixels < 100).any()) for f in rolled.frames] == [True, True, False, False, True, True]
    wire, machine = rolling([600] * 300)
    rolled = run(machine, wire, Rolled, 1000)[-1]
    assert isinstance(rolled, Rolled)
    assert len(rolled.frames) == MOST_FRAMES
    assert run(machine, wire, None, 30) == [], "it still lies"
    wire.way = []
    assert kinds(run(machine, wire, FingerOff)) == [FingerOff]


def test_a_roll_that_is_withdrawn_leaves_the_light_off() -> None:
    for steps in range(0, 40, 3):
        wire, machine = rolling([None, *[600] * 90])
        run(machine, wire, None, steps)
        machine.disarm()
        events = run(machine, wire, None, 12)
        assert Rolled not in kinds(events)
        assert machine.resting
        assert not wire.device.led


def test_only_a_scanner_that_takes_rolled_fingers_is_armed_for_one() -> None:
    scanner = Scanner(replace(DRIVER, impressions=("plain",)), Wire(), MachineOptions())
    with pytest.raises(ValueError, match="takes no rolled fingers"):
        scanner.arm(rolled=True)


def test_a_hand_of_before_must_be_lifted_first() -> None:
    wire, machine = Wire(), DRIVER.make_machine(MachineOptions(poll_seconds=0.0))
    wire.picture = LYING
    run(machine, wire, Opened)
    machine.arm()
    assert kinds(run(machine, wire, None, 60)) == [PlatenOccupied]
    wire.picture = PLATE.empty
    assert kinds(run(machine, wire, FingerOff)) == [FingerOff]
    wire.picture = LYING
    assert kinds(run(machine, wire, Captured)) == [FingerOn, Captured]


def test_closing_at_any_moment_leaves_the_light_off_and_a_picture_of_before_is_forgotten() -> None:
    wire = Wire()
    for extra in range(10):
        wire.picture = PLATE.empty
        scanner = Scanner(DRIVER, wire, MachineOptions(poll_seconds=0.0, settle_frames=3))
        while not isinstance(scanner.step(), Opened):
            pass
        scanner.arm()
        wire.picture = LYING
        while scanner.step() != FingerOn():
            pass
        for _ in range(extra):
            scanner.step()
        scanner.close()
        assert not wire.device.led, f"after {extra} steps"
    wire.device.waiting = b"half a picture"
    run(DRIVER.make_machine(MachineOptions()), wire, Opened)
    assert wire.device.waiting == b""


def test_another_device_on_the_same_id_is_refused() -> None:
    machine = DRIVER.make_machine(MachineOptions())
    machine.receive(b"")
    with pytest.raises(DeviceFault, match="it is no virtual slap scanner") as fault:
        machine.receive(bytes(32))
    assert fault.value.kind is FaultKind.PROTOCOL


def test_it_is_off_unless_asked_for_and_takes_four_fingers_plain() -> None:
    assert DRIVER.model_only
    assert (DRIVER.fingers, DRIVER.impressions) == (4, ("plain", "rolled"))


@settings(max_examples=40, deadline=None)
@given(
    st.data(),
    st.lists(st.sampled_from(["arm", "arm to roll", "disarm", "put", "lift", "steps"]), max_size=10),
)
def test_whatever_the_cable_brings_it_is_an_event_or_a_device_fault(
    data: st.DataObject, actions: list[str]
) -> None:
    wire, machine = Wire(), DRIVER.make_machine(MachineOptions(poll_seconds=0.0))
    with suppress(DeviceFault):
        for action in [*actions, "steps"]:
            match action:
                case "arm":
                    machine.arm()
                case "arm to roll":
                    machine.arm(rolled=True)
                case "disarm":
                    machine.disarm()
                case "put":
                    wire.picture = LYING
                case "lift":
                    wire.picture = PLATE.empty
                case _:
                    for _ in range(data.draw(st.integers(0, 40))):
                        answer = wire.perform(machine.next_step())
                        if data.draw(st.integers(0, 40)) == 0:
                            answer = data.draw(st.binary(max_size=40))
                        event = machine.receive(answer)
                        if isinstance(event, Captured):
                            assert event.frame.pixels.shape == (HEIGHT, WIDTH)
        return
    with pytest.raises(DeviceFault):
        machine.next_step()
