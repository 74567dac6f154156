"""The Hamster Pro 20's machine against the model: acquisitions, orders at any moment, faults at any step."""

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.api import (
    BulkIn,
    Captured,
    ControlIn,
    ControlOut,
    Event,
    FingerOff,
    FingerOn,
    Frame,
    Learned,
    MachineOptions,
    Opened,
    PlatenOccupied,
    Preview,
    Step,
    Wait,
)
from drivers.errors import DeviceFault, FaultKind
from drivers.presence import light_over
from drivers.secugen_hamster_pro_20 import PATIENT_LOOKS, SETTLING_LOOKS, recall
from drivers.secugen_image import render
from tests.drivers.bench import FAST, ModelWire, finger, kinds, new_machine, optics, ridges, run


def test_one_acquisition_from_open_to_rest() -> None:
    wire, machine = ModelWire(), new_machine()
    assert run(machine, wire, Opened) == [Opened("BENCH", "")]
    assert machine.resting
    assert wire.dark
    machine.arm()
    run(machine, wire, None, most=60)
    wire.platen = [*finger()]
    on, captured = run(machine, wire, Captured)
    assert isinstance(on, FingerOn)
    assert isinstance(captured, Captured)
    assert (captured.frame.ppi_x, captured.frame.ppi_y) == (500, 500)
    assert np.corrcoef(captured.frame.pixels.ravel(), ridges().ravel())[0, 1] > 0.98
    assert kinds(run(machine, wire, None, most=60)) == []
    wire.platen = []
    assert kinds(run(machine, wire, FingerOff)) == [FingerOff]
    assert run(machine, wire, None, most=60) == []
    assert machine.resting
    assert wire.dark


def test_a_finger_that_still_lands_or_moves_is_not_captured() -> None:
    wire, machine = ModelWire(), new_machine()
    run(machine, wire, Opened)
    machine.arm()
    landing, lying = finger()
    moved = np.roll(lying, 6, axis=0)  # of the raw picture: three and a half pixels of the image
    wire.platen = [landing, lying, moved, lying, moved]
    on, captured = run(machine, wire, Captured)
    assert isinstance(on, FingerOn)
    assert isinstance(captured, Captured)
    assert wire.platen == [moved], "captured before it lay still"


def test_a_finger_that_never_lies_still_is_captured_in_the_end() -> None:
    wire, machine = ModelWire(), new_machine()
    run(machine, wire, Opened)
    machine.arm()
    lying = finger()[1]
    wire.platen = [np.roll(lying, 8 * (n % 2), axis=0) for n in range(50)]
    run(machine, wire, Captured)
    assert 50 - len(wire.platen) == 1 + SETTLING_LOOKS


@pytest.mark.parametrize("piece", range(11))
def test_garbage_in_any_piece_of_a_picture_is_not_captured(piece: int) -> None:
    wire, machine = ModelWire(), new_machine()
    run(machine, wire, Opened)
    machine.arm()
    wire.platen = [*finger()]
    run(machine, wire, FingerOn)
    spoilt, rng = list[int](), np.random.default_rng(piece)

    def spoil(number: int, step: Step, data: bytes) -> bytes:
        if not isinstance(step, BulkIn) or len(spoilt) == 2:
            return data
        spoilt.append(number)
        if len(spoilt) == 1:
            return data  # lies already; the next would be captured
        start, end = 65_536 * piece, min(65_536 * (piece + 1), len(data))
        return data[:start] + rng.bytes(end - start) + data[end:]

    wire.answer = spoil
    (captured,) = run(machine, wire, Captured)
    assert isinstance(captured, Captured)
    looks = sum(isinstance(step, BulkIn) for step in wire.steps[spoilt[0] :])
    assert looks > 2, "the spoilt picture was captured"
    assert np.corrcoef(captured.frame.pixels.ravel(), ridges().ravel())[0, 1] > 0.98
    assert (captured.frame.pixels[:3] > 220).all(), "nothing of the garbage is in it"
    assert (captured.frame.pixels[-3:] > 220).all()


def test_a_device_whose_pictures_end_otherwise_is_captured_from_in_the_end() -> None:
    wire, machine = ModelWire(), new_machine()
    run(machine, wire, Opened)
    machine.arm()
    wire.platen = [*finger()]
    wire.answer = lambda number, step, data: data[:-2] + bytes(2) if isinstance(step, BulkIn) else data
    assert kinds(run(machine, wire, Captured)) == [FingerOn, Captured]


