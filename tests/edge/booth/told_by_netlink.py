"""Runs in a network name space of its own: what `Plugs` makes of udev's messages, a line for each."""

import select
import sys
from pathlib import Path

from edge.booth.plugging import Plugs
from tests.edge.booth.udev_messages import usb_device

WAIT_SECONDS, NOTHING_SECONDS = 20.0, 0.3
SCANNER, MOUSE = "1162/2200/2206", "46d/c077/7200"


def main(where: str) -> None:
    plugs = Plugs(where, sysfs=Path("/nowhere"), udev=Path("/"))
    print("told" if plugs.told else "not told", plugs.changed())
    for action, port, product in (
        ("add", "1-1", SCANNER),
        ("bind", "1-1", SCANNER),
        ("remove", "1-1", SCANNER),
        ("add", "1-2", SCANNER),
        ("add", "1-1", MOUSE),
        ("unbind", "1-1", SCANNER),
        ("add", "1-1", "nonsense"),
    ):
        usb_device(action, port, product)
        heard = bool(select.select([plugs.fileno()], [], [], WAIT_SECONDS)[0])
        print(action, port, product, heard, plugs.changed())
    for _ in range(5_000):  # more than are kept
        usb_device("add", "1-1", SCANNER)
    print("flood", plugs.changed())
    while select.select([plugs.fileno()], [], [], NOTHING_SECONDS)[0]:
        plugs.changed()
    print("quiet", plugs.changed())


if __name__ == "__main__":
    main(*sys.argv[1:])
