"""Writes what usbmon sees of one device into a file while a command runs, or until a signal comes."""

import io
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO, TextIO

from fwtools.errors import ToolError
from fwtools.recording.pcapng import file_head
from fwtools.recording.sysfs import UsbDevice
from fwtools.recording.urb import block_of, parse
from fwtools.recording.usbmon import Usbmon

LOOK_SECONDS = 0.1  # between two looks whether it is over
MOST_WAITING = 64 << 20  # bytes in memory
HURRY = -20  # of this process: the kernel's buffer holds two pictures of the biggest scanner
QUIET_SECONDS, MOST_SECONDS = 0.3, 5.0  # after the end: so long nothing, but at most so long


@dataclass(slots=True)
class Recorded:
    """What was recorded."""

    events: int = 0
    lost: int = 0  # events that the kernel's buffer had no room for
    cut: int | None = None  # bytes of the first URB that usbmon did not hold whole


def record(monitor: Usbmon, device: UsbDevice, file: BinaryIO, running: Callable[[], bool]) -> Recorded:
    """Write the device's events to the file while `running()`, and what still comes just after."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, HURRY)
    recorder = _Recorder(monitor, device, file)
    while running():
        recorder.take(LOOK_SECONDS)
    ends = time.monotonic() + MOST_SECONDS
    while time.monotonic() < ends and recorder.take(QUIET_SECONDS):
        pass
    recorder.write()
    recorder.recorded.lost = monitor.lost_since_last()
    return recorder.recorded


class _Recorder:
    """Takes events as fast as it can and writes them when none comes: a disk may be slower than a picture."""

    def __init__(self, monitor: Usbmon, device: UsbDevice, file: BinaryIO) -> None:
        self.recorded = Recorded()
        self._monitor, self._device, self._file = monitor, device, file
        self._waiting = io.BytesIO()
        self._waiting.write(file_head(monitor.name))

    def take(self, seconds: float) -> bool:
        """Keep one event if it is the device's; whether any came."""
        packet = self._monitor.take(seconds)
        if packet is None or self._waiting.tell() > MOST_WAITING:
            self.write()
        if packet is None:
            return False
        urb = parse(packet)
        if (urb.bus, urb.device) == (self._device.bus, self._device.number):
            self._waiting.write(block_of(urb))
            self.recorded.events += 1
            if self.recorded.cut is None and not urb.whole:
                self.recorded.cut = urb.length
        return True

    def write(self) -> None:
        """Write what waits."""
        self._file.write(self._waiting.getbuffer())
        self._waiting = io.BytesIO()


@contextmanager
def until_signal() -> Iterator[Callable[[], bool]]:
    """Give a function that is true until SIGINT or SIGTERM has come."""
    stopped = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopped
        stopped = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: not stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(frozen=True, slots=True)
class Running:
    """A command under way."""

    running: Callable[[], bool]
    code: Callable[[], int]  # waits for its end


@contextmanager
def while_running(command: list[str], out: TextIO | None) -> Iterator[Running]:
    """Start a command, its output to a file or to ours; a signal, or this block's end, ends it."""
    with until_signal() as going:
        try:
            process = subprocess.Popen(command, stdout=out)
        except OSError as error:
            raise ToolError(f"{command[0]} cannot be started: {error.strerror}") from error
        try:
            yield Running(lambda: going() and process.poll() is None, lambda: _ended(process))
        finally:
            _ended(process)


def _ended(process: "subprocess.Popen[bytes]") -> int:
    if process.poll() is None:
        process.terminate()
    return process.wait()
