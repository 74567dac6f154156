"""One model's soak: captures over the software bus, one in ten disturbed by a random fault.

What it tells is JSON, a line at a time. What happens must be the image of the finger that lies, as the
model shows it, or a fault with its right name; a finger left over from before must be told as such.
"""

import contextlib
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from drivers import registry
from drivers.api import (
    BulkIn,
    BulkOut,
    Captured,
    ControlIn,
    ControlOut,
    DriverSpec,
    FingerOff,
    Hear,
    Machine,
    MachineOptions,
    Opened,
    PlatenOccupied,
    Step,
    UsbId,
    Wait,
)
from drivers.errors import DeviceFault, FaultKind
from drivers.secugen_image import parse_calibration, render
from drivers.session import Scanner
from drivers.usb_transport import find_devices
from drivers.where import parse_where
from fwtools.virtual import nb1010, optics, uru4500
from fwtools.virtual.images import finger_on_platen

Pixels = NDArray[np.uint8]

SCALE = 0.1  # of the drivers' deadlines and pauses
LEAST_DEADLINE, LEAST_PAUSE = 1.0, 0.3  # seconds: no scaling below, so that a busy machine is no fault
HANG_SECONDS = 30.0  # for one capture with everything that goes wrong in it
SLOW_SECONDS = (0.01, 0.1, 2.5)  # the last is later than any deadline
FINGERS, SEED = 6, 1
NAMES = {  # what a fault may be called
    "stall": {FaultKind.PROTOCOL},
    "short": {FaultKind.PROTOCOL},
    "garbage": {FaultKind.PROTOCOL, FaultKind.TIMEOUT},
    "slow": {FaultKind.TIMEOUT},
    "die": {FaultKind.UNPLUGGED},
    "unplug": {FaultKind.UNPLUGGED},
}
TRANSFERS = {"hamster": 50, "nb1010": 180, "uru4500": 7}  # of one capture, about: which of them is struck
OPENING = {"hamster": 150, "nb1010": 6, "uru4500": 14}  # the same of an opening
REOPEN = 0.05  # of captures begin with a scanner that is opened afresh
NOISE_LEVELS = 5  # grey levels: the most that the optical model's noise, at most 2, can move a pixel
LOST_ROWS, LOST_PIXELS = 1, 4  # of a picture, which a 4500 does not send


class ScaledMachine:
    """A driver's machine with shorter deadlines and pauses."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._machine, name)

    def next_step(self) -> Step:
        step = self._machine.next_step()
        if isinstance(step, Wait | Hear):
            return replace(step, seconds=max(min(step.seconds, LEAST_PAUSE), SCALE * step.seconds))
        if isinstance(step, ControlIn | ControlOut | BulkIn | BulkOut):
            return replace(step, timeout=max(LEAST_DEADLINE, SCALE * step.timeout))
        return step


def scaled(spec: DriverSpec) -> DriverSpec:
    """A driver whose machines are scaled."""
    return replace(spec, make_machine=lambda options: ScaledMachine(spec.make_machine(options)))


def finger(number: int) -> Pixels:
    """Wavy stripes under an oval: each number its own."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[0:400, 0:300]
    a, b, c = rng.uniform(0.2, 1.0, 3)
    wave = np.cos(2 * np.pi / 9 * (y * a + x * b + 12 * np.sin(x / 40 + c) + 9 * np.sin(y / 50)))
    return np.where(((x - 150) / 120) ** 2 + ((y - 200) / 170) ** 2 < 1, 128 - 100 * wave, 250).astype(
        np.uint8
    )


