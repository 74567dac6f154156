"""The FS80 on the software bus: off unless asked for, then captured over USB/IP and pyusb."""

from pathlib import Path

import numpy as np
import pytest

from drivers.api import Captured, Event, FingerOff, FingerOn, MachineOptions, Opened
from drivers.errors import DeviceFault, FaultKind
from drivers.session import Scanner, open_scanner
from fwtools.virtual.futronic import Window
from tests.fwtools.virtual_scanner import virtual_scanner, write_fingers


def until(scanner: Scanner, kind: type[Event]) -> Event:
    while True:
        event = scanner.step()
        if isinstance(event, kind):
            return event


def test_it_is_refused_with_a_way_out_and_captures_when_switched_on(tmp_path: Path) -> None:
    fingers = write_fingers(tmp_path, 2)
    with virtual_scanner(tmp_path, "--model", "fs80") as virtual:
        with pytest.raises(DeviceFault, match="never seen working on hardware, so it is off") as fault:
            open_scanner(virtual.usbip)
        assert fault.value.kind is FaultKind.UNSUPPORTED
        assert "unproved = true under [scanner]" in fault.value.detail
        scanner = open_scanner(virtual.usbip, MachineOptions(poll_seconds=0.01, unproved=True))
        until(scanner, Opened)
        for pixels in fingers.values():
            scanner.arm()
            until(scanner, FingerOn)
            captured = until(scanner, Captured)
            assert isinstance(captured, Captured)
            np.testing.assert_array_equal(captured.frame.pixels, Window().finger(pixels)[1])
            until(scanner, FingerOff)
        scanner.close()
