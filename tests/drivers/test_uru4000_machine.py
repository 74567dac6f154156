"""The U.are.U machine against the model: power-up, acquisitions, a dying device, whatever a cable brings."""

from collections.abc import Callable
from contextlib import suppress
from itertools import groupby
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers import session
from drivers.api import (
    BulkIn,
    Captured,
    ControlIn,
    ControlOut,
    FingerOff,
    FingerOn,
    Hear,
    Listen,
    MachineOptions,
    Opened,
    PlatenOccupied,
    Step,
    UsbId,
    Wait,
)
from drivers.digitalpersona_uru4000 import (
    CAPTURE,
    DRIVER,
    INFO,
    KEY,
    LIFT,
    LOOK,
    MODE,
    MOST_PICTURES,
    MOST_RESTARTS,
    OFF,
    POWER_TRIES,
    POWER_UPS,
    SCRAMBLE,
    STATUS,
    TURNED,
)
from drivers.errors import DeviceFault, FaultKind
from drivers.session import Scanner
from drivers.uru_descramble import TRANSFER_BYTES
from fwtools.virtual.requests import Stall
from fwtools.virtual.uru4500 import BLOCKS, Prism, Uru4500, upright
from tests.drivers.bench import kinds, ridges, run

EMPTY = Prism().empty
LYING = Prism().finger(ridges())[1]
UPRIGHT = upright(ridges())
DEATH = b"\x08\x00".ljust(64, b"\0")


class Wire:
    """The model at the other end; `spoil` may change what comes back, or raise."""

    location, release, serial = "bench:3", "1.03", "{1}"

    def __init__(self) -> None:
        self.picture = EMPTY
        self.device = Uru4500(lambda led: self.picture.tobytes())
        self.listening = False
        self.steps: list[Step] = []
        self.spoil: Callable[[Step, bytes], bytes] = lambda step, data: data
        self.heard: list[bytes] = []  # messages before those of the model
        self.resets = self.closed = 0
        self.now = 100.0

    def perform(self, step: Step) -> bytes:
        self.steps.append(step)
        return self.spoil(step, self._perform(step))

    def hear(self, seconds: float) -> bytes | None:
        message = self.perform(Hear(seconds)) or None
        self.now += 0.0 if message else seconds
        return message

    def _perform(self, step: Step) -> bytes:
        match step:
            case Listen():
                self.listening = True
            case Hear():
                assert self.listening
                self.device.tick()
                return self.heard.pop(0) if self.heard else self.device.message() or b""
            case ControlIn() | ControlOut():
                return self._control(step)
            case BulkIn(None, length, piece, begin=begin):
                assert length == piece == TRANSFER_BYTES, "one read for the whole picture"
                assert begin is not None
                self._control(begin)
                picture = self.device.read(length)
                assert picture is not None
                return picture
            case Wait():
                pass
            case _:
                raise AssertionError(f"the model has no such endpoint: {step}")
        return b""

    def _control(self, step: ControlIn | ControlOut) -> bytes:
        kind, data = (0xC0, b"") if isinstance(step, ControlIn) else (0x40, step.data)
        length = step.length if isinstance(step, ControlIn) else len(data)
        numbers = (step.value, step.index, length)
        setup = bytes([kind, step.request]) + b"".join(n.to_bytes(2, "little") for n in numbers)
        try:
            return self.device.control(setup, data)
        except Stall as stall:
            raise DeviceFault(FaultKind.PROTOCOL, "Pipe error") from stall

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        self.closed += 1

    @property
    def modes(self) -> list[int]:
        """The modes that were set, one after the other."""
        writes = [step.begin if isinstance(step, BulkIn) else step for step in self.steps]
        return [w.data[0] for w in writes if isinstance(w, ControlOut) and w.value == MODE]


def new(**options: Any) -> Any:
    return DRIVER.make_machine(MachineOptions(usb_id=TURNED, **options))


def expected(blocks: tuple[tuple[int, int], ...] = BLOCKS) -> Any:
    """What the window shows, but for the row and the last pixels that the device does not send."""
    raw = (~UPRIGHT[::-1, ::-1]).copy()
    row = 0
    for flags, rows in blocks:
        if flags & 1:
            raw[row : row + rows] = raw[row + rows : row + 2 * rows]
        row += rows
        if flags & 2:
            raw[row - 1, -1] = 0
    return ~raw[::-1, ::-1]


