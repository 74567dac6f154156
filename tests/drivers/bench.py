"""A bench for drivers: the virtual scanner's model as a transport in this process, without sockets."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivers.api import BulkIn, ControlIn, ControlOut, Event, MachineOptions, Step, Wait
from drivers.errors import DeviceFault, FaultKind
from drivers.secugen_hamster_pro_20 import DRIVER, HamsterPro20
from fwtools.virtual import hamster
from fwtools.virtual.optics import Device, Optics, Picture

FAST = MachineOptions(poll_seconds=0.0)


@cache
def optics() -> Optics:
    return Optics(Device.make(1), 1)


def ridges(seed: int = 0) -> NDArray[np.uint8]:
    """Wavy stripes under an oval, nine pixels a period: enough of a finger for a scanner."""
    y, x = np.mgrid[0:400, 0:300]
    rng = np.random.default_rng(seed)
    a, b, c = rng.uniform(0.2, 1.0, 3)
    wave = np.cos(2 * np.pi / 9 * (y * a + x * b + 12 * np.sin(x / 40 + c) + 9 * np.sin(y / 50)))
    contact = ((x - 150) / 120) ** 2 + ((y - 200) / 170) ** 2 < 1
    return np.where(contact, 128 - 100 * wave, 250).astype(np.uint8)


@cache
def finger(seed: int = 0) -> tuple[Picture, Picture]:
    return optics().finger(ridges(seed))


class ModelWire:
    """A transport whose other end is the model; the test lays pictures on its platen."""

    location, release = "bench:1", "22.06"

    def __init__(self) -> None:
        self.device = hamster.HamsterPro20("BENCH", Device.make(1).factory_data(), self._shoot)
        self.platen: list[Picture] = []  # shown one after the other, the last for ever; empty: no finger
        self.steps: list[Step] = []
        self.answer: Callable[[int, Step, bytes], bytes] = lambda number, step, data: data
        self.resets = self.closed = 0

    def _shoot(self, led: bool) -> bytes:
        if not led:
            return optics().shoot(optics().dark)
        if not self.platen:
            return optics().shoot(optics().empty)
        return optics().shoot(self.platen.pop(0) if len(self.platen) > 1 else self.platen[0])

    def perform(self, step: Step) -> bytes:
        self.steps.append(step)
        return self.answer(len(self.steps) - 1, step, self._perform(step))

    def _perform(self, step: Step) -> bytes:
        match step:
            case ControlIn(request, value, index, length):
                setup = bytes([0xC0, request, *value.to_bytes(2, "little"), *index.to_bytes(2, "little")])
                return self.device.control(setup + length.to_bytes(2, "little"), b"")
            case ControlOut(request, value, index, data):
                setup = bytes([0x40, request, *value.to_bytes(2, "little"), *index.to_bytes(2, "little")])
                return self.device.control(setup + len(data).to_bytes(2, "little"), data)
            case BulkIn(0x82, length, piece):
                sizes = [min(piece, length - start) for start in range(0, length, piece)]
                pieces = [self.device.read(size) for size in sizes]
                if None in pieces:
                    raise DeviceFault(FaultKind.TIMEOUT, "nothing streams")
                return b"".join(piece for piece in pieces if piece)
            case Wait():
                return b""
        raise AssertionError(f"the model has no such endpoint: {step}")

    def reset(self) -> None:
        self.resets += 1
        self.device.reset()

    def close(self) -> None:
        self.closed += 1

    @property
    def dark(self) -> bool:
        """Whether light and stream are off."""
        return not self.device.led and not self.device.streaming


def new_machine(options: MachineOptions = FAST) -> HamsterPro20:
    machine = DRIVER.make_machine(options)
    assert isinstance(machine, HamsterPro20)
    return machine


def run(machine: Any, wire: Any, until: type[Event] | None, most: int = 500) -> list[Event]:
    """Pump until an event of a kind has come; the events, that one included."""
    events: list[Event] = []
    for _ in range(most):
        event = machine.receive(wire.perform(machine.next_step()))
        if event is not None:
            events.append(event)
        if until is not None and isinstance(event, until):
            return events
    assert until is None, f"no {until} in {most} steps, but {events}"
    return events


def kinds(events: list[Event]) -> list[type]:
    return [type(event) for event in events]
