"""Pictures of a target from a scanner, through its driver, as a booth takes fingers."""

import time
from collections.abc import Callable, Iterator

from drivers.api import (
    Captured,
    DeviceIdentity,
    Event,
    FingerOff,
    Frame,
    MachineOptions,
    Opened,
    PlatenOccupied,
)
from drivers.choosing import choose
from drivers.errors import DeviceFault, FaultKind
from drivers.session import Scanner, list_scanners, open_found
from fwtools.errors import ToolError

OPEN_SECONDS = 30.0


class Taking:
    """An open scanner that pictures of a target are taken with; DeviceFault becomes ToolError."""

    def __init__(self, where: str, serial: str | None, patience: float, tell: Callable[[str], None]) -> None:
        self._patience, self._tell = patience, tell
        try:
            found = choose(list_scanners(where), where, serial)
            self._scanner: Scanner = open_found(found, MachineOptions(poll_seconds=0.1))
        except DeviceFault as fault:
            raise ToolError(_sentence(fault)) from fault
        self.spec = found.spec
        try:
            self.unit = self._opened()
            if serial not in (None, self.unit.serial):
                raise ToolError(
                    f"the scanner at {self.unit.location} has the number {self.unit.serial}, not {serial}"
                )
        except ToolError:
            self.close()
            raise

    def _opened(self) -> DeviceIdentity:
        self._until(Opened, OPEN_SECONDS, "the scanner did not answer")
        assert self._scanner.identity is not None, "it was opened"
        return self._scanner.identity

    def pictures(self, count: int) -> Iterator[Frame]:
        """Take so many, the target laid down anew for each."""
        for number in range(1, count + 1):
            self._tell(f"lay the target on the platen ({number} of {count})")
            self._scanner.arm()
            event = self._until(Captured, self._patience, "nothing was laid on the platen")
            assert isinstance(event, Captured)
            yield event.frame
            self._tell("lift it")
            self._until(FingerOff, self._patience, "the target was not lifted")

    def _until(self, kind: type[Event], seconds: float, why: str) -> Event:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            try:
                event = self._scanner.step()
            except DeviceFault as fault:
                raise ToolError(_sentence(fault)) from fault
            if isinstance(event, kind):
                return event
            if isinstance(event, PlatenOccupied):
                self._tell("something lies on the platen: lift it first")
        raise ToolError(f"{why} within {seconds:g} seconds: nothing was written; begin again")

    def close(self) -> None:
        """Let go of the scanner."""
        self._scanner.close()


def _sentence(fault: DeviceFault) -> str:
    busy = fault.kind is FaultKind.BUSY
    return f"{fault}: is it the booth's daemon? End it first" if busy else str(fault)