def test_an_id_that_is_no_text_is_a_fault() -> None:
    wire, machine = ModelWire(), new_machine()
    wire.answer = lambda number, step, data: bytes(range(0x90, 0xAE)) if number == 0 else data
    with pytest.raises(DeviceFault, match=r"its id 90 91 .* is no text") as fault:
        run(machine, wire, Opened)
    assert fault.value.kind is FaultKind.PROTOCOL


def test_a_finger_that_leaves_too_soon_is_waited_for_again() -> None:
    wire, machine = ModelWire(), new_machine()
    run(machine, wire, Opened)
    machine.arm()
    wire.platen = [finger()[0], np.full((688, 956), 16, np.uint8)]
    assert kinds(run(machine, wire, FingerOff)) == [FingerOn, FingerOff]
    wire.platen = [*finger(1)]
    assert kinds(run(machine, wire, Captured)) == [FingerOn, Captured]


def test_a_finger_that_lay_there_at_the_start_must_be_lifted_first() -> None:
    wire, machine = ModelWire(), new_machine()
    wire.platen = [*finger()]
    run(machine, wire, Opened)
    machine.arm()
    assert kinds(run(machine, wire, None, most=100)) == [PlatenOccupied]
    wire.platen = []
    assert kinds(run(machine, wire, None, most=60)) == [FingerOff]
    wire.platen = [*finger(1)]
    _, captured = run(machine, wire, Captured)
    assert isinstance(captured, Captured)
    assert np.corrcoef(captured.frame.pixels.ravel(), ridges(1).ravel())[0, 1] > 0.98


def test_a_captured_finger_is_never_captured_for_the_next_order() -> None:
    wire, machine = ModelWire(), new_machine()
    run(machine, wire, Opened)
    machine.arm()
    wire.platen = [*finger()]
    run(machine, wire, Captured)
    machine.disarm()
    machine.arm()
    assert kinds(run(machine, wire, None, most=100)) == [PlatenOccupied]
    wire.platen = []
    assert kinds(run(machine, wire, FingerOff)) == [FingerOff]


def test_with_a_preview_each_picture_of_an_acquisition_is_shown_once() -> None:
    wire, machine = ModelWire(), new_machine(MachineOptions(0.0, preview=True))
    assert kinds(run(machine, wire, Opened)) == [Opened], "nothing is shown without an order"
    looks = sum(isinstance(step, BulkIn) for step in wire.steps)
    machine.arm()
    shown = run(machine, wire, None, most=60)
    assert set(kinds(shown)) == {Preview}
    wire.platen = [*finger()]
    shown += run(machine, wire, Captured)
    *_, before, captured = shown
    assert isinstance(before, Preview)
    assert isinstance(captured, Captured)
    assert before.frame is captured.frame, "rendered twice"
    assert np.corrcoef(captured.frame.pixels.ravel(), ridges().ravel())[0, 1] > 0.98
    shown += run(machine, wire, None, most=60)
    wire.platen = []
    shown += run(machine, wire, FingerOff)
    assert run(machine, wire, None, most=60) == [], "nothing is shown after the finger was lifted"
    pictures = sum(isinstance(step, BulkIn) for step in wire.steps) - looks
    assert kinds(shown).count(Preview) == pictures - 1, "all but the one that shows it lifted"


def test_a_finger_that_lies_badly_is_waited_for_a_little_and_taken_once_it_lies_well() -> None:
    seen, good = 0, 8

    def badly(frame: Frame) -> bool:
        nonlocal seen
        seen += 1
        return seen < good

    options = MachineOptions(0.0, preview=True, wait_while=badly)
    wire, machine = ModelWire(), new_machine(options)
    run(machine, wire, Opened)
    wire.platen = [finger()[1]]
    machine.arm()
    assert kinds(run(machine, wire, Captured)) == [FingerOn, *[Preview] * (good + 2), Captured], (
        "and still, at last"
    )
    wire.platen = []
    run(machine, wire, FingerOff)
    seen, good = 0, 1_000_000
    wire.platen = [finger()[1]]
    machine.arm()
    assert kinds(run(machine, wire, Captured, most=2000)).count(Preview) == 2 + PATIENT_LOOKS + 1


