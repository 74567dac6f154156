"""mosquitto's own bridge, as a box has it: what a loss of the connection leaves of it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from edge.demo.cable import Cable
from edge.messages import booth_topic
from tests.edge.programs import Ear, Mosquitto, ear, free_port, needed, until
from tests.system.production import CONFIGURATION

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

JOURNAL = booth_topic("b-1", "journal")
CUTS = 3


def made(folder: Path, kind: str, station: int) -> Mosquitto:
    """Return a broker with the configuration of systemd/."""
    text, port = (CONFIGURATION / f"mosquitto-{kind}.conf").read_text().replace("BOOTH", "b-1"), free_port()
    text = text.replace("listener 1883", f"listener {port}").replace("STATION:1883", f"127.0.0.1:{station}")
    (folder / f"{kind}.conf").write_text(text)
    command = [needed("mosquitto", "mosquitto"), "-c", str(folder / f"{kind}.conf")]
    return Mosquitto(command, folder / f"{kind}.log", port=port)


@contextmanager
def under_load(one: Ear) -> Iterator[None]:
    """Publish without a pause meanwhile."""
    ended = Event()

    def load() -> None:
        while not ended.wait(0.002):
            for _ in range(10):
                one.link.publish(JOURNAL, bytes(300))

    thread = Thread(target=load)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_bridge_cut_in_mid_flight_sends_again(tmp_path: Path) -> None:
    """With a limit of messages in flight mosquitto 2.0.11 never does, until it is started again."""
    station = made(tmp_path, "station", 0)
    station.start()
    with closing(Cable(station.port)) as cable:
        box = made(tmp_path, "box", cable.port)
        try:
            box.start()
            with (
                ear(station.broker(), JOURNAL, name="hub") as hub,
                ear(box.broker(), name="b-1") as booth,
                under_load(booth),
            ):
                for cut in range(CUTS):
                    until(lambda: hub.on(JOURNAL), f"something before cut {cut}")
                    cable.cut()
                    cable.mend()
                    hub.heard.clear()
                until(lambda: hub.on(JOURNAL), "something after the last cut")
        finally:
            box.kill()
            station.kill()