def judge_of(model: str, path: Path) -> Callable[[Pixels], bool]:
    """Whether a captured image is the one that the model shows of this finger."""
    platen = finger_on_platen(path)
    if model == "nb1010":
        seen = nb1010.Thermal().finger(platen)[1]
        return lambda pixels: np.array_equal(pixels, seen)
    if model == "uru4500":
        upright = uru4500.upright(platen)
        return lambda pixels: _all_but_the_lost(pixels != upright)
    factory = optics.Device.make(SEED)
    raw = optics.Optics(factory, SEED).finger(platen)[1] + np.uint8(optics.NOISE // 2)
    still = render(raw, parse_calibration(factory.factory_data())).astype(np.int16)
    return lambda pixels: bool((abs(pixels - still) <= NOISE_LEVELS).all())


def _all_but_the_lost(different: NDArray[np.bool_]) -> bool:
    rows = np.sort(different.sum(1))[::-1]
    return int(rows[LOST_ROWS:].sum()) <= LOST_PIXELS


class Virtual:
    """The virtual scanner in a process of its own, and its control socket."""

    def __init__(self, model: str, folder: Path) -> None:
        command = [str(Path(sys.executable).parent / "vantay-fw"), "virtual", "--model", model]
        command += ["--scans", str(folder), "--control", "0", "--seed", str(SEED)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.process.stdout is not None
        where = json.loads(self.process.stdout.readline())
        self.where = f"usbip://{where['usbip']}/{where['busid']}"
        host, port = where["control"].split(":")
        self._socket = socket.create_connection((host, int(port)), HANG_SECONDS)
        self._lines = self._socket.makefile("rb")

    def order(self, do: str, **more: Any) -> dict[str, Any]:
        self._socket.sendall(json.dumps({"do": do, **more}).encode() + b"\n")
        answer: dict[str, Any] = json.loads(self._lines.readline())
        if not answer["ok"]:
            raise RuntimeError(answer["error"])
        return answer

    def end(self) -> None:
        self._lines.close()
        self._socket.close()
        self.process.terminate()
        self.process.wait(HANG_SECONDS)


class Hang(Exception):
    """A capture took longer than everything in it may."""


class Soak:
    """Captures of one model until there are enough."""

    def __init__(self, model: str, captures: int, rate: float, seed: int, folder: Path) -> None:
        self._model, self._captures, self._rate = model, captures, rate
        self._random = random.Random(seed)
        self._judges = {}
        for number in range(FINGERS):
            path = folder / f"{number}.png"
            Image.fromarray(finger(number)).save(path, dpi=(500, 500))
            self._judges[path.name] = judge_of(model, path)
        self._virtual = Virtual(model, folder)
        self._scanner: Scanner | None = None
        self._struck: Counter[str] = Counter()
        self._ends = 0.0
        self.outcomes: Counter[str] = Counter()
        self.totals: Counter[str] = Counter()
        self._footprints: list[tuple[int, ...]] = []

    def run(self) -> dict[str, Any]:
        began = time.monotonic()
        while self.totals["captures"] < self._captures and self.totals["hangs"] < 3:
            self._ends = time.monotonic() + HANG_SECONDS
            self._one()
            self._footprints.append((*_footprint(os.getpid()), *_footprint(self._virtual.process.pid)))
            print(json.dumps({"captures": self.totals["captures"]}), flush=True)
        self._close()
        seconds = time.monotonic() - began
        self._virtual.end()
        outcomes = dict(sorted(self.outcomes.items()))
        return {**self.totals, **self._leaks(), "seconds": seconds, "outcomes": outcomes}

    def _one(self) -> None:
        """Carry one capture through, however often the scanner must be opened again."""
        try:
            while True:
                try:
                    self._attempt()
                    return
                except DeviceFault as fault:
                    self._named(fault)
        except Hang:
            self.totals["hangs"] += 1
        except Exception:  # not of that family: whatever it is, it has no name
            traceback.print_exc()
            self.totals["unnamed"] += 1
        self._close()

    def _attempt(self) -> None:
        if self._random.random() < REOPEN:
            self._close()
        if self._random.random() < self._rate and not self._virtual.order("status")["faults_waiting"]:
            self._disturb()
        scanner = self._opened()
        name = self._random.choice(sorted(self._judges))
        early = self._random.random() < 0.5
        laid = self._virtual.order("status")["image"]  # by an attempt that failed
        if early and not laid:
            self._virtual.order("put", image=name)
        scanner.arm()
        if not early and not laid:
            self._virtual.order("put", image=name)
        self._carry(scanner, name)
        self._outcome("survived")

    def _carry(self, scanner: Scanner, name: str) -> None:
        taken = False
        while True:
            match self._step(scanner):
                case PlatenOccupied():
                    self.totals["occupied"] += 1
                    self._virtual.order("lift")
                case Captured(frame):
                    taken = True
                    self._judge(name, frame.pixels)
                    self._virtual.order("lift")
                case FingerOff() if taken:
                    return
                case FingerOff():
                    self._virtual.order("put", image=name)

    def _judge(self, name: str, pixels: Pixels) -> None:
        status = self._virtual.order("status")
        if status["image"] == name and self._judges[name](pixels):
            self.totals["captures"] += 1
            return
        self.totals["wrong"] += 1
        struck = Counter(status["faults_struck"]) - self._struck
        print(f"{self._model}: a wrong image of {name} after {dict(struck) or 'nothing'}", file=sys.stderr)

    def _opened(self) -> Scanner:
        """The scanner, opened when it is not."""
        while self._scanner is None:
            try:
                (device,) = find_devices(parse_where(self._virtual.where)) or [None]
                if device is None:
                    raise DeviceFault(FaultKind.NOT_FOUND, "it is not listed")
                spec = registry.driver_for(device.vendor, device.product)
                assert spec is not None
                options = MachineOptions(poll_seconds=0.0, usb_id=UsbId(device.vendor, device.product))
                self._scanner = Scanner(scaled(spec), device.open(), options)
            except DeviceFault as fault:
                if fault.kind is not FaultKind.BUSY:  # the server has not seen the last client go
                    raise
                self._in_time()
                time.sleep(0.01)
        while self._scanner.identity is None:
            self._step(self._scanner)
        expected = {"hamster": "V2200-000001"}.get(self._model, "")
        if self._scanner.identity.serial != expected:
            self.totals["wrong"] += 1
            print(f"{self._model}: serial {self._scanner.identity.serial!r}", file=sys.stderr)
        return self._scanner

    def _step(self, scanner: Scanner) -> object:
        self._in_time()
        event = scanner.step()
        return None if isinstance(event, Opened) else event

    def _in_time(self) -> None:
        if time.monotonic() > self._ends:
            raise Hang

    def _disturb(self) -> None:
        """Order one random fault somewhere in the next capture, or in the opening before it."""
        kind = self._random.choice(sorted(NAMES))
        transfers = TRANSFERS[self._model] if self._scanner else OPENING[self._model]
        more: dict[str, Any] = {"skip": self._random.randrange(transfers)}
        if kind in ("die", "unplug"):
            frame = {"hamster": 1_500_000, "nb1010": 80_000, "uru4500": 100_000}[self._model]
            more = {"bytes": self._random.randrange(frame)}
        if kind == "slow":
            more["seconds"] = self._random.choice(SLOW_SECONDS)
        self._virtual.order(kind, **more)

    def _named(self, fault: DeviceFault) -> None:
        """Keep account of a fault with a name, and do what a booth and its people would do."""
        self._outcome(fault.kind.value, fault)
        self._close()
        self._in_time()
        if not self._virtual.order("status")["plugged"]:
            with contextlib.suppress(DeviceFault):
                if find_devices(parse_where(self._virtual.where)):
                    self.totals["wrong"] += 1
                    print(f"{self._model}: it is listed without its cable", file=sys.stderr)
                    print(f"{self._model}: it is listed without its cable", file=sys.stderr)
            self._virtual.order("replug")
        if self._random.random() < 0.5:  # else the finger still lies when the scanner is opened again
            self._virtual.order("lift")

    def _outcome(self, name: str, fault: DeviceFault | None = None) -> None:
        """Count what the faults that have struck since were called."""
        now = Counter(self._virtual.order("status")["faults_struck"])
        struck, self._struck = now - self._struck, now
        self.totals["faults"] += struck.total()
        if struck:
            self.outcomes[f"{'+'.join(sorted(struck))}: {name}"] += 1
        if fault is not None and not any(fault.kind in NAMES[kind] for kind in struck):
            self.totals["unnamed"] += 1
            print(f"{self._model}: {dict(struck) or 'nothing'} was called {fault}", file=sys.stderr)

    def _close(self) -> None:
        scanner, self._scanner = self._scanner, None
        if scanner is not None:
            scanner.close()

    def _leaks(self) -> dict[str, Any]:
        """Growth from the second quarter to the last: MiB by medians; threads and files by what stays."""
        quarter = max(1, len(self._footprints) // 4)
        early, late = self._footprints[quarter : 2 * quarter] or self._footprints, self._footprints[-quarter:]
        grown = [0.0, 0.0]
        for side in (0, 1):
            before, after = (statistics.median(one[3 * side] for one in part) for part in (early, late))
            grown[side] = max(0.0, (after - before) / (1 << 20))
        more = sum(min(one[n] for one in late) > max(one[n] for one in early) for n in (1, 2, 4, 5))
        return {"leaked_mib": max(grown), "more_threads_or_files": more}


def _footprint(pid: int) -> tuple[int, int, int]:
    """Resident bytes, threads, open files of a process."""
    proc = Path(f"/proc/{pid}")
    pages = int((proc / "statm").read_text().split()[1])
    tasks, files = (sum(1 for _ in (proc / part).iterdir()) for part in ("task", "fd"))
    return pages * os.sysconf("SC_PAGE_SIZE"), tasks, files


if __name__ == "__main__":
    model, captures, rate, seed, folder = sys.argv[1:]
    report = Soak(model, int(captures), float(rate), int(seed), Path(folder)).run()
    print(json.dumps({"report": report}), flush=True)
