"""In the guest: the virtual scanners, each plugged into a port of the kernel's vhci-hcd.

Whoever is unplugged and put back at the server is attached again, as a hub does with a plug.
"""

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.demo.person import Hand

MODELS = {
    "hamster": "1162:2200",
    "nb1010": "298d:1010",
    "uru4500": "05ba:000a",
}  # as vantay-fw virtual names them
DEVICES = Path("/sys/bus/usb/devices")
SECONDS = 30.0  # for a device to come


class OneHand(Hand):
    """Lays fingers on one scanner of several."""

    def __init__(self, control: tuple[str, int], busid: str) -> None:
        super().__init__(control)
        self._busid = busid

    def order(self, order: dict[str, Any]) -> dict[str, Any]:
        """Tell that scanner something."""
        return super().order(order | {"scanner": self._busid})


@dataclass(frozen=True, slots=True)
class Plugged:
    """One scanner and its port."""

    model: str
    busid: str  # at the server
    port: str  # of the kernel: "1-1"

    @property
    def node(self) -> Path:
        """Its file under /dev."""
        numbers = [int((DEVICES / self.port / name).read_text()) for name in ("busnum", "devnum")]
        return Path(f"/dev/bus/usb/{numbers[0]:03}/{numbers[1]:03}")


class Rack:
    """All scanners, served and plugged in."""

    def __init__(self, scans: Path) -> None:
        command = ["vantay-fw", "virtual", "--scans", str(scans), "--control", "0"]
        for model in MODELS:
            command += ["--model", model]
        self._server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._server.stdout is not None
        where = json.loads(self._server.stdout.readline())
        self._usbip = where["usbip"].rsplit(":", 1)
        host, port = where["control"].rsplit(":", 1)
        self.control = (host, int(port))
        self._hands = {one["busid"]: OneHand(self.control, one["busid"]) for one in where["scanners"]}
        self._busids = {one["model"]: one["busid"] for one in where["scanners"]}
        self.scanners: dict[str, Plugged] = {}
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._hub = threading.Thread(target=self._attach_again, name="hub")

    def plug_all(self) -> None:
        """Plug every scanner in."""
        for model, busid in self._busids.items():
            self._attach(busid)
            self.scanners[model] = Plugged(model, busid, port_of(MODELS[model]))
        self._hub.start()

    def order(self, busid: str, do: str, **more: object) -> dict[str, Any]:
        """Give the server an order and return its answer."""
        with self._lock:
            return self._hands[busid].order({"do": do, **more})

    def close(self) -> None:
        """Pull all plugs."""
        self._ended.set()
        if self._hub.is_alive():
            self._hub.join()
        for hand in self._hands.values():
            hand.close()
        self._server.terminate()
        self._server.wait(10)

    def _attach(self, busid: str) -> None:
        host, port = self._usbip
        subprocess.run(["usbip", "--tcp-port", port, "attach", "-r", host, "-b", busid], check=True)

    def _attach_again(self) -> None:
        """What a hub does: a plug that is back gets its port when the port is free."""
        while not self._ended.wait(0.2):
            for one in self.scanners.values():
                status = self.order(one.busid, "status")
                if status["plugged"] and not status["connected"] and not (DEVICES / one.port).exists():
                    with contextlib.suppress(subprocess.CalledProcessError):
                        self._attach(one.busid)


@contextlib.contextmanager
def rack(scans: Path) -> Iterator[Rack]:
    """Have the scanners plugged in."""
    scanners = Rack(scans)
    try:
        scanners.plug_all()
        yield scanners
    finally:
        scanners.close()


def port_of(usb_id: str) -> str:
    """The port where a device has come."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        for device in DEVICES.iterdir():
            with contextlib.suppress(OSError):
                if (
                    ":".join((device / name).read_text().strip() for name in ("idVendor", "idProduct"))
                    == usb_id
                ):
                    return device.name
        time.sleep(0.1)
    raise AssertionError(f"{usb_id} did not come within {SECONDS:.0f} seconds")