def test_one_acquisition_from_open_to_rest() -> None:
    wire, machine = Wire(), new()
    assert run(machine, wire, Opened) == [Opened("", "0115/0010")]
    assert isinstance(wire.steps[0], Listen), "a message may come before the write that causes it is answered"
    assert wire.modes == [LIFT, OFF]
    machine.arm()
    assert run(machine, wire, None, 60) == []
    wire.picture = LYING
    on, captured = run(machine, wire, Captured)
    assert isinstance(on, FingerOn)
    assert isinstance(captured, Captured)
    np.testing.assert_array_equal(captured.frame.pixels, expected())
    assert captured.frame.pixels.flags.c_contiguous
    assert run(machine, wire, None, 30) == [], "it still lies"
    wire.picture = EMPTY
    assert kinds(run(machine, wire, FingerOff)) == [FingerOff]
    assert [mode for mode, _ in groupby(wire.modes)] == [LIFT, OFF, LOOK, CAPTURE, LIFT]
    run(machine, wire, None, 8)
    assert machine.resting
    assert wire.modes[-1] == OFF


def test_an_order_soon_after_the_last_finds_it_awake() -> None:
    wire, machine = Wire(), new()
    run(machine, wire, Opened)
    for _ in range(3):
        machine.arm()
        wire.picture = LYING
        assert kinds(run(machine, wire, Captured)) == [FingerOn, Captured]
        wire.picture = EMPTY
        run(machine, wire, FingerOff)
    infos = [step for step in wire.steps if isinstance(step, ControlIn) and step.value == INFO]
    assert len(infos) == 2, "switched on at opening and for the first order only"


@pytest.mark.parametrize(("usb_id", "turned"), [(TURNED, True), (UsbId(0x05BA, 7), False), (None, False)])
def test_only_the_4500_gives_its_picture_upside_down(usb_id: UsbId | None, turned: bool) -> None:
    wire = Wire()
    machine = DRIVER.make_machine(MachineOptions(usb_id=usb_id))
    run(machine, wire, Opened)
    machine.arm()
    wire.picture = LYING
    captured = run(machine, wire, Captured)[-1]
    assert isinstance(captured, Captured)
    upside = expected() if turned else expected()[::-1, ::-1]
    np.testing.assert_array_equal(captured.frame.pixels, upside)


def test_a_picture_with_two_keys_asks_for_both_with_seeds_of_its_own() -> None:
    wire, seeds = Wire(), iter([5, 7])
    wire.device.blocks = ((2, 72), (1, 1), (0x82, 217))
    machine = new(choose=seeds.__next__)
    run(machine, wire, Opened)
    machine.arm()
    wire.picture = LYING
    captured = run(machine, wire, Captured)[-1]
    assert isinstance(captured, Captured)
    asked = [step.data for step in wire.steps if isinstance(step, ControlOut) and step.value == SCRAMBLE]
    assert asked == [bytes([0, 5, 0, 0, 0]), bytes([1, 7, 0, 0, 0])]
    np.testing.assert_array_equal(captured.frame.pixels, expected(wire.device.blocks))


def test_a_picture_in_clear_asks_for_no_key() -> None:
    wire, machine = Wire(), new()
    wire.device.blocks = ((0, 100), (1, 1), (0, 189))
    run(machine, wire, Opened)
    machine.arm()
    wire.picture = np.full_like(EMPTY, 130)
    captured = run(machine, wire, Captured)[-1]
    assert isinstance(captured, Captured)
    assert (captured.frame.pixels == 125).all()
    assert not any(isinstance(step, ControlIn) and step.value == KEY for step in wire.steps)


def test_a_finger_of_before_must_be_lifted_first() -> None:
    wire, machine = Wire(), new()
    wire.picture = LYING
    run(machine, wire, Opened)
    for _ in range(2):
        machine.arm()
        assert kinds(run(machine, wire, None, 60)) == [PlatenOccupied]
        machine.disarm()
        run(machine, wire, None, 5)
        assert machine.resting
    machine.arm()
    run(machine, wire, PlatenOccupied)
    wire.picture = EMPTY
    assert kinds(run(machine, wire, FingerOff)) == [FingerOff]
    wire.picture = LYING
    assert kinds(run(machine, wire, Captured)) == [FingerOn, Captured]
    machine.disarm()
    machine.arm()
    assert kinds(run(machine, wire, None, 60)) == [PlatenOccupied], "never captured for the next order"


