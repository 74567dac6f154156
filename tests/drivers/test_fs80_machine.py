"""The FS80's machine against the model: acquisitions, a pipe out of step, whatever a cable may bring."""

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
    FingerOff,
    FingerOn,
    Frame,
    MachineOptions,
    Opened,
    PlatenOccupied,
    Preview,
    Step,
    Wait,
)
from drivers.errors import DeviceFault, FaultKind
from drivers.futronic_fs80 import DRIVER, FINGER_OFF, FINGER_ON, HEIGHT, STALE_PACKETS, WIDTH, variance
from drivers.session import Scanner
from fwtools.virtual.futronic import Fs80, Window
from tests.drivers.bench import kinds, ridges, run

EMPTY = Window().empty
LANDING, FINGER = Window().finger(ridges())
ANSWERS = st.one_of(
    st.binary(max_size=600), st.just(bytes(WIDTH * HEIGHT)), st.just(bytes(WIDTH * HEIGHT + 1))
)


class Wire:
    """The model at the other end."""

    location, release, serial = "bench:4", "1.00", ""

    def __init__(self) -> None:
        self.picture = EMPTY
        self.device = Fs80(lambda lamp: Window().shoot(self.picture if lamp else Window().dark))
        self.steps: list[Step] = []

    def reset(self) -> None:
        raise AssertionError("a scanner without a fault is not reset")

    def close(self) -> None:
        pass

    def hear(self, seconds: float) -> bytes | None:
        raise AssertionError("it has no interrupt endpoint")

    def perform(self, step: Step) -> bytes:
        self.steps.append(step)
        match step:
            case BulkOut(0x01, data):
                self.device.write(data)
                return b""
            case BulkIn(0x82, length):
                return self.device.read(length) or b""
            case Wait():
                return b""
        raise AssertionError(f"the model has no such endpoint: {step}")


def new(**options: Any) -> Any:
    return DRIVER.make_machine(MachineOptions(poll_seconds=0.0, **options))


def opened(**options: Any) -> tuple[Wire, Any]:
    wire, machine = Wire(), new(**options)
    assert run(machine, wire, Opened) == [Opened("", "")]
    return wire, machine


def test_the_pictures_of_the_bench_lie_on_both_sides_of_the_thresholds() -> None:
    assert variance(EMPTY) < FINGER_OFF < FINGER_ON < variance(LANDING) < variance(FINGER)


def test_one_acquisition_from_open_to_rest() -> None:
    wire, machine = opened()
    machine.arm()
    assert run(machine, wire, None, 30) == []
    assert wire.device.led
    wire.picture = FINGER
    on, captured = run(machine, wire, Captured)
    assert isinstance(on, FingerOn)
    assert isinstance(captured, Captured)
    np.testing.assert_array_equal(captured.frame.pixels, FINGER)
    assert run(machine, wire, None, 30) == [], "it still lies"
    wire.picture = EMPTY
    assert kinds(run(machine, wire, FingerOff)) == [FingerOff]
    run(machine, wire, None, 5)
    assert machine.resting
    assert not wire.device.led


def test_a_pipe_out_of_step_is_emptied_before_anything_is_believed() -> None:
    wire = Wire()
    wire.device.waiting = bytes(WIDTH * HEIGHT + 2 * 512)
    machine = new()
    assert run(machine, wire, Opened, 1000) == [Opened("", "")]
    wire.device.waiting = b""
    wire, machine = Wire(), new()
    wire.device.waiting = bytes(512 * (STALE_PACKETS + 1))
    with pytest.raises(DeviceFault, match="does not say that its pictures are 320 x 480, but has") as fault:
        run(machine, wire, Opened, 1000)
    assert fault.value.kind is FaultKind.PROTOCOL


