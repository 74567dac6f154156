"""The demo's stage with what production has instead: mosquitto at the station and in the box, bridged."""

import os
import shutil
from pathlib import Path

import pytest

from edge.demo.stage import BOOTH, Stage

CONFIGURATION = Path(__file__).parents[2] / "systemd"


def needed(program: str, package: str) -> str:
    """Return a program's path; without it the test is skipped, and in CI it fails."""
    path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if path is None:
        message = f"{program} is missing: apt-get install {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path


class MosquittoStage(Stage):
    """Brokers started from the configuration files in systemd/, on free ports."""

    def start_broker(self, name: str) -> None:
        """Start mosquitto on the port it had, or on a free one."""
        port = self.port_of(name)
        text = (CONFIGURATION / f"mosquitto-{name}.conf").read_text().replace("BOOTH", BOOTH)
        text = text.replace("listener 1883", f"listener {port}")
        if name == "box":
            assert self.cable
            text = text.replace("STATION:1883", f"127.0.0.1:{self.cable.port}")
        file = self.folder / f"mosquitto-{name}.conf"
        file.write_text(text)
        self.spawn(name, [needed("mosquitto", "mosquitto"), "-c", str(file)])
        self.wait_for_port(name, port)

    def start_bridge(self) -> None:
        """The box's mosquitto is the bridge."""