@pytest.mark.parametrize("instead", [b"", b"\xa5" * 64])
def test_a_finger_of_before_is_not_captured_when_its_message_is_lost(instead: bytes) -> None:
    wire, machine = Wire(), new()
    wire.picture = LYING
    lost: list[bytes] = []

    def spoil(step: Step, data: bytes) -> bytes:
        if isinstance(step, Hear) and data[:2] in (b"\1\1", b"\2\0") and len(lost) < 2:
            lost.append(data)
            return instead
        return data

    wire.spoil = spoil
    run(machine, wire, Opened)
    machine.arm()
    assert kinds(run(machine, wire, PlatenOccupied)) == [PlatenOccupied]
    wire.picture = EMPTY
    assert kinds(run(machine, wire, FingerOff)) == [FingerOff]


def test_an_empty_platen_that_is_not_told_is_asked_to_be_lifted_from() -> None:
    wire, machine = Wire(), new()
    wire.spoil = lambda step, data: b"" if isinstance(step, Hear) and data[:2] == b"\2\0" else data
    run(machine, wire, Opened)
    machine.arm()
    assert kinds(run(machine, wire, PlatenOccupied)) == [PlatenOccupied]
    wire.spoil = lambda step, data: data
    assert kinds(run(machine, wire, FingerOff)) == [FingerOff]
    wire.picture = LYING
    assert kinds(run(machine, wire, Captured)) == [FingerOn, Captured]


def test_an_order_that_is_withdrawn_switches_it_off_at_once() -> None:
    wire, machine = Wire(), new()
    run(machine, wire, Opened)
    machine.arm()
    run(machine, wire, None, 20)
    assert wire.device.led
    machine.disarm()
    run(machine, wire, None, 4)
    assert not wire.device.led
    assert machine.resting


# Power-up


def script(machine: Any, statuses: list[int], messages: list[bytes], steps: list[Step]) -> list[Step]:
    """Run a machine against statuses and messages as they come, the last status for ever; its steps."""
    while True:
        step = machine.next_step()
        steps.append(step)
        answer = b""
        if isinstance(step, ControlIn) and step.value == STATUS:
            answer = bytes([statuses.pop(0) if len(statuses) > 1 else statuses[0]])
        elif isinstance(step, ControlIn):
            answer = bytes(step.length)
        elif isinstance(step, Hear):
            answer = messages.pop(0) if messages else b""
        if isinstance(machine.receive(answer), Opened):
            return steps


POWERED = b"\x56\xaa".ljust(64, b"\1")


def writes(steps: list[Step]) -> list[int]:
    return [step.data[0] for step in steps if isinstance(step, ControlOut) and step.value == STATUS]


@pytest.mark.parametrize(
    ("statuses", "written"),
    [
        ([0x01, 0x01], [0x81, 0x01]),  # as recorded
        ([0x03, 0x83, 0x83, 0x03], [0x83, 0x03, 0x03, 0x03]),  # its power comes at the third try
        ([0x81, 0x01], [0x01]),  # without power already
        ([0x85, 0x04, 0x04, 0x05, 0x05], [0x05, 0x85, 0x05]),  # after an unclean end
    ],
)
def test_the_way_to_power(statuses: list[int], written: list[int]) -> None:
    messages = [b"\x02\x00".ljust(64, b"\0"), b"\xff" * 64, b"\7", POWERED]
    assert writes(script(new(empty_first=False), list(statuses), messages, [])) == written


def test_power_that_is_never_said_to_be_on_is_a_fault() -> None:
    machine = new()
    with pytest.raises(DeviceFault, match="does not say that its power is on") as fault:
        script(machine, [0x01], [], [])
    assert fault.value.kind is FaultKind.TIMEOUT
    late = new(empty_first=False)
    steps = script(late, [0x01], [*[b""] * (POWER_UPS - 1), POWERED], [])
    assert writes(steps) == [0x81, 0x01] * POWER_UPS


@pytest.mark.parametrize(
    ("status", "sentence", "tries"),
    [(0x80, "power stayed off, 100 times", POWER_TRIES), (0x84, "status stayed 0x84", 1)],
)
def test_power_that_does_not_come_is_a_fault(status: int, sentence: str, tries: int) -> None:
    machine, steps = new(), []
    with pytest.raises(DeviceFault, match=sentence):
        script(machine, [status], [], steps)
    assert len(writes(steps)) == tries


