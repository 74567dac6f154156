"""One scanner, open: pumps a driver's machine over a transport. What a scanner's process runs."""

import contextlib
import time
from dataclasses import replace

from drivers import registry
from drivers.api import (
    DeviceIdentity,
    DriverSpec,
    Event,
    Hear,
    MachineOptions,
    Opened,
    Transport,
    UsbId,
    Wait,
)
from drivers.choosing import FoundScanner, choose
from drivers.errors import DeviceFault, FaultKind
from drivers.usb_transport import find_devices
from drivers.where import parse_where

SLICE_SECONDS = 0.02  # longest sleep of one `step`, so that an order or a signal is heard soon
CLOSING_STEPS = 128  # most steps to bring the machine to rest; the longest capture takes 94
_CUT = 0.0  # of a wait that ends at once
_DEFAULT = MachineOptions()


class Scanner:
    """An open scanner, for one thread: call `step` again and again, `arm` and `disarm` between steps."""

    def __init__(self, spec: DriverSpec, transport: Transport, options: MachineOptions = _DEFAULT) -> None:
        self.spec = spec
        self.identity: DeviceIdentity | None = None  # known once `step` has returned Opened
        self._transport = transport
        self._machine = spec.make_machine(options)
        self._wait_ends: float | None = None
        self._fault: DeviceFault | None = None

    @property
    def resting(self) -> bool:
        """Whether nothing on the device is switched on."""
        return self._machine.resting

    def arm(self, rolled: bool = False) -> None:
        """Order one acquisition: FingerOn, Captured, FingerOff will come from `step`; ValueError for a roll
        that the scanner cannot take.

        With `rolled` it is one of a finger that is rolled from nail to nail: FingerOn, Rolled, FingerOff.
        """
        if rolled and "rolled" not in self.spec.impressions:
            raise ValueError(f"the {self.spec.model} takes no rolled fingers")
        self._machine.arm(rolled)
        self._end_wait()

    def disarm(self) -> None:
        """Withdraw the order; the scanner's light goes off with the next steps."""
        self._machine.disarm()
        self._end_wait()

    def step(self) -> Event | None:
        """Do one step on the wire, or sleep a little; DeviceFault ends the scanner: close it, open again."""
        if self._fault is not None:
            raise self._fault
        try:
            step = self._machine.next_step()
            if isinstance(step, Wait | Hear):
                brought = self._waited(step)
                if brought is None:
                    return None
                event = self._machine.receive(brought)
            else:
                event = self._machine.receive(self._transport.perform(step))
        except DeviceFault as fault:
            self._fault = fault
            raise
        if isinstance(event, Opened):
            firmware = event.firmware or self._transport.release
            serial = event.serial or self._transport.serial
            self.identity = DeviceIdentity(self.spec.model, serial, firmware, self._transport.location)
        return event

    def close(self) -> None:
        """Switch the scanner's light off and let go of it; a scanner that failed is reset instead."""
        if self._fault is None and self.identity is not None:
            self.disarm()
            with contextlib.suppress(DeviceFault):
                for _ in range(CLOSING_STEPS):
                    if self._machine.resting:
                        break
                    self._end_wait()
                    self.step()
        if self._fault is not None and self._fault.kind in (FaultKind.TIMEOUT, FaultKind.PROTOCOL):
            self._transport.reset()
        self._transport.close()

    def _end_wait(self) -> None:
        self._wait_ends = _CUT

    def _waited(self, step: Wait | Hear) -> bytes | None:
        """Spend a slice of a wait; None while it is not over, else what was heard."""
        now = time.monotonic()
        if self._wait_ends is None or (self._wait_ends == _CUT and isinstance(step, Hear) and step.firm):
            self._wait_ends = now + step.seconds
        left = max(0.0, min(SLICE_SECONDS, self._wait_ends - now))
        heard = None
        if isinstance(step, Hear):
            heard = self._transport.hear(left)
        elif left:
            time.sleep(left)
        if heard is None and time.monotonic() < self._wait_ends:
            return None
        self._wait_ends = None
        return heard or b""


def open_scanner(where: str, options: MachineOptions = _DEFAULT) -> Scanner:
    """Open the one supported scanner at `where`; every failure is a DeviceFault, and so are several scanners.

    `where` is "usb", "usb:BUS-PORT[.PORT]" or "usbip://HOST:PORT[/BUSID]".
    """
    return open_found(choose(list_scanners(where), where, unproved=options.unproved), options)


def open_found(found: FoundScanner, options: MachineOptions = _DEFAULT) -> Scanner:
    """Open one of `list_scanners`; every failure is a DeviceFault."""
    assert found.connect is not None, "it was found by list_scanners"
    return Scanner(found.spec, found.connect(), replace(options, usb_id=found.usb_id))


def list_scanners(where: str) -> list[FoundScanner]:
    """The supported scanners at a place, by location; DeviceFault when the place cannot be asked."""
    try:
        devices = find_devices(parse_where(where))
    except ValueError as error:
        raise DeviceFault(FaultKind.UNSUPPORTED, str(error)) from error
    scanners = []
    for device in devices:
        spec = registry.driver_for(device.vendor, device.product)
        if spec is not None:
            usb_id = UsbId(device.vendor, device.product)
            scanners.append(FoundScanner(device.location, spec, device.serial, usb_id, device.open))
    return scanners