def test_a_finger_that_lies_badly_may_go() -> None:
    wire, machine = ModelWire(), new_machine(MachineOptions(0.0, wait_while=lambda frame: True))
    run(machine, wire, Opened)
    wire.platen = [finger()[1]]
    machine.arm()
    run(machine, wire, None, most=80)
    wire.platen = []
    assert kinds(run(machine, wire, FingerOff)) == [FingerOff]
    assert kinds(run(machine, wire, None, most=60)) == [], "nothing was captured of it, and the order stands"
    assert machine.order is not None


def test_a_withdrawn_order_is_shown_nothing() -> None:
    wire, machine = ModelWire(), new_machine(MachineOptions(0.0, preview=True))
    run(machine, wire, Opened)
    machine.arm()
    run(machine, wire, Preview)
    machine.disarm()
    assert run(machine, wire, None, most=60) == []


def test_looks_of_a_preview_follow_each_other_sooner() -> None:
    for preview, seconds in ((False, 0.2), (True, 0.1)):
        wire, machine = ModelWire(), new_machine(MachineOptions(preview=preview))
        run(machine, wire, Opened)
        machine.arm()
        wire.steps.clear()
        run(machine, wire, None, most=60)
        assert {step.seconds for step in wire.steps if isinstance(step, Wait)} == {seconds, 1.0}


def test_a_finger_put_on_at_rest_is_taken_at_once() -> None:
    wire, machine = ModelWire(), new_machine()
    run(machine, wire, Opened)
    wire.platen = [*finger()]
    machine.arm()
    assert kinds(run(machine, wire, Captured)) == [FingerOn, Captured]


def test_without_settling_the_first_picture_is_taken() -> None:
    wire, machine = ModelWire(), new_machine(MachineOptions(0.0, settle_frames=0, empty_first=False))
    wire.platen = [finger()[1]]
    run(machine, wire, Opened)
    looks = sum(isinstance(step, BulkIn) for step in wire.steps)
    assert looks == 2, "only the two dark pictures"
    machine.arm()
    assert kinds(run(machine, wire, Captured)) == [FingerOn, Captured]
    assert sum(isinstance(step, BulkIn) for step in wire.steps) == looks + 1
    assert run(machine, wire, None, most=60) == [], "it still lies"
    wire.platen = []
    assert kinds(run(machine, wire, FingerOff)) == [FingerOff]


def test_a_finger_whose_order_was_withdrawn_must_be_lifted_before_the_next() -> None:
    wire, machine = ModelWire(), new_machine()
    run(machine, wire, Opened)
    machine.arm()
    wire.platen = [*finger()]
    run(machine, wire, FingerOn)
    machine.disarm()
    machine.arm()
    assert kinds(run(machine, wire, None, most=100)) == [PlatenOccupied]


def test_at_rest_the_device_is_asked_whether_it_is_there() -> None:
    wire, machine = ModelWire(), new_machine()
    run(machine, wire, Opened)
    wire.steps.clear()
    run(machine, wire, None, most=4)
    assert wire.steps == [Wait(1.0), ControlIn(22, 0, 0, 4)] * 2


def test_background_follows_a_slowly_changing_light() -> None:
    wire, machine = ModelWire(), new_machine()
    run(machine, wire, Opened)
    machine.arm()
    for level in range(0, 60, 3):
        wire.platen = [np.full((688, 956), 18 + level, np.uint8)]
        assert run(machine, wire, None, most=20) == []
    wire.platen = [np.full((688, 956), 118, np.uint8)]
    assert kinds(run(machine, wire, FingerOn)) == [FingerOn]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("most", [1.0, 2.0, 4.0])
def test_a_finger_that_arrives_slowly_never_becomes_background(seed: int, most: float) -> None:
    wire, machine = ModelWire(), new_machine()
    run(machine, wire, Opened)
    machine.arm()
    empty, (_, lying) = optics().empty, finger(seed)
    light = np.maximum(lying, empty) - empty
    step = most / light_over(lying, empty)
    share, events = 0.0, []
    while not events and share < 1.0:
        share += step
        wire.platen = [empty + (light * min(share, 1.0)).astype(np.uint8)]
        events = run(machine, wire, None, most=10)  # a look or more
    assert kinds(events) == [FingerOn]
    assert share < 0.25, "it is noticed when a finger laid down at once is"
    wire.platen = [lying]
    assert isinstance(run(machine, wire, Captured)[-1], Captured)
    assert run(machine, wire, None, most=40) == [], "it still lies"
    wire.platen = []
    assert kinds(run(machine, wire, FingerOff)) == [FingerOff]