# A device that dies


def test_a_dying_device_is_switched_on_again_and_the_finger_is_captured() -> None:
    wire, machine = Wire(), new()
    run(machine, wire, Opened)
    machine.arm()
    run(machine, wire, None, 20)
    wire.steps.clear()
    wire.heard = [DEATH]
    assert run(machine, wire, None, 20) == []
    assert writes(wire.steps) == [0x81, 0x01]
    wire.picture = LYING
    assert kinds(run(machine, wire, Captured)) == [FingerOn, Captured]
    wire.heard = [DEATH]
    wire.picture = EMPTY
    assert kinds(run(machine, wire, FingerOff)) == [FingerOff]


@pytest.mark.parametrize("stays", [True, False])
def test_an_empty_picture_is_taken_again_after_a_new_start(stays: bool) -> None:
    wire, machine = Wire(), new()
    run(machine, wire, Opened)
    machine.arm()
    wire.picture = LYING
    pictures = iter([b""])

    def spoil(step: Step, data: bytes) -> bytes:
        if isinstance(step, BulkIn):
            wire.picture = LYING if stays else EMPTY
            return next(pictures, data)
        return data

    wire.spoil = spoil
    if not stays:
        assert kinds(run(machine, wire, FingerOff)) == [FingerOn, FingerOff]
        wire.picture, stays = LYING, True
    assert kinds(run(machine, wire, Captured))[-1] is Captured
    assert not any(isinstance(event, FingerOn) for event in run(machine, wire, None, 20))


def test_a_device_that_dies_again_and_again_is_a_fault() -> None:
    wire, machine = Wire(), new()
    run(machine, wire, Opened)
    machine.arm()
    wire.picture = LYING
    wire.spoil = lambda step, data: b"" if isinstance(step, BulkIn) else data
    with pytest.raises(DeviceFault, match=f"failed {1 + MOST_RESTARTS} times in a row"):
        run(machine, wire, Captured)


@pytest.mark.parametrize("wrong", [1, MOST_PICTURES - 1, MOST_PICTURES])
def test_a_picture_that_its_key_does_not_open_is_taken_again(wrong: int) -> None:
    wire, machine = Wire(), new()
    run(machine, wire, Opened)
    machine.arm()
    wire.picture = LYING
    keys: list[Step] = []

    def spoil(step: Step, data: bytes) -> bytes:
        if isinstance(step, ControlIn) and step.value == KEY:
            keys.append(step)
            return data if len(keys) > wrong else bytes([data[0] ^ 1]) + data[1:]
        return data

    wire.spoil = spoil
    if wrong == MOST_PICTURES:
        with pytest.raises(DeviceFault, match=r"3 broken pictures came, .* its key does not open") as fault:
            run(machine, wire, Captured)
        assert fault.value.kind is FaultKind.PROTOCOL
        return
    captured = run(machine, wire, Captured)[-1]
    assert isinstance(captured, Captured)
    np.testing.assert_array_equal(captured.frame.pixels, expected())
    assert len(keys) == 1 + wrong


@pytest.mark.parametrize("broken", [1, MOST_PICTURES - 1, MOST_PICTURES])
def test_a_broken_picture_is_taken_again(broken: int) -> None:
    wire, machine = Wire(), new()
    run(machine, wire, Opened)
    machine.arm()
    wire.picture = LYING
    lengths = iter([70_000] * broken)
    wire.spoil = lambda step, data: data[: next(lengths, None)] if isinstance(step, BulkIn) else data
    if broken == MOST_PICTURES:
        with pytest.raises(DeviceFault, match=r"3 broken pictures came, the last: a picture of 70000 bytes"):
            run(machine, wire, Captured)
        return
    assert kinds(run(machine, wire, Captured)) == [FingerOn, Captured]
    assert wire.modes.count(CAPTURE) == 1 + broken


# The pump, and what a cable may bring


