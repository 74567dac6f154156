"""One capture in a process of its own: `python -m fwtools.recording.capture WHERE OUT JSON`.

What a recording is made of, and what replays it: the same steps, so that the tape fits. JSON holds what
`about.Capture` does and `numbers`, those that the host chooses, used in a circle. OUT gets the image (NumPy).
One line of JSON says what it is; a fault is one sentence on standard error and exit code 3.
"""

import hashlib
import json
import sys
from itertools import cycle
from pathlib import Path

import numpy as np

from drivers.api import Captured, DeviceIdentity, FingerOff, Frame, MachineOptions, Opened
from drivers.errors import DeviceFault
from drivers.session import Scanner, open_scanner

FAULT = 3
ANY_NUMBER = 7  # where the recording holds none


def main(where: str, out: str, how: str) -> int:
    """Capture one finger and write it down."""
    told = json.loads(how)
    choose = cycle(told["numbers"] or [ANY_NUMBER]).__next__
    options = MachineOptions(
        poll_seconds=0.0, settle_frames=told["settle_frames"], empty_first=told["empty_first"], choose=choose
    )
    try:
        scanner = open_scanner(where, options)
        try:
            identity, frame = capture(scanner)
            print(json.dumps(_said(identity, frame)), flush=True)
            np.save(Path(out), frame.pixels)
            while told["until"] == "lifted" and not isinstance(scanner.step(), FingerOff):
                pass
        finally:
            scanner.close()
    except DeviceFault as fault:
        print(fault, file=sys.stderr)
        return FAULT
    if not scanner.resting:
        print("the scanner did not come to rest after the capture", file=sys.stderr)
        return FAULT
    return 0


def capture(scanner: Scanner) -> tuple[DeviceIdentity, Frame]:
    """Order one acquisition as soon as the scanner is open; return which scanner it is and its picture."""
    while True:
        event = scanner.step()
        if isinstance(event, Opened):
            scanner.arm()
        if isinstance(event, Captured):
            assert scanner.identity is not None, "it was opened"
            return scanner.identity, event.frame


def _said(identity: DeviceIdentity, frame: Frame) -> dict[str, object]:
    height, width = frame.pixels.shape
    digest = hashlib.sha256(frame.pixels.tobytes()).hexdigest()
    return {
        "model": identity.model,
        "serial": identity.serial,
        "firmware": identity.firmware,
        "location": identity.location,
        "width": width,
        "height": height,
        "ppi": frame.ppi_x,
        "sha256": digest,
    }


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
