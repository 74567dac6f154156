"""Prints a line for every plug of a scanner at this machine: for a guest or a bench with a real udev.

`python -m tests.edge.booth.watch_plugs [WHERE]`: first whether udev tells, then after each change whether a
scanner is here.
"""

import select
import sys

from edge.booth.plugging import Plugs
from edge.booth.scanner_worker import POLL_SECONDS, PULSE_SECONDS


def main(where: str = "usb") -> None:
    plugs = Plugs(where)
    print("told by udev" if plugs.told else "looking at /sys", flush=True)
    while True:
        heard = [plugs.fileno()] if plugs.told else []
        select.select(heard, [], [], PULSE_SECONDS if heard else POLL_SECONDS)
        if plugs.changed():
            print("a scanner is here" if plugs.scanner_here else "no scanner is here", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