def test_one_picture_alone_neither_is_a_finger_nor_lifts_it() -> None:
    wire, machine = opened()
    machine.arm()
    pictures = [EMPTY, FINGER, EMPTY, FINGER, EMPTY]
    wire.device = _ready(lambda lamp: Window().shoot(pictures.pop(0) if pictures else EMPTY))
    assert run(machine, wire, None, 40) == []
    assert not pictures
    wire.device = _ready(lambda lamp: Window().shoot(FINGER))
    run(machine, wire, Captured)
    pictures = [FINGER, EMPTY, FINGER]
    wire.device = _ready(lambda lamp: Window().shoot(pictures.pop(0) if pictures else FINGER))
    assert run(machine, wire, None, 40) == []
    assert not pictures


def _ready(shoot: Any) -> Fs80:
    device = Fs80(shoot)
    for command in (b"\x6c", b"\x50"):
        device.write(command)
        device.read(512)
    return device


def test_a_finger_of_before_must_be_lifted_first() -> None:
    wire, machine = Wire(), new()
    wire.picture = FINGER
    run(machine, wire, Opened)
    machine.arm()
    assert kinds(run(machine, wire, None, 60)) == [PlatenOccupied]
    wire.picture = EMPTY
    assert kinds(run(machine, wire, FingerOff)) == [FingerOff]
    wire.picture = FINGER
    assert kinds(run(machine, wire, Captured)) == [FingerOn, Captured]
    machine.disarm()
    machine.arm()
    assert kinds(run(machine, wire, None, 60)) == [PlatenOccupied], "never captured for the next order"


def test_a_preview_shows_what_is_looked_at_and_ends_with_the_acquisition() -> None:
    wire, machine = opened(preview=True)
    machine.arm()
    first = run(machine, wire, Preview)[0]
    assert isinstance(first, Preview)
    np.testing.assert_array_equal(first.frame.pixels, EMPTY)
    wire.picture = FINGER
    seen = run(machine, wire, Captured)
    assert isinstance(seen[-1], Captured)
    assert FingerOn in kinds(seen)
    wire.picture = EMPTY
    assert kinds(run(machine, wire, FingerOff))[-1] is FingerOff
    assert run(machine, wire, None, 20) == []


def test_closing_at_any_moment_leaves_nothing_in_the_pipe() -> None:
    wire = Wire()
    for extra in range(12):
        wire.picture = EMPTY
        scanner = Scanner(DRIVER, wire, MachineOptions(poll_seconds=0.0, settle_frames=3))
        while scanner.step() != Opened("", ""):
            pass
        scanner.arm()
        wire.picture = FINGER
        while scanner.step() != FingerOn():
            pass
        for _ in range(extra):
            scanner.step()
        scanner.close()
        assert (wire.device.waiting, wire.device.led) == (b"", False), f"after {extra} steps"


def test_it_is_off_and_not_for_enrolment() -> None:
    assert DRIVER.model_only
    assert DRIVER.not_for_enrolment
    assert not MachineOptions().unproved


@settings(max_examples=60, deadline=None)
@given(st.data(), st.lists(st.sampled_from(["arm", "disarm", "put", "lift", "steps"]), max_size=12))
def test_whatever_the_cable_brings_it_is_an_event_or_a_device_fault(
    data: st.DataObject, actions: list[str]
) -> None:
    wire, machine = Wire(), new(preview=data.draw(st.booleans()))
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
                    for _ in range(data.draw(st.integers(0, 60))):
                        step = machine.next_step()
                        assert not isinstance(step, BulkIn) or step.length <= WIDTH * HEIGHT
                        answer = wire.perform(step)
                        if data.draw(st.integers(0, 40)) == 0:
                            answer = data.draw(ANSWERS)
                        event = machine.receive(answer)
                        if isinstance(event, Captured | Preview):
                            assert isinstance(event.frame, Frame)
                            assert event.frame.pixels.nbytes == WIDTH * HEIGHT
        return
    with pytest.raises(DeviceFault):
        machine.next_step()
