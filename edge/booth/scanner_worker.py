"""The process that owns one scanner: pumps its driver, reports, and opens it again after a fault.

It ends when the daemon's end of the channel closes.
"""

import contextlib
import select
import sys
import time

from drivers.api import Captured, FingerOff, FingerOn, MachineOptions, Opened, PlatenOccupied
from drivers.errors import DeviceFault
from drivers.session import Scanner, open_scanner
from edge.booth import channel
from edge.booth.channel import Channel

RETRY_SECONDS = 0.5  # between two attempts to open a scanner
PULSE_SECONDS = 2.0  # between two signs of life


class DaemonGone(Exception):
    """The other end of the channel closed."""


class ScannerWorker:
    """Serves one channel with the scanner at `where`."""

    def __init__(self, to_daemon: Channel, where: str, poll_seconds: float) -> None:
        self._daemon, self._where = to_daemon, where
        self._options = MachineOptions(poll_seconds=poll_seconds)
        self._token: int | None = None  # of the order in force
        self._last_fault = ""
        self._pulse_at = 0.0

    def run(self) -> None:
        """Open, pump, and after a fault open again, until the daemon is gone."""
        with contextlib.suppress(DaemonGone, BrokenPipeError, ConnectionResetError):
            while True:
                try:
                    self._serve(open_scanner(self._where, self._options))
                except DeviceFault as fault:
                    self._tell(fault)
                self._rest(RETRY_SECONDS)

    def _serve(self, scanner: Scanner) -> None:
        self._token = None
        try:
            while True:
                self._orders(scanner)
                self._report(scanner, scanner.step())
        finally:
            with contextlib.suppress(DeviceFault):
                scanner.close()

    def _report(self, scanner: Scanner, event: object) -> None:
        match event:
            case Opened():
                identity = scanner.identity
                assert identity is not None
                self._last_fault = ""
                self._daemon.send(
                    channel.ScannerReady(
                        model=identity.model,
                        serial=identity.serial,
                        firmware=identity.firmware,
                        location=identity.location,
                        impressions=scanner.spec.impressions,
                        fingers=scanner.spec.fingers,
                        not_for_enrolment=scanner.spec.not_for_enrolment,
                    )
                )
            case FingerOn() | FingerOff() if self._token is not None:
                self._daemon.send(channel.Finger(token=self._token, on=isinstance(event, FingerOn)))
            case PlatenOccupied() if self._token is not None:
                self._daemon.send(channel.Occupied(token=self._token))
            case Captured(frame) if self._token is not None:
                height, width = frame.pixels.shape
                message = channel.Captured(token=self._token, width=width, height=height, ppi=frame.ppi_x)
                self._daemon.send(message, frame.pixels.tobytes())

    def _orders(self, scanner: Scanner) -> None:
        """Take every order that waits, and show that this process lives."""
        self._pulse()
        while select.select([self._daemon], [], [], 0)[0]:
            match self._receive():
                case channel.Arm(token=token):
                    self._token = token
                    scanner.arm()
                case channel.Disarm():
                    self._token = None
                    scanner.disarm()

    def _pulse(self) -> None:
        if time.monotonic() - self._pulse_at > PULSE_SECONDS:
            self._pulse_at = time.monotonic()
            self._daemon.send(channel.Alive())

    def _receive(self) -> channel.Message:
        received = self._daemon.receive()
        if received is None:
            raise DaemonGone
        return received[0]

    def _tell(self, fault: DeviceFault) -> None:
        """Say what is wrong once, not at every attempt."""
        if str(fault) != self._last_fault:
            self._last_fault = str(fault)
            self._daemon.send(channel.ScannerFault(kind=fault.kind.value, detail=fault.detail))

    def _rest(self, seconds: float) -> None:
        """Wait; orders that come meanwhile are void: the daemon arms again when the scanner is ready."""
        end = time.monotonic() + seconds
        self._pulse()
        while (left := end - time.monotonic()) > 0:
            if select.select([self._daemon], [], [], left)[0]:
                self._receive()


def main() -> None:
    """Start as `python -m edge.booth.scanner_worker DESCRIPTOR WHERE POLL_SECONDS`."""
    descriptor, where, poll_seconds = sys.argv[1:]
    ScannerWorker(Channel.inherited(int(descriptor)), where, float(poll_seconds)).run()


if __name__ == "__main__":
    main()
