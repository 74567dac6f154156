"""In the guest, as the booth's user: the booth's scanner process, and a gadget that spoils what it sends.

`python -m tests.kernel.spoilt WHERE HOST PORT BUSID IMAGE`: each fault strikes a capture, is told by its
name, and the next capture is good. The last line is JSON: what was told first of each fault, how alike the
images are.
"""

import json
import sys

import numpy as np

from edge.booth.channel import ScannerFault, ScannerReady
from tests.kernel.pulled import Cable, Scanner

FAULTS: dict[str, dict[str, object]] = {"stall": {"on": "bulk"}, "die": {"bytes": 5000}}


def main(where: str, host: str, port: str, busid: str, image: str) -> None:
    """Play it."""
    cable, scanner = Cable((host, int(port)), busid), Scanner(where)
    told = {}
    try:
        scanner.wait_for(ScannerReady)
        images = [scanner.capture(cable.hand, image)]
        for fault, how in FAULTS.items():
            cable.order(fault, **how)
            scanner.arm()
            cable.hand.put(image)
            told[fault] = scanner.wait_for(ScannerFault)[0].kind
            scanner.wait_for(ScannerReady)
            images.append(scanner.capture(cable.hand, image))
    finally:
        scanner.stop()
        cable.hand.close()
    alike = np.corrcoef([pixels.ravel() for pixels in images]).min()
    print(json.dumps({"told": told, "alike": float(alike)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
