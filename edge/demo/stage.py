"""The demo's processes: brokers, bridge, hub, booth and virtual scanner, all on loopback, ended by pid."""

import json
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from edge.demo.cable import Cable
from edge.errors import VantayError
from edge.keys import make_booth_keys, make_ministry_key
from edge.settings import Broker

BOOTH = "demo-001"
START_SECONDS = 30.0  # a process that is not ready by then never will be


@dataclass
class Stage:
    """Everything that runs, and where its files are."""

    folder: Path
    scans: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    cable: Cable | None = None
    control: tuple[str, int] = ("", 0)
    mqtt: Literal["auto", "5", "3.1.1"] = "3.1.1"  # what the embedded broker speaks
    model: str = "hamster"  # of the virtual scanner
    unit: tuple[str, ...] = ()  # more words for it: what is peculiar to this one
    booth: str = BOOTH
    ends_with_us: bool = False  # a SIGKILL of this process ends the others too; only for one thread

    def set_up(self) -> None:
        """Make keys and configuration, start everything."""
        self._files()
        self.start_broker("station")
        self.cable = Cable(self.ports["station"])
        self.start_broker("box")
        self.start_bridge()
        self._virtual_scanner()
        self._configure()
        self.start_hub()
        self.start_booth()

    def tear_down(self) -> None:
        """End what was started, in the order of a shift's end; kill what does not listen."""
        if self.cable:
            self.cable.close()
        for name in ("booth", "hub", "bridge", "scanner", "box", "station"):
            self.end(name)

    def start_broker(self, name: str) -> None:
        """Start an embedded broker on a free port, or on the one it had."""
        port = self.port_of(name)
        self.spawn(name, [sys.executable, "-m", "edge.demo.broker", str(port)])
        self.wait_for_port(name, port)

    def port_of(self, name: str) -> int:
        """Return a broker's port: the one it had, or a free one."""
        if name not in self.ports:
            self.ports[name] = free_port()
        return self.ports[name]

    def box_broker(self) -> Broker:
        """Return the box's own broker, for console and rig."""
        return Broker(port=self.ports["box"], mqtt=self.mqtt)

    def start_bridge(self) -> None:
        """Bridge the box's broker to the station's, through the cable."""
        assert self.cable
        ports = [str(self.ports["box"]), str(self.cable.port)]
        self.spawn("bridge", [sys.executable, "-m", "edge.demo.bridge", self.booth, *ports])

    def start_hub(self) -> None:
        """Start the station hub."""
        self.spawn("hub", [*vantay("hub"), "--config", str(self.folder / "hub.toml")])

    def start_booth(self) -> None:
        """Start the booth daemon, which starts its workers."""
        self.spawn("booth", [*vantay("booth"), "--config", str(self.folder / "booth.toml")])

    def kill(self, name: str) -> None:
        """End a process without warning, as a power cut would."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def end(self, name: str) -> None:
        """End a process politely; kill it when it does not listen."""
        process = self.processes.pop(name, None)
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()

    def dead(self) -> list[str]:
        """Return the processes that ended by themselves."""
        return [name for name, process in self.processes.items() if process.poll() is not None]

    def log_tail(self, name: str) -> str:
        """Return the last line that a process said."""
        lines = (self.folder / f"{name}.log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def _files(self) -> None:
        (self.folder / "booth").mkdir()
        (self.folder / "hub").mkdir()
        make_ministry_key(self.folder / "ministry")
        make_booth_keys(self.folder / "keys", self.folder / "ministry" / "ministry.pub")

    def _virtual_scanner(self) -> None:
        command = [program("vantay-fw"), "virtual", "--model", self.model, "--scans", str(self.scans)]
        command += ["--control", "0", *self.unit]
        process = self.spawn("scanner", command, stdout=subprocess.PIPE)
        assert process.stdout
        line = process.stdout.readline()
        if not line:
            raise VantayError(f"the virtual scanner did not start: {self.log_tail('scanner')}")
        where: dict[str, Any] = json.loads(line)
        host, port = where["control"].rsplit(":", 1)
        self.control = (host, int(port))
        self.usbip = f"usbip://{where['usbip']}/{where['busid']}"

    def _configure(self) -> None:
        (self.folder / "booth.toml").write_text(
            f'booth = "{self.booth}"\ndata = "booth"\nkeys = "keys"\n\n'
            f'[broker]\nport = {self.ports["box"]}\nmqtt = "{self.mqtt}"\n\n'
            f'[scanner]\nwhere = "{self.usbip}"\npoll_seconds = 0.03\n'
        )
        (self.folder / "hub.toml").write_text(
            f'data = "hub"\nbooths = ["{self.booth}"]\n\n'
            f'[broker]\nport = {self.ports["station"]}\nmqtt = "{self.mqtt}"\n'
        )

    def spawn(self, name: str, command: list[str], stdout: int | None = None) -> subprocess.Popen[bytes]:
        """Start a process whose words go to a log file of its name."""
        if self.ends_with_us and shutil.which("setpriv"):
            command = ["setpriv", "--pdeathsig", "TERM", "--", *command]
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log if stdout is None else stdout, stderr=log
            )
        self.processes[name] = process
        return process

    def wait_for_port(self, name: str, port: int) -> None:
        """Wait until a process listens; VantayError with its last words when it does not."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.processes[name].poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise VantayError(f"{name} does not listen on port {port}: {self.log_tail(name)}")


def free_port() -> int:
    """Return a loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(name: str) -> str:
    """Return this installation's own program of that name."""
    return str(Path(sys.executable).parent / name)


def vantay(command: str) -> list[str]:
    """Return the words that run one of this installation's own commands."""
    return [program("vantay"), command]
