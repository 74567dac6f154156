"""The NB-1010-U's machine against the model: acquisitions, withdrawn orders, whatever a cable may bring."""

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.api import (
    BulkIn,
    BulkOut,
    Captured,
    Event,
    FingerOff,
    FingerOn,
    MachineOptions,
    Opened,
    PlatenOccupied,
    Preview,
    Step,
    Wait,
)
from drivers.errors import DeviceFault, FaultKind
from drivers.next_nb_1010_u import DRIVER, HEIGHT, PART_BYTES, PREVIEW_PAUSE, SETTLING_LOOKS, WIDTH
from drivers.session import Scanner
from fwtools.virtual.nb1010 import Nb1010U, Thermal
from tests.drivers.bench import kinds, ridges, run

EMPTY = Thermal().empty
FINGER = Thermal().finger(ridges())[1]


class Wire:
    """The model at the other end; what comes back may be spoilt."""

    def __init__(self) -> None:
        self.picture = EMPTY
        self.device = Nb1010U(lambda led: self.picture.tobytes())
        self.steps: list[Step] = []

    location, release, serial = "bench:2", "0.01", ""

    def reset(self) -> None:
        raise AssertionError("a scanner without a fault is not reset")

    def close(self) -> None:
        pass

    def perform(self, step: Step) -> bytes:
        self.steps.append(step)
        match step:
            case BulkOut(0x02, data):
                self.device.write(data)
                return b""
            case BulkIn(0x83, length):
                answer = self.device.read(length)
                assert answer is not None, "nothing was asked"
                return answer
            case Wait():
                return b""
        raise AssertionError(f"the model has no such endpoint: {step}")


def new(**options: Any) -> Any:
    return DRIVER.make_machine(MachineOptions(poll_seconds=0.0, **options))


def test_one_acquisition_from_open_to_rest() -> None:
    wire, machine = Wire(), new()
    assert run(machine, wire, Opened) == [Opened("", "")]
    machine.arm()
    assert run(machine, wire, None, 30) == []
    wire.picture = FINGER
    on, captured = run(machine, wire, Captured)
    assert isinstance(on, FingerOn)
    assert isinstance(captured, Captured)
    assert (captured.frame.ppi_x, captured.frame.ppi_y) == (385, 385)
    np.testing.assert_array_equal(captured.frame.pixels, FINGER)
    assert run(machine, wire, None, 30) == [], "it still lies"
    wire.picture = EMPTY
    assert kinds(run(machine, wire, FingerOff)) == [FingerOff]
    run(machine, wire, None, 5)
    assert machine.resting


@pytest.mark.parametrize("settle", [0, 1, 3])
def test_a_finger_that_moves_is_captured_when_it_lies_still(settle: int) -> None:
    wire, machine = Wire(), new(settle_frames=settle)
    run(machine, wire, Opened)
    machine.arm()
    moving = [np.roll(FINGER, shift, 1) for shift in (2, 1)]
    pictures = [*moving, FINGER]
    wire.device = Nb1010U(lambda led: pictures[0].tobytes())
    events: list[Event] = []
    captures = 0
    while not any(isinstance(event, Captured) for event in events):
        events += run(machine, wire, None, 1)
        step = wire.steps[-1]
        if isinstance(step, BulkIn) and step.length == PART_BYTES and machine.next_step() != step:
            captures += 1
            pictures = pictures[1:] or pictures
    assert kinds(events) == [FingerOn, Captured]
    captured = events[-1]
    assert isinstance(captured, Captured)
    np.testing.assert_array_equal(captured.frame.pixels, FINGER if settle else moving[0])
    assert captures == (3 + settle if settle else 1)


def test_a_finger_that_never_lies_still_is_captured_after_ten_looks() -> None:
    wire, machine = Wire(), new()
    run(machine, wire, Opened)
    machine.arm()
    shifts = iter(range(1000))
    wire.device = Nb1010U(lambda led: np.roll(FINGER, 2 * next(shifts), 1).tobytes())
    assert kinds(run(machine, wire, Captured, 2000)) == [FingerOn, Captured]
    prepared = sum(isinstance(step, BulkOut) and step.data[1] == 0x0D for step in wire.steps)
    assert prepared == 1 + SETTLING_LOOKS


def taken(wire: Wire) -> int:
    """Pictures asked for."""
    return sum(isinstance(step, BulkOut) and step.data[1] == 0x12 for step in wire.steps)


@pytest.mark.parametrize("settle", [0, 1, 3])
def test_with_a_preview_each_picture_but_the_captured_one_is_shown(settle: int) -> None:
    wire, machine = Wire(), new(preview=True, settle_frames=settle)
    run(machine, wire, Opened)
    machine.arm()
    assert run(machine, wire, None, 60) == [], "an empty platen is not looked at"
    assert taken(wire) == 0
    wire.picture = FINGER
    assert kinds(run(machine, wire, Captured)) == [FingerOn, *[Preview] * settle, Captured]
    assert taken(wire) == settle + 1
    shown = run(machine, wire, None, 500)
    assert set(kinds(shown)) == {Preview}
    assert abs(len(shown) - (taken(wire) - settle - 1)) <= 1, "each is shown, but one under way"
    assert all(np.array_equal(one.frame.pixels, FINGER) for one in shown if isinstance(one, Preview))
    wire.picture = EMPTY
    last = run(machine, wire, FingerOff)
    assert set(kinds(last[:-1])) <= {Preview}
    wire.picture = FINGER
    assert run(machine, wire, None, 60) == [], "nothing without an order"


