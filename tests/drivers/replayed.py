"""Runs under umockdev: captures one finger from the recorded scanner and writes its image to a file."""

import sys
from pathlib import Path

import numpy as np

from drivers.api import Captured, FingerOff, MachineOptions, Opened
from drivers.session import list_scanners, open_scanner


def main(out: str, end: str, *numbers: str) -> None:
    """`end`: what the tape ends with; `numbers`: what the host chose when the recording was made."""
    (found,) = list_scanners("usb")
    choose = iter([int(number) for number in numbers]).__next__
    options = MachineOptions(settle_frames=0, empty_first=False, choose=choose)
    scanner = open_scanner(found.location, options)
    while True:
        event = scanner.step()
        if isinstance(event, Opened):
            scanner.arm()
        if isinstance(event, Captured):
            break
    print(scanner.identity, flush=True)
    np.save(Path(out), event.frame.pixels)
    if end == "lifted":
        while not isinstance(scanner.step(), FingerOff):
            pass
        scanner.close()
        print("resting" if scanner._machine.resting else "not at rest", flush=True)
    if end == "looked":
        scanner.disarm()
        for _ in range(2):  # the end of the pause, then the last record of the tape: the light goes off
            scanner.step()
        scanner.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
