"""The process that owns one scanner: pumps its driver, reports, and opens it again after a fault.

What follows a fault is the ladder's word (`edge/booth/ladder.py`). The process ends when that says so, and
when the daemon's end of the channel closes.
"""

import argparse
import contextlib
import select
import time
from dataclasses import dataclass
from pathlib import Path

from drivers.api import (
    AttackScore,
    Captured,
    Event,
    FingerOff,
    FingerOn,
    Frame,
    Learned,
    MachineOptions,
    Opened,
    PlatenOccupied,
    Rolled,
)
from drivers.choosing import FoundScanner, choose
from drivers.errors import DeviceFault
from drivers.presentation import Advice, Presentation, lies_badly
from drivers.session import Scanner, list_scanners, open_found
from edge.booth import channel, remembered
from edge.booth.calibrations import Fitness, fitness_of
from edge.booth.channel import Channel
from edge.booth.ladder import FOOT, STEADY_SECONDS, Ladder, Move, Rung, climb
from edge.booth.plugging import Plugs
from edge.messages import PresentationFault

PULSE_SECONDS = 2.0  # between two signs of life
POLL_SECONDS = 0.25  # between two looks at what is plugged in, where nobody tells
TOLD_SECONDS = 5.0  # between two looks for a scanner where udev tells
SETTLE_SECONDS = 0.1  # after a plug, until libusb knows of it, too; no rest is shorter


class DaemonGone(Exception):
    """The other end of the channel closed."""


class OtherScanner(Exception):
    """This one has another serial number than ours."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which scanner, and what the daemon knows of earlier lives."""

    where: str
    poll_seconds: float
    serial: str | None = None
    before: str | None = None  # location of the one in use
    processes: int = 0  # given up since it last served
    memory: Path | None = None  # folder of what drivers learned from devices
    unproved: bool = False  # take scanners too whose driver is a model only


