"""What the scanner's process hands over of a picture and of a roll, without a device."""

from typing import Any

import numpy as np
import pytest

from drivers.api import AttackScore, Captured, Frame, Rolled
from edge.booth import channel
from edge.booth.calibrations import Fitness
from edge.booth.plugging import Plugs
from edge.booth.scanner_worker import ScannerWorker, Wish
from tests.drivers.test_calibrated import ENTRY

FRAMES = tuple(Frame(np.full((48, 40), shade, np.uint8), 500.0, 500.0) for shade in (1, 2))
SCORE = AttackScore(70, "of a vendor")


class Daemon:
    """The daemon's end: keeps what it is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []

    def send(self, *parts: Any) -> None:
        self.sent.append(parts)


@pytest.mark.parametrize("calibrated", [False, True])
@pytest.mark.parametrize("attack", [None, SCORE])
@pytest.mark.parametrize("rolled", [False, True])
def test_a_roll_says_of_resolution_and_attack_what_a_picture_says(
    calibrated: bool, attack: AttackScore | None, rolled: bool
) -> None:
    daemon = Daemon()
    worker = ScannerWorker(daemon, Wish("usbip://h", 0.2), Plugs("usbip://h"))  # type: ignore[arg-type]
    worker._token = 7
    if calibrated:
        worker._fitness = Fitness(None, ENTRY)
    worker._report(None, Rolled(FRAMES, attack) if rolled else Captured(FRAMES[0], attack))  # type: ignore[arg-type]
    ((message, blob),) = daemon.sent
    assert message == channel.Captured(
        token=7,
        width=40,
        height=48,
        ppi=ENTRY.resolution.ppi if calibrated else 500.0,
        attack=channel.Attack(score=70, detector="of a vendor") if attack else None,
        frames=2 if rolled else 1,
    )
    assert blob == b"\1" * 1920 + b"\2" * 1920 * rolled
