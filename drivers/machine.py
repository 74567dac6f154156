"""A sans-IO machine written as a generator: a driver tells its protocol as a story of steps."""

from collections.abc import Generator
from typing import TypeVar

from drivers.api import (
    MESSAGE_BYTES,
    BulkIn,
    BulkOut,
    ControlIn,
    ControlOut,
    Event,
    Hear,
    MachineOptions,
    Step,
)
from drivers.errors import DeviceFault, FaultKind

T = TypeVar("T")
Program = Generator[Step, bytes, T]


class ProgramMachine:
    """Runs `program()`: each `yield step` gets what the wire brought, `emit` reports one event."""

    def __init__(self, options: MachineOptions) -> None:
        self.options = options
        self.resting = False
        self.rolled = False  # what the order asks for
        self._order = 0  # grows with every arm and disarm; odd while there is an order
        self._fulfilled = 0
        self._event: Event | None = None
        self._fault: DeviceFault | None = None
        self._running = self.program()
        self._step = next(self._running)

    def program(self) -> Program[None]:
        """Tell the device's whole life; never ends, except by a DeviceFault."""
        raise NotImplementedError

    def next_step(self) -> Step:
        """Say what to do on the wire now; the same answer until `receive` is called."""
        if self._fault is not None:
            raise self._fault
        return self._step

    def receive(self, data: bytes) -> Event | None:
        """Take what the last step brought; a wrong length is a fault."""
        step = self.next_step()
        least, wanted = _lengths(step)
        self._event = None
        try:
            if not least <= len(data) <= wanted:
                raise DeviceFault(FaultKind.PROTOCOL, f"{len(data)} of {wanted} bytes came for {_name(step)}")
            self._step = self._running.send(data)
        except DeviceFault as fault:
            self._fault = fault
            self._running.close()
            raise
        return self._event

    def arm(self, rolled: bool = False) -> None:
        """Give an order to capture, or to take a roll's pictures; nothing changes while one stands."""
        if self.order is None:
            self.rolled = rolled
            self._order += 1 + self._order % 2

    def disarm(self) -> None:
        """Withdraw the order; nothing changes when there is none."""
        self._order += self._order % 2

    @property
    def order(self) -> int | None:
        """The order that waits to be fulfilled, or None."""
        return self._order if self._order % 2 and self._order != self._fulfilled else None

    def fulfil(self) -> None:
        """The order that stands is carried out; the next `arm` is a new one."""
        self._fulfilled = self._order

    def withdrawn(self, order: int) -> bool:
        """Whether this order was taken back, or another one has followed it."""
        return self._order != order

    def emit(self, event: Event) -> None:
        """Report one event with the answer to the present `receive`."""
        assert self._event is None, "one receive reports at most one event"
        self._event = event


def _lengths(step: Step) -> tuple[int, int]:
    """Fewest and most bytes that answer a step."""
    if isinstance(step, BulkIn):
        return step.length if step.least is None else step.least, step.length
    if isinstance(step, Hear):
        return 0, MESSAGE_BYTES
    length = step.length if isinstance(step, ControlIn) else 0
    return length, length


def _name(step: Step) -> str:
    if isinstance(step, BulkIn):
        return "a bulk read" if step.endpoint is None else f"a read of endpoint 0x{step.endpoint:02x}"
    if isinstance(step, BulkOut):
        return f"a write to endpoint 0x{step.endpoint:02x}"
    return (
        f"request {step.request}" if isinstance(step, ControlIn | ControlOut) else type(step).__name__.lower()
    )
