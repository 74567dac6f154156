"""From the bytes of a picture to the upright image: what a frame costs in the scanner's process, on one core.

    python benchmarks/frames.py [captures, default 200]

Pumps the machines against the virtual scanners' models, in this process, and counts the time inside the
machine from the bytes of the picture to Captured. The first capture is told apart: it makes tables.
Then on the software bus, the virtual device in a process of its own on another core: live previews a second,
of the Hamster's empty platen and of a finger on the NB-1010-U, and how long an opening of the Hamster takes
without and with remembered data.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from drivers import digitalpersona_uru4000, secugen_hamster_pro_20
from drivers.api import (
    BulkIn,
    Captured,
    ControlIn,
    ControlOut,
    Event,
    FingerOff,
    Hear,
    Learned,
    MachineOptions,
    Opened,
    Preview,
    Step,
)
from drivers.session import open_scanner
from fwtools.virtual import hamster, uru4500
from fwtools.virtual.optics import Device, Optics

OPTIONS = MachineOptions(poll_seconds=0.0, settle_frames=0, empty_first=False)


def main() -> int:
    """Measure and print."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    for name, (spec, device, show) in {"U.are.U 4500": uru(), "Hamster Pro 20": secugen()}.items():
        times = [1e3 * seconds for seconds in captures(spec.make_machine(OPTIONS), device, show, count)]
        p95 = sorted(times[1:])[int(0.95 * (count - 1))]
        print(f"{name}: median {median(times[1:]):.2f} ms, 95 % under {p95:.2f} ms, first {times[0]:.2f} ms")
    os.sched_setaffinity(0, cores)
    with software_bus("hamster") as where:
        print(f"Hamster Pro 20, software bus: {previews(where):.1f} previews a second")
        fresh, known = openings(where)
        print(
            f"Hamster Pro 20, software bus: opened in {fresh:.0f} ms, with remembered data in {known:.0f} ms"
        )
    with software_bus("nb1010", "--frames-empty", "3", "--frames-finger", "1000000") as where:
        print(f"NB-1010-U, software bus: {previews(where):.1f} previews a second of a finger that lies")
    return 0


@contextlib.contextmanager
def software_bus(model: str, *finger: str) -> Iterator[str]:
    """Serve a virtual scanner, empty unless its finger is described; say where."""
    program = str(Path(sys.executable).parent / "vantay-fw")
    with tempfile.TemporaryDirectory() as folder:
        Image.fromarray(ridges()).save(Path(folder) / "100_1.png", dpi=(500, 500))
        command = [program, "virtual", "--model", model, "--scans", folder, *(finger or ("--control", "0"))]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            try:
                assert process.stdout is not None
                yield f"usbip://{json.loads(process.stdout.readline())['usbip']}"
            finally:
                process.terminate()


def previews(where: str, seconds: float = 10.0) -> float:
    """Previews a second with the ordinary pauses."""
    scanner = open_scanner(where, MachineOptions(preview=True))
    while not isinstance(scanner.step(), Opened):
        pass
    scanner.arm()
    while not isinstance(scanner.step(), Preview):
        pass
    count, began = 0, time.monotonic()
    while time.monotonic() < began + seconds:
        count += isinstance(scanner.step(), Preview)
    rate = count / (time.monotonic() - began)
    scanner.close()
    return rate


def openings(where: str, count: int = 10) -> tuple[float, float]:
    """Median milliseconds of an opening with nothing remembered, and with what was learned then."""
    remembered: dict[str, bytes] = {}
    times: dict[bool, list[float]] = {False: [], True: []}
    for number in range(2 * count):
        known = number % 2 == 1
        options = MachineOptions(remembered=dict(remembered) if known else {})
        began = time.monotonic()
        scanner = open_scanner(where, options)
        while not isinstance(event := scanner.step(), Opened):
            if isinstance(event, Learned):
                remembered[event.key] = event.data
        times[known].append(1e3 * (time.monotonic() - began))
        scanner.close()
    return median(times[False]), median(times[True])


Show = Callable[[bool], None]


def uru() -> tuple[Any, Any, Show]:
    """The U.are.U's driver, its model, and what lays a finger down or takes it away."""
    sight = uru4500.Prism()
    picture = [sight.empty]
    finger = sight.finger(ridges())[1]
    device = uru4500.Uru4500(lambda _led: picture[0].tobytes())
    return digitalpersona_uru4000.DRIVER, device, layer(picture, finger)


def secugen() -> tuple[Any, Any, Show]:
    """The same of the Hamster."""
    factory = Device.make(1)
    optics = Optics(factory, 1)
    picture = [optics.empty]
    finger = optics.finger(ridges())[1]
    device = hamster.HamsterPro20(
        "B", factory.factory_data(), lambda led: optics.shoot(picture[0] if led else optics.dark)
    )
    return secugen_hamster_pro_20.DRIVER, device, layer(picture, finger)


def layer(picture: list[Any], finger: Any) -> Show:
    """What exchanges the picture that the model sees."""
    empty = picture[0]

    def show(on: bool) -> None:
        picture[0] = finger if on else empty

    return show


def ridges() -> Any:
    """Stripes, nine pixels a period."""
    y, x = np.mgrid[0:400, 0:300]
    return np.where(
        ((x - 150) / 120) ** 2 + ((y - 200) / 170) ** 2 < 1, 128 - 100 * np.cos(0.7 * (y + x / 3)), 250
    ).astype(np.uint8)


def captures(machine: Any, device: Any, show: Show, count: int) -> list[float]:
    """Seconds inside the machine for each capture."""
    pump(machine, device, Opened)
    times = []
    for _ in range(count):
        machine.arm()
        show(True)
        times.append(pump(machine, device, Captured))
        show(False)
        pump(machine, device, FingerOff)
    return times


def pump(machine: Any, device: Any, until: type[Event]) -> float:
    """Go on until an event of a kind; seconds inside the machine since the last bulk read came in."""
    spent = 0.0
    while True:
        step = machine.next_step()
        data = answer(device, step)
        began = time.perf_counter()
        event = machine.receive(data)
        took = time.perf_counter() - began
        spent = took if isinstance(step, BulkIn) else spent + took
        if isinstance(event, until):
            return spent


def answer(device: Any, step: Step) -> bytes:
    """What the model says."""
    match step:
        case ControlIn() | ControlOut():
            return control(device, step)
        case BulkIn(begin=begin):
            if begin is not None:
                control(device, begin)
            data = b""
            while len(data) < step.length and (more := device.read(step.length - len(data))):
                data += more
            return data
        case Hear():
            device.tick()
            return device.message() or b""
    return b""


def control(device: Any, step: ControlIn | ControlOut) -> bytes:
    """One control request."""
    incoming = isinstance(step, ControlIn)
    data = b"" if incoming else step.data
    numbers = (step.value, step.index, step.length if incoming else len(data))
    setup = bytes([0xC0 if incoming else 0x40, step.request])
    answered: bytes = device.control(setup + b"".join(n.to_bytes(2, "little") for n in numbers), data)
    return answered


if __name__ == "__main__":
    sys.exit(main())