def acquire(wire: ModelWire) -> None:
    """Open, capture one finger, come to rest."""
    machine = new_machine()
    run(machine, wire, Opened)
    machine.arm()
    wire.platen = [*finger()]
    run(machine, wire, Captured)
    wire.platen = []
    run(machine, wire, FingerOff)
    run(machine, wire, None, most=5)


def steps_of_an_acquisition() -> list[Step]:
    wire = ModelWire()
    acquire(wire)
    return wire.steps


STEPS = steps_of_an_acquisition()


@pytest.mark.parametrize("extra", [-1, 1])
def test_a_wrong_length_at_any_read_is_a_protocol_fault(extra: int) -> None:
    reads = [n for n, step in enumerate(STEPS) if isinstance(step, ControlIn | BulkIn)]
    assert len(reads) > 80
    for number in reads:
        wire = ModelWire()
        wire.answer = lambda n, step, data, at=number: (data + b"x")[: len(data) + extra] if n == at else data
        with pytest.raises(DeviceFault) as fault:
            acquire(wire)
        assert fault.value.kind is FaultKind.PROTOCOL
        assert len(wire.steps) == number + 1, "it went on after the fault"


def test_a_register_that_does_not_keep_its_value_is_named() -> None:
    wire = ModelWire()
    wire.answer = lambda n, step, data: b"\x55" if step == ControlIn(34, 0x37, 0x41, 1) else data
    with pytest.raises(DeviceFault, match="kept 0x55, not 0x00, in register 0x41") as fault:
        acquire(wire)
    assert fault.value.kind is FaultKind.PROTOCOL


@pytest.mark.parametrize("blank", [b"\x00", b"\xff"])
def test_blank_factory_data_are_refused(blank: bytes) -> None:
    wire = ModelWire()
    wire.answer = lambda n, step, data: blank * len(data) if getattr(step, "request", 0) == 8 else data
    with pytest.raises(DeviceFault, match="factory data hold no flat-field") as fault:
        acquire(wire)
    assert fault.value.kind is FaultKind.PROTOCOL


def learn() -> tuple[ModelWire, Learned]:
    wire = ModelWire()
    learned, opened = run(wire=wire, machine=new_machine(MachineOptions(0.0, remembered={})), until=Opened)
    assert isinstance(learned, Learned)
    assert isinstance(opened, Opened)
    assert factory_reads(wire) == 6
    return wire, learned


def factory_reads(wire: ModelWire) -> int:
    return sum(isinstance(step, ControlIn) and step.request == 8 for step in wire.steps)


def test_remembered_factory_data_spare_all_reads_but_one_and_give_the_same_image() -> None:
    wire, learned = learn()
    images = []
    for remembered in (None, {learned.key: learned.data}):
        wire, machine = ModelWire(), new_machine(MachineOptions(0.0, remembered=remembered))
        assert kinds(run(machine, wire, Opened)) == [Opened]
        assert factory_reads(wire) == (6 if remembered is None else 1)
        images.append(render(finger()[1], machine._calibration))
    assert np.array_equal(*images)


def test_another_last_block_than_remembered_has_everything_read_again() -> None:
    _, learned = learn()
    wire = ModelWire()

    def other(number: int, step: Step, data: bytes) -> bytes:
        last = isinstance(step, ControlIn) and step.request == 8 and step.index == 0x7000
        return data[:-1] + bytes([data[-1] ^ 1]) if last else data

    wire.answer = other
    machine = new_machine(MachineOptions(0.0, remembered={learned.key: learned.data}))
    again, _ = run(machine, wire, Opened)
    assert isinstance(again, Learned)
    assert factory_reads(wire) == 7
    assert again.data[32:] == learned.data[32:-1] + bytes([learned.data[-1] ^ 1])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 32 + 22_941), st.integers(1, 255), st.booleans())
