"""Orders to the virtual scanners: one JSON object a line over TCP, one JSON line back for each."""

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any

from fwtools.errors import ToolError
from fwtools.virtual.faults import TRANSFERS, read_fault
from fwtools.virtual.rig import Bench, check_detects

MOST_LINE_BYTES = 1 << 16
ORDERS = ("put", "lift", "unplug", "replug", *TRANSFERS, "die", "heal", "status")

log = logging.getLogger("virtual")


class Control:
    """Carries out orders on the platens, the cables and the wires."""

    def __init__(self, benches: Sequence[Bench]) -> None:
        self._benches = benches

    def answer(self, line: bytes) -> bytes:
        """Carry out one line; the answer is {"ok": true, ...} or {"ok": false, "error": one sentence}."""
        try:
            reply = {"ok": True, **self._do(_parse(line))}
        except ToolError as error:
            reply = {"ok": False, "error": str(error)}
        return json.dumps(reply, ensure_ascii=False).encode() + b"\n"

    def _do(self, order: dict[str, Any]) -> dict[str, Any]:
        bench = self._bench(order.pop("scanner", None))
        match order:
            case {"do": "put", "image": str(name), **rest} if not rest.keys() - {"artefact"}:
                path = bench.find(name)
                if not path.is_file():
                    raise ToolError(f"{name!r} is no image")
                bench.platen.put(path, name, _artefact(bench, **rest))
            case {"do": "lift", **rest} if not rest:
                bench.platen.lift()
            case {"do": "unplug", **rest} if not rest:
                bench.port.unplug()
            case {"do": "replug", **rest} if not rest:
                bench.port.replug()
            case {"do": "heal", **rest} if not rest:
                bench.port.faults.clear()
            case {"do": "status", **rest} if not rest:
                return _status(bench)
            case {"do": str(kind), **rest} if kind in (*TRANSFERS, "die", "unplug") and "kind" not in rest:
                bench.port.faults.add(read_fault({"kind": kind, **rest}))
            case _:
                raise ToolError(
                    f'an order is {{"do": "put", "image": NAME}}, or "do" with {", ".join(ORDERS[1:-1])} '
                    f"or {ORDERS[-1]}"
                )
        log.info("%s: done: %s", bench.port.busid, order)
        return {}

    def _bench(self, name: Any) -> Bench:
        if name is None and len(self._benches) == 1:
            return self._benches[0]
        names = ", ".join(bench.port.busid for bench in self._benches)
        if name is None:
            raise ToolError(f'say which scanner: "scanner" is one of {names}, or its serial number')
        for bench in self._benches:
            if name in (bench.port.busid, bench.wanted.serial):
                return bench
        raise ToolError(f'there is no such scanner here: "scanner" is one of {names}, or its serial number')


def _artefact(bench: Bench, artefact: object = None) -> int | None:
    """How much of an artefact the finger is, as the scanner's attack detection will say."""
    if artefact is None:
        return None
    check_detects(bench.wanted.model)
    if not isinstance(artefact, int) or isinstance(artefact, bool) or not 0 <= artefact <= 100:
        raise ToolError("'artefact' is a whole number from 0 to 100")
    return artefact


def _status(bench: Bench) -> dict[str, Any]:
    platen, port = bench.platen, bench.port
    return {
        "finger": platen.image is not None,
        "image": platen.image,
        "frames_since_put": platen.pictures_since_put,
        "led": port.device.led,
        "plugged": port.plugged,
        "connected": port.client is not None,
        "faults_waiting": port.faults.waiting,
        "faults_struck": dict(port.faults.struck),
    }


class ControlConnection(asyncio.Protocol):
    """One client of the control socket."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._line = b""
        self._skips = False  # the rest of a line that was too long
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each whole line; one that is too long as soon as that is seen, and its rest is skipped."""
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            if self._skips:
                self._skips = False
            else:
                self._answer(line)
        if self._skips:
            self._line = b""
        elif len(self._line) > MOST_LINE_BYTES:
            self._answer(self._line)
            self._line, self._skips = b"", True

    def _answer(self, line: bytes) -> None:
        if len(line) > MOST_LINE_BYTES:
            log.warning("a line of a client of the control socket is too long")
            reply = {
                "ok": False,
                "error": f"a line has at most {MOST_LINE_BYTES} bytes: send a shorter order",
            }
            self._transport.write(json.dumps(reply).encode() + b"\n")
            return
        self._transport.write(self._control.answer(line))


def _parse(line: bytes) -> dict[str, Any]:
    try:
        order = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ToolError(f"this line is no JSON: {error}") from error
    if not isinstance(order, dict):
        raise ToolError("an order is a JSON object")
    return order
