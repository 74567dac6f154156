"""`vantay-fw virtual`: virtual scanners, served over USB/IP."""

import asyncio
import json
import logging
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any

from fwtools.virtual.control import Control, ControlConnection
from fwtools.virtual.listening import CONTROL_HOST, address, listen
from fwtools.virtual.options import a_port, add_scanner_options, benches_of
from fwtools.virtual.play import play
from fwtools.virtual.rig import Bench, bus_of
from fwtools.virtual.server import Bus, Connection

LOOK_SECONDS = 0.02  # between two looks of a device that looks by itself
SCRIPT_SECONDS = 1.0  # between two looks whether a script has failed


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_scanner_options(parser)
    parser.add_argument("--host", default="127.0.0.1", help="the address to serve USB/IP on (%(default)s)")
    parser.add_argument("--port", type=a_port, default=0, help="its port; 0 takes a free one (%(default)s)")


def run(args: Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    benches = benches_of(args)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="virtual: %(message)s")
    asyncio.run(_serve(args, benches))
    return 0


async def _serve(args: Namespace, benches: Sequence[Bench]) -> None:
    loop = asyncio.get_running_loop()
    stop, bus, control = asyncio.Event(), bus_of(benches), Control(benches)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as servers:
        usbip = await listen(args.host, args.port, lambda: Connection(bus))
        servers.callback(usbip.close)
        where: dict[str, Any] = {"usbip": address(usbip), "busid": benches[0].port.busid, "control": None}
        if args.control is not None:
            orders = await listen(CONTROL_HOST, args.control, lambda: ControlConnection(control))
            servers.callback(orders.close)
            where["control"] = address(orders)
        where["scanners"] = [
            {"busid": bench.port.busid, "model": bench.wanted.model, "serial": bench.wanted.serial}
            for bench in benches
        ]
        print(json.dumps(where), flush=True)
        scripts = [
            asyncio.create_task(play(one, one.wanted.script.loop)) for one in benches if one.wanted.script
        ]
        servers.callback(lambda: [script.cancel() for script in scripts])
        while not stop.is_set():
            await _pass_time(bus, stop, scripts)


async def _pass_time(bus: Bus, stop: asyncio.Event, scripts: Sequence["asyncio.Task[None]"]) -> None:
    """Wait for the end; devices that look at their platens by themselves do so meanwhile."""
    looks = any(port.device.interrupt_in is not None for port in bus.ports.values())
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), LOOK_SECONDS if looks else SCRIPT_SECONDS if scripts else None)
    bus.tick()
    for script in scripts:
        if script.done():
            script.result()  # one that failed ends the server: an image has gone since the start