def test_damaged_memories_are_never_used(at: int, change: int, cut: bool) -> None:
    data = LEARNED.data
    spoilt = data[:at] if cut else data[:at] + bytes([data[at] ^ change]) + data[at + 1 :]
    assert recall(LEARNED.key, data) == data[32:]
    assert recall(LEARNED.key, spoilt) is None
    assert recall(LEARNED.key + "x", data) is None, "another device's"


def test_nothing_is_remembered_of_a_device_without_an_id() -> None:
    wire, machine = ModelWire(), new_machine(MachineOptions(0.0, remembered={}))
    wire.answer = lambda number, step, data: bytes(len(data)) if number == 0 else data
    assert kinds(run(machine, wire, Opened)) == [Opened]


def test_a_damaged_memory_is_learned_anew() -> None:
    wire = ModelWire()
    machine = new_machine(MachineOptions(0.0, remembered={LEARNED.key: LEARNED.data[:-1] + b"?"}))
    assert run(machine, wire, Opened)[0] == LEARNED
    assert factory_reads(wire) == 6


LEARNED = learn()[1]
GRAMMAR: dict[type | None, set[type]] = {  # what may follow what, while orders come and go
    None: {PlatenOccupied, FingerOn},
    PlatenOccupied: {PlatenOccupied, FingerOff, FingerOn},
    FingerOn: {Captured, FingerOff, PlatenOccupied, FingerOn},
    Captured: {FingerOff, PlatenOccupied, FingerOn},
    FingerOff: {FingerOn, PlatenOccupied},
}
ACTIONS = ["arm", "disarm", "put", "lift", "step", "steps"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(ACTIONS), max_size=40), st.integers(0, 2), st.booleans())
@example(["arm", "put", "steps", "steps", "disarm", "arm", "steps", "lift", "steps"], 1, True)
def test_orders_and_fingers_at_any_moment(actions: list[str], settle: int, preview: bool) -> None:
    badly = [False, True, True]  # in turn, of pictures of a finger that lies still
    wait = lambda frame: bool(badly.append(badly.pop(0)) or badly[0])  # noqa: E731
    wire, machine = ModelWire(), new_machine(MachineOptions(0.0, settle, preview=preview, wait_while=wait))
    run(machine, wire, Opened)
    last: type | None = None
    ordered = 0
    do: dict[str, Callable[[], object]] = {
        "arm": machine.arm,
        "disarm": machine.disarm,
        "put": lambda: wire.platen.extend(finger()),
        "lift": wire.platen.clear,
    }
    for action in actions:
        ordered += action == "arm"
        do.get(action, lambda: None)()
        for _ in range({"step": 1, "steps": 25}.get(action, 0)):
            step = machine.next_step()
            assert step == machine.next_step()
            event = machine.receive(wire.perform(step))
            if isinstance(event, Preview):
                assert preview
                assert ordered, "a preview without an order"
            elif event is not None:
                assert type(event) in GRAMMAR[last], f"{type(event)} after {last}"
                assert ordered, "an event without an order"
                last = type(event)
    machine.disarm()
    run(machine, wire, None, most=30)
    assert machine.resting
    assert wire.dark


@settings(max_examples=30, deadline=None)
@given(st.integers(0, len(STEPS) - 1), st.binary(min_size=1, max_size=8), st.booleans())
def test_arbitrary_answers_give_events_or_device_faults(
    start: int, pattern: bytes, same_length: bool
) -> None:
    wire = ModelWire()

    def garbage(number: int, step: Step, data: bytes) -> bytes:
        if number < start or not data:
            return data
        return (pattern * len(data))[: len(data)] if same_length else pattern

    wire.answer = garbage
    machine = new_machine(FAST)
    machine.arm()
    with suppress(DeviceFault):
        run(machine, wire, None, most=len(STEPS) + 60)
        return
    with pytest.raises(DeviceFault) as fault:
        machine.next_step()
    assert fault.value.kind is FaultKind.PROTOCOL


def exposures(wire: ModelWire) -> list[int]:
    """What was set, each once in a row."""
    asked = [
        int.from_bytes(step.data[:2], "big")
        for step in wire.steps
        if isinstance(step, ControlOut) and step.request == 64
    ]
    return [one for number, one in enumerate(asked) if number == 0 or asked[number - 1] != one]


