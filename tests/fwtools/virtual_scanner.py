"""Starts the real `vantay-fw virtual` in a process of its own and speaks to its control socket."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.drivers.bench import ridges

COMMAND = [str(Path(sys.executable).parent / "vantay-fw"), "virtual"]


class VirtualScanner:
    """A running virtual scanner."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self.process = process
        self.where = json.loads(process.stdout.readline())
        self.usbip = f"usbip://{self.where['usbip']}"
        if self.where["control"]:
            host, port = self.where["control"].split(":")
            self._socket = socket.create_connection((host, int(port)), 20)
            self._lines = self._socket.makefile("rb")

    def ask(self, line: bytes) -> dict[str, Any]:
        self._socket.sendall(line)
        answer: dict[str, Any] = json.loads(self._lines.readline())
        return answer

    def do(self, what: str, **more: str) -> dict[str, Any]:
        answer = self.ask(json.dumps({"do": what, **more}).encode() + b"\n")
        assert answer["ok"], answer
        return answer

    def close(self) -> None:
        if self.where["control"]:
            self._lines.close()
            self._socket.close()


@contextmanager
def virtual_scanner(folder: Path, *arguments: str) -> Iterator[VirtualScanner]:
    """Serve a folder; at the end SIGTERM must end it with exit code 0."""
    command = [*COMMAND, "--scans", str(folder), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            scanner = VirtualScanner(process)
            yield scanner
            scanner.close()
        finally:
            process.terminate()
            _, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors, errors


def write_fingers(folder: Path, count: int) -> dict[str, NDArray[np.uint8]]:
    """Write finger images at 500 ppi; their pixels by file name."""
    fingers = {f"{100 + n}_1.png": ridges(n) for n in range(count)}
    for name, pixels in fingers.items():
        Image.fromarray(pixels).save(folder / name, dpi=(500, 500))
    return fingers