def test_the_next_look_of_a_preview_comes_soon_and_a_withdrawn_order_is_shown_nothing() -> None:
    for preview, seconds in ((False, 0.2), (True, PREVIEW_PAUSE)):
        wire = Wire()
        machine: Any = DRIVER.make_machine(MachineOptions(preview=preview))
        run(machine, wire, Opened)
        wire.picture = FINGER
        machine.arm()
        run(machine, wire, Captured)
        pauses: set[float] = set()
        for _ in range(300):
            step = machine.next_step()
            pauses |= {step.seconds} if isinstance(step, Wait) else set()
            machine.receive(wire.perform(step))
        assert pauses == {seconds}
        machine.disarm()
        assert run(machine, wire, None, 120) == []
        assert machine.resting


def test_a_preview_of_a_finger_that_never_lies_still_ends_with_one_capture() -> None:
    wire, machine = Wire(), new(preview=True)
    run(machine, wire, Opened)
    machine.arm()
    shifts = iter(range(1000))
    wire.device = Nb1010U(lambda led: np.roll(FINGER, 2 * next(shifts), 1).tobytes())
    events = kinds(run(machine, wire, Captured, 2000))
    assert events == [FingerOn, *[Preview] * SETTLING_LOOKS, Captured]


def test_a_finger_lifted_while_it_settles_leaves_the_machine_armed() -> None:
    wire, machine = Wire(), new()
    run(machine, wire, Opened)
    machine.arm()
    wire.picture = FINGER
    run(machine, wire, FingerOn)
    wire.picture = EMPTY
    assert kinds(run(machine, wire, FingerOff)) == [FingerOff]
    wire.picture = FINGER
    assert kinds(run(machine, wire, Captured)) == [FingerOn, Captured]


def test_a_finger_of_before_must_be_lifted_first() -> None:
    wire, machine = Wire(), new()
    wire.picture = FINGER
    run(machine, wire, Opened)
    machine.arm()
    assert kinds(run(machine, wire, None, 60)) == [PlatenOccupied]
    machine.disarm()
    machine.arm()
    assert kinds(run(machine, wire, None, 60)) == [PlatenOccupied]
    wire.picture = EMPTY
    assert kinds(run(machine, wire, FingerOff)) == [FingerOff]
    wire.picture = FINGER
    assert kinds(run(machine, wire, Captured)) == [FingerOn, Captured]
    machine.disarm()
    machine.arm()
    assert kinds(run(machine, wire, None, 60)) == [PlatenOccupied], "never captured for the next order"


def test_closing_in_the_middle_of_a_capture_ends_the_capture_and_it_opens_again() -> None:
    wire = Wire()
    for extra in range(0, 96, 5):
        wire.picture = EMPTY
        scanner = Scanner(DRIVER, wire, MachineOptions(poll_seconds=0.0, settle_frames=0))
        while scanner.step() != Opened("", ""):
            pass
        scanner.arm()
        wire.picture = FINGER
        while scanner.step() != FingerOn():
            pass
        for _ in range(extra):
            scanner.step()
        scanner.close()
        assert wire.device.read(PART_BYTES) is None, f"a part of the picture was left after {extra} steps"


def test_every_message_has_a_number_of_its_own_and_another_is_a_fault() -> None:
    numbers = iter(range(7, 1000))
    wire, machine = Wire(), new(choose=numbers.__next__)
    run(machine, wire, Opened)
    asked = [step.data[2] for step in wire.steps if isinstance(step, BulkOut)]
    assert asked == [7]
    machine.arm()
    machine.receive(wire.perform(machine.next_step()))
    while not isinstance(machine.next_step(), BulkIn):
        machine.receive(wire.perform(machine.next_step()))
    stale = bytearray(wire.perform(machine.next_step()))
    stale[2] ^= 1
    with pytest.raises(DeviceFault, match="request 0x38 was answered by") as fault:
        machine.receive(bytes(stale))
    assert fault.value.kind is FaultKind.PROTOCOL


@pytest.mark.parametrize("spoilt", [0, 1, 4, 5, 12, 16, 17])
def test_a_part_of_the_picture_out_of_its_place_is_a_fault(spoilt: int) -> None:
    wire, machine = Wire(), new()
    run(machine, wire, Opened)
    machine.arm()
    wire.picture = FINGER
    run(machine, wire, FingerOn)
    for _ in range(200):
        step = machine.next_step()
        data = bytearray(wire.perform(step))
        if isinstance(step, BulkIn) and step.length == PART_BYTES and data[16] == 41:
            break
        machine.receive(bytes(data))
    data[spoilt] ^= 0x10
    with pytest.raises(DeviceFault, match="row 41 of the picture did not come in its place"):
        machine.receive(bytes(data))


def test_it_may_verify_and_not_enrol() -> None:
    assert DRIVER.not_for_enrolment
    assert "below the 500 ppi" in DRIVER.not_for_enrolment
    assert (DRIVER.width, DRIVER.height) == (WIDTH, HEIGHT)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.lists(st.sampled_from(["arm", "disarm", "put", "lift", "steps"]), max_size=12))
def test_whatever_the_cable_brings_it_is_an_event_or_a_device_fault(
    data: st.DataObject, actions: list[str]
) -> None:
    wire, machine = Wire(), new(preview=data.draw(st.booleans()), settle_frames=data.draw(st.integers(0, 2)))
    with suppress(DeviceFault):
        for action in [*actions, "steps"]:
            match action:
                case "arm":
                    machine.arm()
                case "disarm":
                    machine.disarm()
                case "put":
                    wire.picture = FINGER
                case "lift":
                    wire.picture = EMPTY
                case _:
                    for _ in range(data.draw(st.integers(0, 120))):
                        answer = wire.perform(machine.next_step())
                        if data.draw(st.integers(0, 40)) == 0:
                            answer = data.draw(st.binary(max_size=600))
                        machine.receive(answer)
        return
    with pytest.raises(DeviceFault):
        machine.next_step()