def captured_at(light: float, remembered: dict[str, bytes], **more: Any) -> tuple[ModelWire, list[Event]]:
    """One acquisition with a unit of so much light, until the finger was lifted and a little longer."""
    wire = ModelWire()
    wire.device.light = light
    machine = new_machine(MachineOptions(0.0, remembered=remembered, **more))
    events = run(machine, wire, Opened)
    machine.arm()
    wire.platen = [*finger()]
    events += run(machine, wire, Captured)
    wire.platen = []
    events += run(machine, wire, FingerOff)
    events += run(machine, wire, None, 10)
    assert machine.resting
    remembered |= {event.key: event.data for event in events if isinstance(event, Learned)}
    return wire, events


@pytest.mark.parametrize(("light", "way"), [(0.2, 1), (1.8, -1)])
def test_a_unit_whose_light_is_wrong_is_exposed_otherwise_and_that_is_remembered(
    light: float, way: int
) -> None:
    remembered: dict[str, bytes] = {}
    wire, events = captured_at(light, remembered)
    first, *steps = exposures(wire)[1:]
    assert first == 1116
    assert 1 <= len(steps) <= 3
    assert all((after - before) * way > 0 for before, after in pairwise([first, *steps]))
    (captured,) = (event.frame.pixels for event in events if isinstance(event, Captured))
    assert np.corrcoef(captured.ravel(), ridges().ravel())[0, 1] > 0.95
    assert sum(key.endswith(" exposure") for key in remembered) == 1
    again, events = captured_at(light, remembered)
    assert exposures(again)[1:] == steps[-1:], "as it was remembered, at once"
    assert not any(isinstance(event, Learned) for event in events)


def test_a_good_unit_keeps_the_factorys_exposure_and_nothing_is_learned_of_it() -> None:
    remembered: dict[str, bytes] = {}
    wire, events = captured_at(1.0, remembered)
    assert exposures(wire) == [1000, 1116]
    assert len(remembered) == 1, "the factory data"
    assert kinds(events) == [Learned, Opened, FingerOn, Captured, FingerOff]


def test_a_unit_that_does_not_obey_goes_back_and_is_left_alone() -> None:
    wire = ModelWire()
    dim = bytes(18 + max(0, grey - 18) // 5 for grey in range(256))
    shoot = wire.device._shoot
    wire.device._shoot = lambda led: (one := shoot(led))[:-192].translate(dim) + one[-192:]
    wire.device._exposed = lambda picture: picture  # type: ignore[method-assign]
    machine = new_machine(MachineOptions(0.0))
    run(machine, wire, Opened)
    for _ in range(2):
        machine.arm()
        wire.platen = [*finger()]
        run(machine, wire, Captured)
        wire.platen = []
        run(machine, wire, FingerOff)
    tried = exposures(wire)
    assert tried[:2] == [1000, 1116]
    assert len(tried) == 4, "one step, and back; the second finger is not bothered"
    assert tried[3] == 1116


@pytest.mark.parametrize("kept", [b"", b"\0", b"\xff\xff", b"\0\1\2"])
def test_a_remembered_exposure_that_cannot_be_is_brought_within_bounds(kept: bytes) -> None:
    remembered: dict[str, bytes] = {}
    captured_at(0.2, remembered)
    key = next(key for key in remembered if key.endswith(" exposure"))
    wire, _ = captured_at(1.0, {**remembered, key: kept})
    assert all(558 <= one <= 2232 for one in exposures(wire))


def test_a_first_picture_is_taken_as_it_is() -> None:
    wire, _ = captured_at(0.25, {}, settle_frames=0)
    assert exposures(wire) == [1000, 1116]


@given(steps=st.lists(st.sampled_from(["arm", "disarm", "put", "lift", "dim", "glare", "pump"]), max_size=12))
@settings(max_examples=20, deadline=None)
def test_whatever_the_light_does_the_exposure_stays_in_its_bounds(steps: list[str]) -> None:
    wire, machine = ModelWire(), new_machine(MachineOptions(0.0, remembered={}))
    run(machine, wire, Opened)
    for step in [*steps, "pump"]:
        match step:
            case "arm":
                machine.arm()
            case "disarm":
                machine.disarm()
            case "put":
                wire.platen = [*finger()]
            case "lift":
                wire.platen = []
            case "dim" | "glare":
                wire.device.light = {"dim": 0.2, "glare": 1.8}[step]
            case _:
                run(machine, wire, None, 40)
    assert all(558 <= one <= 2232 for one in exposures(wire))
