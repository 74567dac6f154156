"""The demo's bridge between a box's broker and the station's; in production mosquitto bridges by itself.

`python -m edge.demo.bridge BOOTH BOX_PORT STATION_PORT`. It keeps nothing but the retained truth: what cannot
be handed on is dropped; nothing is lost by it, because only the hub's acknowledgement counts.
"""

import queue
import signal
import sys

from edge.messages import (
    GALLERY_STATUS_TOPIC,
    HUB_STATUS_TOPIC,
    INBOUND,
    OUTBOUND,
    PACKET_ROOT,
    booth_topic,
    gallery_topic,
)
from edge.mqtt import Link, LinkUp, Received
from edge.settings import Broker

RETAINED = ("status", "state")


class Bridge:
    """Two links and what goes between them."""

    def __init__(self, booth: str, box: int, station: int) -> None:
        self._mailbox: queue.SimpleQueue[tuple[str, object]] = queue.SimpleQueue()
        self._retained = {booth_topic(booth, name) for name in RETAINED}
        self._last: dict[str, bytes] = {}  # retained topic -> what it says
        outward = [*(booth_topic(booth, name) for name in OUTBOUND), f"{PACKET_ROOT}/booth/{booth}/+/+"]
        outward.append(gallery_topic(booth))
        inward = [*(booth_topic(booth, name) for name in INBOUND), HUB_STATUS_TOPIC, GALLERY_STATUS_TOPIC]
        self._box = Link(
            Broker(port=box, mqtt="3.1.1"),
            f"bridge-{booth}",
            outward,
            lambda e: self._mailbox.put(("box", e)),
        )
        self._station = Link(
            Broker(port=station, mqtt="3.1.1", keepalive=2),
            f"bridge-{booth}",
            inward,
            lambda e: self._mailbox.put(("station", e)),
        )

    def run(self) -> None:
        """Hand on for ever."""
        self._box.start()
        self._station.start()
        while True:
            match self._mailbox.get():
                case "box", Received(topic, payload):
                    if topic in self._retained:
                        self._last[topic] = payload
                    self._station.publish(topic, payload, retain=topic in self._retained)
                case "station", Received(topic, payload):
                    self._box.publish(topic, payload)
                case "station", LinkUp():
                    for topic, payload in self._last.items():
                        self._station.publish(topic, payload, retain=True)


def main() -> None:
    """Run until killed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    booth, box, station = sys.argv[1:]
    Bridge(booth, int(box), int(station)).run()


if __name__ == "__main__":
    main()
