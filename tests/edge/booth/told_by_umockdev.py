"""Runs under umockdev-wrapper: scanners of a made-up sysfs come and go, with udev's events, before a worker.

libudev, libusb and the worker are the real ones. Only a plug can end the worker's rest here: its pauses are
an hour long. A line for each thing that the worker says.
"""

import ctypes
import sys
import threading
from pathlib import Path

from edge.booth import channel, ladder, scanner_worker
from edge.booth.channel import Channel
from edge.booth.plugging import Plugs
from edge.booth.scanner_worker import ScannerWorker, Wish

HOUR = 3600.0
DEVICE = "1201000200000040ba050a00030101020301"  # DigitalPersona U.are.U 4500
CONFIGURATION = "0902200001010080320904000002ffffff000705810340000107058202400000"


class Machine:
    """umockdev's test bed, through its C interface."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libumockdev.so.0")
        self._library.umockdev_testbed_new.restype = ctypes.c_void_p
        self._bed = ctypes.c_void_p(self._library.umockdev_testbed_new())

    def plug(self, port: str, number: int, serial: str) -> None:
        """Put a scanner into a port; udev tells."""
        text = scanner(port, number, serial).encode()
        if not self._library.umockdev_testbed_add_from_string(self._bed, ctypes.c_char_p(text), None):
            raise AssertionError("umockdev did not take the device")

    def pull(self, port: str) -> None:
        """Pull it out; udev tells."""
        path = ctypes.c_char_p(f"/sys{path_of(port)}".encode())
        self._library.umockdev_testbed_uevent(self._bed, path, ctypes.c_char_p(b"remove"))
        self._library.umockdev_testbed_remove_device(self._bed, path)


def path_of(port: str) -> str:
    return f"/devices/pci0000:00/0000:00:14.0/usb1/{port}"


def scanner(port: str, number: int, serial: str) -> str:
    """As umockdev-record would write a scanner down."""
    whole = (DEVICE + CONFIGURATION).upper()
    attributes = {
        "busnum": "1",
        "devnum": str(number),
        "idVendor": "05ba",
        "idProduct": "000a",
        "speed": "12",
        "bConfigurationValue": "1",
        "serial": serial,
    }
    lines = [
        f"P: {path_of(port)}",
        f"N: bus/usb/001/{number:03}={whole}",
        f"E: DEVNAME=/dev/bus/usb/001/{number:03}",
        "E: DEVTYPE=usb_device",
        "E: SUBSYSTEM=usb",
        "E: PRODUCT=5ba/a/103",
        "E: BUSNUM=001",
        f"E: DEVNUM={number:03}",
        "E: MAJOR=189",
        f"E: MINOR={number - 1}",
        *[f"A: {name}={value}\\n" for name, value in attributes.items()],
        f"H: descriptors={whole}",
    ]
    return "\n".join(lines) + "\n"


def main(serial: str, *acts: str) -> None:
    """`acts`: +PORT:NUMBER:SERIAL plugs a scanner in, -PORT pulls it out; the worker's word is awaited."""
    machine = Machine()
    ours, theirs = Channel.pair()
    for module, name in (
        (ladder, "LOOK_SECONDS"),
        (ladder, "LONG_SECONDS"),
        (scanner_worker, "TOLD_SECONDS"),
    ):
        setattr(module, name, HOUR)
    ladder.AGAIN_SECONDS = (HOUR,) * 3  # type: ignore[assignment]
    worker = ScannerWorker(Channel(theirs), Wish("usb", 0.1, serial or None), Plugs("usb", udev=Path("/")))
    threading.Thread(target=worker.run, daemon=True).start()
    say(ours)
    for act in acts:
        if act[0] == "+":
            port, number, plugged = act[1:].split(":")
            machine.plug(port, int(number), plugged)
        else:
            machine.pull(act[1:])
        say(ours)
    ours.close()


def say(ours: Channel) -> None:
    """Print the worker's next word on what is wrong."""
    while (received := ours.receive()) is not None:
        match received[0]:
            case channel.ScannerFault(kind=kind, rung=rung, detail=detail):
                print(kind, rung, detail, sep=" | ", flush=True)
                return


if __name__ == "__main__":
    main(*sys.argv[1:])
