"""The whole wire without a kernel: virtual scanner in a process, USB/IP, pyusb, driver, session."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.api import (
    BulkIn,
    Captured,
    ControlIn,
    ControlOut,
    DeviceIdentity,
    Event,
    FingerOff,
    FingerOn,
    MachineOptions,
    Opened,
)
from drivers.errors import DeviceFault, FaultKind
from drivers.secugen_hamster_pro_20 import DRIVER, FRAME_BYTES
from drivers.session import FoundScanner, Scanner, list_scanners, open_scanner
from drivers.usb_transport import UsbTransport, find_devices
from drivers.where import parse_where
from tests.fwtools.virtual_scanner import VirtualScanner, virtual_scanner, write_fingers

QUICK = MachineOptions(poll_seconds=0.005)
FRAME = BulkIn(0x82, FRAME_BYTES, 65_536, timeout=20.0)
READ_ID = ControlIn(37, 0, 0, 30, timeout=20.0)


@pytest.fixture(scope="module")
def fingers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, NDArray[np.uint8]]]:
    folder = tmp_path_factory.mktemp("fingers")
    return folder, write_fingers(folder, 3)


@pytest.fixture
def virtual(fingers: tuple[Path, dict[str, NDArray[np.uint8]]]) -> Iterator[VirtualScanner]:
    with virtual_scanner(fingers[0], "--control", "0") as scanner:
        yield scanner


def until(scanner: Scanner, kind: type[Event]) -> Event:
    while True:
        event = scanner.step()
        if isinstance(event, kind):
            return event


def transport(virtual: VirtualScanner) -> UsbTransport:
    (device,) = find_devices(parse_where(virtual.usbip))
    return device.open()


def test_every_finger_put_on_is_captured(
    virtual: VirtualScanner, fingers: tuple[Path, dict[str, NDArray[np.uint8]]]
) -> None:
    location = f"{virtual.usbip}/1-1"
    assert list_scanners(virtual.usbip) == [FoundScanner(location, DRIVER)]
    scanner = open_scanner(virtual.usbip, QUICK)
    until(scanner, Opened)
    assert scanner.identity == DeviceIdentity("SecuGen Hamster Pro 20", "V2200-000001", "22.06", location)
    for name, pixels in fingers[1].items():
        scanner.arm()
        virtual.do("put", image=name)
        until(scanner, FingerOn)
        captured = until(scanner, Captured)
        assert isinstance(captured, Captured)
        assert np.corrcoef(captured.frame.pixels.ravel(), pixels.ravel())[0, 1] > 0.98
        status = virtual.do("status")
        assert (status["finger"], status["image"], status["led"]) == (True, name, True)
        assert status["frames_since_put"] >= 3
        virtual.do("lift")
        until(scanner, FingerOff)
    scanner.close()
    status = virtual.do("status")
    assert not status["led"]
    assert not status["finger"]


def test_automatic_presentations(fingers: tuple[Path, dict[str, NDArray[np.uint8]]]) -> None:
    with virtual_scanner(fingers[0], "--frames-empty", "2", "--frames-finger", "4") as virtual:
        assert virtual.where["control"] is None
        scanner = open_scanner(f"{virtual.usbip}/{virtual.where['busid']}", QUICK)
        until(scanner, Opened)
        for pixels in fingers[1].values():
            scanner.arm()
            captured = until(scanner, Captured)
            assert isinstance(captured, Captured)
            assert np.corrcoef(captured.frame.pixels.ravel(), pixels.ravel())[0, 1] > 0.98
            until(scanner, FingerOff)
        scanner.arm()
        assert [scanner.step() for _ in range(100)] == [None] * 100, "the last finger stays away"
        scanner.close()


def test_a_time_out_leaves_the_wire_usable_and_loses_no_byte(virtual: VirtualScanner) -> None:
    wire = transport(virtual)
    with pytest.raises(DeviceFault, match="did not answer in time while reading 657920 bytes") as fault:
        wire.perform(BulkIn(0x82, FRAME_BYTES, 65_536, timeout=0.05))  # nothing streams yet
    assert fault.value.kind is FaultKind.TIMEOUT
    assert wire.perform(READ_ID).decode("utf-16-le").strip() == "V2200-000001"
    wire.perform(ControlOut(5, 1, 0))
    wire.perform(ControlOut(1, 0, 0))
    frame = wire.perform(FRAME)
    assert len(frame) == FRAME_BYTES
    assert frame[-192:] == b"\x80\x10" * 96, "the frame begins at its beginning"
    wire.perform(ControlOut(2, 0, 0))
    wire.close()


def test_a_refused_request_is_a_protocol_fault_and_the_wire_goes_on(virtual: VirtualScanner) -> None:
    wire = transport(virtual)
    with pytest.raises(DeviceFault, match="while reading request 99") as fault:
        wire.perform(ControlIn(99, 0, 0, 8))
    assert fault.value.kind is FaultKind.PROTOCOL
    assert len(wire.perform(READ_ID)) == 30
    wire.close()


def test_unplugged_in_the_middle_of_a_transfer_and_plugged_in_again(virtual: VirtualScanner) -> None:
    wire = transport(virtual)
    faults: list[DeviceFault] = []

    def read() -> None:
        with pytest.raises(DeviceFault) as fault:
            wire.perform(BulkIn(0x82, FRAME_BYTES, 65_536, timeout=120.0))
        faults.append(fault.value)

    reader = threading.Thread(target=read)
    reader.start()
    virtual.do("unplug")
    reader.join(30)
    assert not reader.is_alive(), "the read went on for longer than the cable"
    assert [fault.kind for fault in faults] == [FaultKind.UNPLUGGED]
    wire.close()
    status = virtual.do("status")
    assert not status["plugged"]
    assert not status["connected"]
    assert list_scanners(virtual.usbip) == []
    with pytest.raises(DeviceFault) as missing:
        open_scanner(virtual.usbip)
    assert missing.value.kind is FaultKind.NOT_FOUND
    virtual.do("replug")
    scanner = open_scanner(virtual.usbip, QUICK)
    until(scanner, Opened)
    scanner.close()


def test_unplugged_at_rest_is_noticed(virtual: VirtualScanner) -> None:
    scanner = open_scanner(virtual.usbip, QUICK)
    until(scanner, Opened)
    virtual.do("unplug")
    with pytest.raises(DeviceFault) as fault:
        until(scanner, Opened)
    assert fault.value.kind is FaultKind.UNPLUGGED
    scanner.close()


def test_a_scanner_serves_one_program_at_a_time(virtual: VirtualScanner) -> None:
    first = open_scanner(virtual.usbip, QUICK)
    with pytest.raises(DeviceFault, match="in use by another program") as fault:
        open_scanner(virtual.usbip, QUICK)
    assert fault.value.kind is FaultKind.BUSY
    first.close()
    while virtual.do("status")["connected"]:
        pass
    second = open_scanner(virtual.usbip, QUICK)
    until(second, Opened)
    second.close()


def test_a_bus_id_that_is_not_there(virtual: VirtualScanner) -> None:
    with pytest.raises(DeviceFault, match=r"no supported scanner at .*/9-9") as fault:
        open_scanner(f"{virtual.usbip}/9-9")
    assert fault.value.kind is FaultKind.NOT_FOUND


def test_a_reset_switches_everything_off(virtual: VirtualScanner) -> None:
    wire = transport(virtual)
    wire.perform(ControlOut(17, 1, 0))
    wire.perform(ControlOut(34, 0x37, 0x41, b"\x07"))
    assert virtual.do("status")["led"]
    wire.reset()
    assert not virtual.do("status")["led"]
    assert wire.perform(ControlIn(34, 0x37, 0x41, 1)) == b"\0"
    wire.close()


def test_a_client_that_vanishes_gives_the_scanner_back(virtual: VirtualScanner) -> None:
    wire = transport(virtual)
    wire.perform(ControlOut(17, 1, 0))
    wire.close()
    while virtual.do("status")["connected"]:
        pass
    assert not virtual.do("status")["led"]


def test_a_client_that_speaks_nonsense_is_cut_off_and_nobody_else(virtual: VirtualScanner) -> None:
    host, port = virtual.where["usbip"].split(":")
    scanner = open_scanner(virtual.usbip, QUICK)
    with socket.create_connection((host, int(port)), 20) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert stranger.recv(100) == b""
    until(scanner, Opened)
    scanner.close()
