"""The U.are.U 4500 without a kernel: virtual scanner in a process, USB/IP, pyusb, driver, session."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.api import Captured, DeviceIdentity, Event, FingerOff, FingerOn, Opened, PlatenOccupied
from drivers.digitalpersona_uru4000 import DRIVER
from drivers.errors import DeviceFault, FaultKind
from drivers.session import FoundScanner, Scanner, list_scanners, open_scanner
from fwtools.virtual.uru4500 import upright
from tests.fwtools.virtual_scanner import VirtualScanner, virtual_scanner, write_fingers

Fingers = tuple[Path, dict[str, NDArray[np.uint8]]]


@pytest.fixture(scope="module")
def fingers(tmp_path_factory: pytest.TempPathFactory) -> Fingers:
    folder = tmp_path_factory.mktemp("fingers")
    return folder, write_fingers(folder, 3)


@pytest.fixture
def virtual(fingers: Fingers) -> Iterator[VirtualScanner]:
    with virtual_scanner(fingers[0], "--model", "uru4500", "--control", "0") as scanner:
        yield scanner


def until(scanner: Scanner, kind: type[Event]) -> Event:
    while True:
        event = scanner.step()
        if isinstance(event, kind):
            return event


def same(captured: Event, pixels: NDArray[np.uint8]) -> bool:
    """Whether it is this finger, upright, but for one row and four pixels that the device does not send."""
    assert isinstance(captured, Captured)
    assert captured.frame.pixels.shape == (DRIVER.height, DRIVER.width)
    different = captured.frame.pixels != upright(pixels)
    return int(different.any(1).sum()) <= 5 and int(different.sum()) <= DRIVER.width + 4


def test_every_finger_put_on_is_captured(virtual: VirtualScanner, fingers: Fingers) -> None:
    location = f"{virtual.usbip}/1-1"
    assert list_scanners(virtual.usbip) == [FoundScanner(location, DRIVER)]
    scanner = open_scanner(virtual.usbip)
    until(scanner, Opened)
    assert scanner.identity == DeviceIdentity("DigitalPersona U.are.U 4000/4500", "", "0115/0010", location)
    assert not virtual.do("status")["led"]
    for name, pixels in fingers[1].items():
        scanner.arm()
        virtual.do("put", image=name)
        until(scanner, FingerOn)
        assert same(until(scanner, Captured), pixels)
        assert virtual.do("status")["led"]
        virtual.do("lift")
        until(scanner, FingerOff)
    scanner.close()
    assert not virtual.do("status")["led"]


def test_automatic_presentations(fingers: Fingers) -> None:
    with virtual_scanner(fingers[0], "--model", "uru4500") as virtual:
        scanner = open_scanner(virtual.usbip)
        until(scanner, Opened)
        for pixels in fingers[1].values():
            scanner.arm()
            assert same(until(scanner, Captured), pixels)
            until(scanner, FingerOff)
        scanner.close()


def test_a_finger_that_lay_there_before_is_lifted_first(virtual: VirtualScanner, fingers: Fingers) -> None:
    name, pixels = next(iter(fingers[1].items()))
    virtual.do("put", image=name)
    scanner = open_scanner(virtual.usbip)
    until(scanner, Opened)
    scanner.arm()
    until(scanner, PlatenOccupied)
    virtual.do("lift")
    until(scanner, FingerOff)
    virtual.do("put", image=name)
    assert same(until(scanner, Captured), pixels)
    scanner.close()


@pytest.mark.parametrize("armed", [False, True])
def test_unplugged_at_rest_and_while_it_waits_is_noticed(virtual: VirtualScanner, armed: bool) -> None:
    scanner = open_scanner(virtual.usbip)
    until(scanner, Opened)
    if armed:
        scanner.arm()
        while not virtual.do("status")["led"]:
            scanner.step()
    virtual.do("unplug")
    with pytest.raises(DeviceFault) as fault:
        until(scanner, Opened)
    assert fault.value.kind is FaultKind.UNPLUGGED
    scanner.close()
    virtual.do("replug")
    again = open_scanner(virtual.usbip)
    until(again, Opened)
    again.close()
