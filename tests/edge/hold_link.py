"""Holds one link with a will until it is killed: `python -m tests.edge.hold_link PORT TOPIC`."""

import sys
import threading

from edge.mqtt import Link, LinkEvent, LinkUp, Will
from edge.settings import Broker


def main() -> None:
    up = threading.Event()

    def hear(event: LinkEvent) -> None:
        if isinstance(event, LinkUp):
            up.set()

    link = Link(Broker(port=int(sys.argv[1])), "holder", [], hear, Will(sys.argv[2], b"gone"))
    link.start()
    up.wait()
    link.publish(sys.argv[2], b"here", retain=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
