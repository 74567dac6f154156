"""Commands to the virtual scanner: one JSON object a line over TCP, one JSON line back for each."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

from fwtools.errors import ToolError
from fwtools.virtual.platen import Platen
from fwtools.virtual.server import Port

MOST_LINE_BYTES = 1 << 16

log = logging.getLogger("virtual")


class Control:
    """Carries out commands on the platen and the cable."""

    def __init__(self, folder: Path, platen: Platen, port: Port) -> None:
        self._folder, self._platen, self._port = folder.resolve(), platen, port

    def answer(self, line: bytes) -> bytes:
        """Carry out one line; the answer is {"ok": true, ...} or {"ok": false, "error": one sentence}."""
        try:
            reply = {"ok": True, **self._do(_parse(line))}
        except ToolError as error:
            reply = {"ok": False, "error": str(error)}
        return json.dumps(reply, ensure_ascii=False).encode() + b"\n"

    def _do(self, command: dict[str, Any]) -> dict[str, Any]:
        match command:
            case {"do": "put", "image": str(name), **rest} if not rest:
                self._platen.put(self._find(name), name)
            case {"do": "lift", **rest} if not rest:
                self._platen.lift()
            case {"do": "unplug", **rest} if not rest:
                self._port.unplug()
            case {"do": "replug", **rest} if not rest:
                self._port.replug()
            case {"do": "status", **rest} if not rest:
                return self._status()
            case _:
                raise ToolError(
                    'a command is {"do": "put", "image": NAME}, or "do" with lift, unplug, replug or status'
                )
        log.info("done: %s", command)
        return {}

    def _status(self) -> dict[str, Any]:
        return {
            "finger": self._platen.image is not None,
            "image": self._platen.image,
            "frames_since_put": self._platen.pictures_since_put,
            "led": self._port.device.led,
            "plugged": self._port.plugged,
            "connected": self._port.client is not None,
        }

    def _find(self, name: str) -> Path:
        try:
            path = (self._folder / name).resolve()
            found = path.is_file()
        except (OSError, ValueError):  # a name no file can have
            path, found = self._folder, False
        if not path.is_relative_to(self._folder):
            raise ToolError(f"{name!r} lies outside the folder of images")
        if not found:
            raise ToolError(f"there is no image {name!r} in {self._folder}")
        return path


class ControlConnection(asyncio.Protocol):
    """One client of the control socket."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._line = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each whole line."""
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            self._transport.write(self._control.answer(line))
        if len(self._line) > MOST_LINE_BYTES:
            log.warning("a client of the control socket was cut off: its line does not end")
            self._transport.abort()


def _parse(line: bytes) -> dict[str, Any]:
    try:
        command = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ToolError(f"this line is no JSON: {error}") from error
    if not isinstance(command, dict):
        raise ToolError("a command is a JSON object")
    return command