class ScannerWorker:
    """Serves one channel with the scanner that is wished for."""

    def __init__(self, to_daemon: Channel, wish: Wish, plugs: Plugs) -> None:
        self._daemon, self._wish, self._before = to_daemon, wish, wish.before
        self._remembered = remembered.load(wish.memory) if wish.memory else None
        self._options = MachineOptions(
            poll_seconds=wish.poll_seconds,
            preview=True,
            wait_while=lambda frame: lies_badly(frame) is not None,
            remembered=self._remembered,
        )
        self._presentation = Presentation()
        self._advice: Advice | None = None  # as last told
        self._ladder = Ladder(processes=wish.processes)
        self._token: int | None = None  # of the order in force
        self._found: list[FoundScanner] = []
        self._fitness = Fitness(None)  # of the scanner that is open
        self._told = ""
        self._opened_at: float | None = None
        self._pulse_at = float("-inf")
        self._plugs = plugs

    def run(self) -> None:
        """Open, pump, and after a fault open again, until the daemon is gone or a fresh process is due."""
        with contextlib.suppress(DaemonGone, BrokenPipeError, ConnectionResetError):
            self._pulse()
            while True:
                try:
                    self._round()
                except DeviceFault as fault:
                    unseen = not self._found and self._plugs.scanner_here
                    self._ladder, move = climb(self._ladder, fault.kind, unseen)
                    self._tell(fault, move)
                    self._rest(move)
                    if move.end:
                        return

    def _round(self) -> None:
        """Serve our scanner until it fails; with a number wanted ask those whose number is unknown."""
        serial, tried = self._wish.serial, set[str]()
        failed: DeviceFault | None = None
        self._found = []
        while True:
            self._opened_at = None
            self._found = list_scanners(self._wish.where)
            try:
                one = choose(self._found, self._wish.where, serial, self._before, tried, self._wish.unproved)
            except DeviceFault:
                if failed is None:
                    raise
                raise failed from None
            try:
                self._serve(open_found(one, self._options))
            except OtherScanner:
                tried.add(one.location)
            except DeviceFault as fault:
                if serial is None or self._opened or one.serial:
                    raise
                tried.add(one.location)  # it did not come so far as to tell whether it is ours
                failed = fault

    @property
    def _opened(self) -> bool:
        """Whether the scanner told who it is, and it is ours."""
        return self._opened_at is not None

    def _serve(self, scanner: Scanner) -> None:
        self._token = None
        try:
            while True:
                self._orders(scanner)
                self._report(scanner, scanner.step())
        finally:
            with contextlib.suppress(OSError):
                self._pulse()  # resetting takes a while
            with contextlib.suppress(DeviceFault):
                scanner.close()

    def _report(self, scanner: Scanner, event: Event | None) -> None:
        match event:
            case Opened():
                self._ready(scanner)
            case Learned(key, data) if self._remembered is not None and self._wish.memory:
                self._remembered[key] = data
                remembered.keep(self._wish.memory, key, data)
            case FingerOn() | FingerOff() if self._token is not None:
                self._daemon.send(channel.Finger(token=self._token, on=isinstance(event, FingerOn)))
            case PlatenOccupied() if self._token is not None:
                self._daemon.send(channel.Occupied(token=self._token))
            case Captured(frame, attack) if self._token is not None:
                self._hand_over(self._token, (frame,), attack)
            case Rolled(frames, attack) if self._token is not None:
                self._hand_over(self._token, frames, attack)
        advice = self._presentation.take(event, time.monotonic())
        if advice is not self._advice and self._token is not None:
            self._advice = advice
            fault = PresentationFault(advice) if advice else None
            self._daemon.send(channel.Presented(token=self._token, fault=fault))

    def _hand_over(self, token: int, frames: tuple[Frame, ...], attack: AttackScore | None) -> None:
        """Hand a picture over, or those of a rolling finger: the matcher puts them together."""
        self._ladder = FOOT
        height, width = frames[0].pixels.shape
        known = self._fitness.calibration
        message = channel.Captured(
            token=token,
            width=width,
            height=height,
            ppi=known.resolution.ppi if known else frames[0].ppi_x,
            attack=channel.Attack(score=attack.score, detector=attack.detector) if attack else None,
            frames=len(frames),
        )
        self._daemon.send(message, b"".join(frame.pixels.tobytes() for frame in frames))

    def _ready(self, scanner: Scanner) -> None:
        identity = scanner.identity
        assert identity is not None
        if self._wish.serial not in (None, identity.serial):
            raise OtherScanner
        self._told, self._opened_at, self._before = "", time.monotonic(), identity.location
        self._fitness = fitness_of(scanner.spec, identity, self._wish.memory)
        self._daemon.send(
            channel.ScannerReady(
                model=identity.model,
                serial=identity.serial,
                firmware=identity.firmware,
                location=identity.location,
                impressions=scanner.spec.impressions,
                fingers=scanner.spec.fingers,
                not_for_enrolment=self._fitness.not_for_enrolment,
                calibration=_told(self._fitness),
            )
        )

    def _orders(self, scanner: Scanner) -> None:
        """Take every order that waits, and show that this process lives."""
        if self._opened_at is not None and time.monotonic() - self._opened_at > STEADY_SECONDS:
            self._ladder = FOOT
        self._pulse()
        while select.select([self._daemon], [], [], 0)[0]:
            match self._receive():
                case channel.Arm(token=token, rolled=rolled):
                    self._token, self._advice = token, None
                    scanner.arm(rolled)
                case channel.Disarm():
                    self._token = None
                    scanner.disarm()

    def _pulse(self) -> None:
        if time.monotonic() - self._pulse_at > PULSE_SECONDS:
            self._pulse_at = time.monotonic()
            self._daemon.send(channel.Alive(processes=self._ladder.processes))

    def _receive(self) -> channel.Message:
        received = self._daemon.receive()
        if received is None:
            raise DaemonGone
        return received[0]

    def _tell(self, fault: DeviceFault, move: Move) -> None:
        """Say what is wrong once, not at every attempt."""
        if (told := f"{move.rung}: {fault}") != self._told:
            self._told = told
            self._daemon.send(
                channel.ScannerFault(
                    kind=fault.kind.value, detail=fault.detail, rung=move.rung, seconds=move.seconds
                )
            )

    def _rest(self, move: Move) -> None:
        """Wait, or until a scanner is plugged in or out; orders that come meanwhile are void."""
        plugs = self._plugs
        seconds = TOLD_SECONDS if plugs.told and move.rung is Rung.WAIT else move.seconds
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._pulse()
            heard = [self._daemon.fileno(), *([plugs.fileno()] if plugs.told else [])]
            slice_seconds = PULSE_SECONDS if plugs.told else POLL_SECONDS
            if self._daemon.fileno() in select.select(heard, [], [], min(left, slice_seconds))[0]:
                self._receive()
            if plugs.changed():
                end = min(end, time.monotonic() + SETTLE_SECONDS)


def _told(fitness: Fitness) -> channel.Calibration | None:
    if (known := fitness.calibration) is None:
        return None
    ppi_x, ppi_y = (round(ppi, 2) for ppi in (known.resolution.ppi_x, known.resolution.ppi_y))
    return channel.Calibration(ppi_x=ppi_x, ppi_y=ppi_y, at=known.at, entry=fitness.digest)


def main() -> None:
    """Start as `python -m edge.booth.scanner_worker DESCRIPTOR WHERE POLL_SECONDS [--serial=…] …`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("descriptor", type=int)
    parser.add_argument("where")
    parser.add_argument("poll_seconds", type=float)
    parser.add_argument("--serial")
    parser.add_argument("--before")
    parser.add_argument("--processes", type=int, default=0)
    parser.add_argument("--memory", type=Path)
    parser.add_argument("--unproved", action="store_true")
    words = vars(parser.parse_args())
    to_daemon, wish = Channel.inherited(words.pop("descriptor")), Wish(**words)
    ScannerWorker(to_daemon, wish, Plugs(wish.where)).run()


if __name__ == "__main__":
    main()