def live(scanner: Scanner, wire: Wire, most: int = 3000) -> list[type]:
    """Open, capture, lift."""
    seen: list[type] = []
    for _ in range(most):
        event = scanner.step()
        if event is not None:
            seen.append(type(event))
        if isinstance(event, Opened):
            scanner.arm()
        if wire.modes and wire.modes[-1] == LOOK and Opened in seen:
            wire.picture = LYING
        if isinstance(event, Captured):
            wire.picture = EMPTY
        if isinstance(event, FingerOff):
            return seen
    raise AssertionError(f"only {seen} in {most} steps")


def new_scanner(wire: Wire) -> Scanner:
    return Scanner(DRIVER, wire, MachineOptions(usb_id=TURNED, empty_first=False))


@pytest.mark.parametrize("kind", [FaultKind.TIMEOUT, FaultKind.PROTOCOL, FaultKind.UNPLUGGED])
def test_a_fault_of_the_wire_at_any_step_ends_the_scanner_cleanly(kind: FaultKind) -> None:
    whole = Wire()
    assert live(new_scanner(whole), whole) == [Opened, FingerOn, Captured, FingerOff]
    for number in range(1, len(whole.steps) + 1):
        wire = Wire()

        def fail(step: Step, data: bytes, at: int = number, wire: Wire = wire) -> bytes:
            if len(wire.steps) >= at:
                raise DeviceFault(kind, "the wire failed")
            return data

        wire.spoil = fail
        scanner = new_scanner(wire)
        with pytest.raises(DeviceFault) as fault:
            live(scanner, wire)
        assert fault.value.kind is kind
        scanner.close()
        assert (wire.closed, wire.resets) == (1, 0 if kind is FaultKind.UNPLUGGED else 1)
        assert len(wire.steps) == number, "it used the wire after the fault"


def test_an_answer_cut_short_at_any_step_is_a_fault_or_an_acquisition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = Wire()
    live(new_scanner(whole), whole)
    for number in range(1, len(whole.steps) + 1):
        for keep in (0, 1, 3):
            wire = Wire()

            def cut(step: Step, data: bytes, at: int = number, keep: int = keep, wire: Wire = wire) -> bytes:
                return data[:keep] if len(wire.steps) == at else data

            wire.spoil = cut
            monkeypatch.setattr(session.time, "monotonic", lambda wire=wire: wire.now)
            scanner = new_scanner(wire)
            with suppress(DeviceFault):
                assert live(scanner, wire).count(Captured) == 1
            scanner.close()
            assert wire.closed == 1


def test_closing_at_any_moment_leaves_it_off() -> None:
    whole = Wire()
    live(new_scanner(whole), whole)
    for steps in range(8, len(whole.steps) + 3):
        wire = Wire()
        scanner = new_scanner(wire)
        scanner.step()
        while scanner.identity is None:
            scanner.step()
        scanner.arm()
        wire.picture = LYING
        for _ in range(steps):
            scanner.step()
        scanner.close()
        assert wire.modes[-1] == OFF
        assert not wire.device.led
        assert (wire.closed, wire.resets) == (1, 0)


def test_the_serial_number_is_the_descriptors() -> None:
    wire = Wire()
    scanner = new_scanner(wire)
    live(scanner, wire)
    assert scanner.identity is not None
    assert (scanner.identity.serial, scanner.identity.firmware) == ("{1}", "0115/0010")


@settings(max_examples=60, deadline=None)
@given(st.data(), st.lists(st.sampled_from(["arm", "disarm", "put", "lift", "steps"]), max_size=12))
def test_whatever_the_cable_brings_it_is_an_event_or_a_device_fault(
    data: st.DataObject, actions: list[str]
) -> None:
    wire, machine = Wire(), new(empty_first=data.draw(st.booleans()))
    codes = st.sampled_from([b"\x56\xaa", b"\1\1", b"\2\0", b"\x08\0", b"\1", b"\xff\xff"])
    with suppress(DeviceFault):
        for action in [*actions, "steps"]:
            match action:
                case "arm":
                    machine.arm()
                case "disarm":
                    machine.disarm()
                case "put":
                    wire.picture = LYING
                case "lift":
                    wire.picture = EMPTY
                case _:
                    for _ in range(data.draw(st.integers(0, 60))):
                        step = machine.next_step()
                        answer = wire.perform(step)
                        if data.draw(st.integers(0, 15)) == 0:
                            answer = data.draw(codes if isinstance(step, Hear) else st.binary(max_size=80))
                        machine.receive(answer)
        return
    with pytest.raises(DeviceFault):
        machine.next_step()
