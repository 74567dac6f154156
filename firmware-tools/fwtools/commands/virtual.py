"""`vantay-fw virtual`: virtual scanners, served over USB/IP."""

import asyncio
import json
import logging
import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from errno import EADDRINUSE
from pathlib import Path
from typing import Any

from fwtools.errors import ToolError
from fwtools.virtual.control import Control, ControlConnection
from fwtools.virtual.models import MODELS
from fwtools.virtual.platen import Pace
from fwtools.virtual.play import play
from fwtools.virtual.rig import Bench, Wanted, build, bus_of
from fwtools.virtual.script import MOST_SCANNERS, read_script, tellable
from fwtools.virtual.server import Bus, Connection

CONTROL_HOST = "127.0.0.1"  # whoever reaches it can lay fingers down: never another address
LOOK_SECONDS = 0.02  # between two looks of a device that looks by itself
SCRIPT_SECONDS = 1.0  # between two looks whether a script has failed


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--scans",
        type=Path,
        action="append",
        metavar="DIR",
        help="the folder of finger images: one for all scanners, or one for each --model",
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to serve USB/IP on (%(default)s)")
    parser.add_argument("--port", type=_port, default=0, help="its port; 0 takes a free one (%(default)s)")
    parser.add_argument(
        "--control",
        type=_port,
        metavar="PORT",
        help="take orders as JSON lines on 127.0.0.1; 0 takes a free port",
    )
    parser.add_argument(
        "--model", choices=MODELS, action="append", help="once for each scanner, bus ids 1-1, 1-2 … (hamster)"
    )
    parser.add_argument(
        "--serial", action="append", metavar="S", help="of each scanner in order (V2200-000001 …)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="of the first one's optics and noise (%(default)s)"
    )
    parser.add_argument(
        "--script", type=Path, metavar="FILE", help="scanners, fingers and faults in TOML, instead of --model"
    )
    automatic = parser.add_argument_group(
        "without --control and --script: fingers in file-name order, by pictures taken"
    )
    automatic.add_argument(
        "--frames-empty", type=_count, default=3, metavar="N", help="before each (%(default)s)"
    )
    automatic.add_argument(
        "--frames-finger", type=_count, default=30, metavar="M", help="of each (%(default)s)"
    )
    automatic.add_argument("--loop", action="store_true", help="begin again after the last")


def run(args: Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    wanted = _named(args) if args.script is None else _scripted(args)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="virtual: %(message)s")
    by_itself = args.control is None and args.script is None
    pace = Pace(args.frames_empty, args.frames_finger) if by_itself else None
    asyncio.run(_serve(args, build(wanted, pace, args.loop)))
    return 0


def _named(args: Namespace) -> list[Wanted]:
    """The scanners that --model, --serial and --scans name."""
    models, folders = args.model or ["hamster"], args.scans or []
    if len(models) > MOST_SCANNERS:
        raise ToolError(f"{len(models)} scanners are more than the {MOST_SCANNERS} that one server has")
    if len(folders) not in (1, len(models)):
        raise ToolError(
            "name the folder of finger images with --scans: one for all scanners, or one for each"
        )
    serials = _serials(args.serial or [], len(models))
    folders = folders * len(models) if len(folders) == 1 else folders
    return [
        Wanted(model, serial, folder, args.seed + n)
        for n, (model, serial, folder) in enumerate(zip(models, serials, folders, strict=True))
    ]


def _serials(given: Sequence[str], scanners: int) -> list[str]:
    if len(given) > scanners:
        raise ToolError(
            f"{len(given)} times --serial, but only {scanners} scanner(s): name each with --model"
        )
    for serial in given:
        try:
            tellable(serial)
        except ValueError as error:
            raise ToolError(f"'{serial}' is no serial number: it {error}") from None
    return [*given, *(f"V2200-{number:06}" for number in range(len(given) + 1, scanners + 1))]


def _scripted(args: Namespace) -> list[Wanted]:
    """The scanners of the script."""
    if args.model or args.serial or args.loop:
        raise ToolError("--script names the scanners: leave --model, --serial and --loop out")
    folders = args.scans or []
    if len(folders) > 1:
        raise ToolError("with --script there is one --scans at most; the script's 'images' name the others")
    wanted = []
    for number, one in enumerate(read_script(args.script).scanner, 1):
        if one.images is None and not folders:
            raise ToolError(f"{args.script}: 'scanner {number}, images' is missing, and there is no --scans")
        folder = folders[0] if one.images is None else args.script.parent / one.images
        serial = one.serial or f"V2200-{number:06}"
        wanted.append(Wanted(one.model, serial, folder, one.seed, one))
    return wanted


async def _serve(args: Namespace, benches: Sequence[Bench]) -> None:
    loop = asyncio.get_running_loop()
    stop, bus, control = asyncio.Event(), bus_of(benches), Control(benches)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as servers:
        usbip = await _listen(args.host, args.port, lambda: Connection(bus))
        servers.callback(usbip.close)
        where: dict[str, Any] = {"usbip": _address(usbip), "busid": benches[0].port.busid, "control": None}
        if args.control is not None:
            orders = await _listen(CONTROL_HOST, args.control, lambda: ControlConnection(control))
            servers.callback(orders.close)
            where["control"] = _address(orders)
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


async def _listen(host: str, port: int, make: Callable[[], asyncio.Protocol]) -> asyncio.Server:
    try:
        return await asyncio.get_running_loop().create_server(make, host, port)
    except OSError as error:
        if error.errno == EADDRINUSE:
            raise ToolError(
                f"port {port} of {host} is in use: choose another, or 0 for a free one"
            ) from error
        raise ToolError(f"cannot listen on {host} port {port}: {error.strerror or error}") from error


def _address(server: asyncio.Server) -> str:
    host, port = server.sockets[0].getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _port(text: str) -> int:
    return _number(text, 0, 65_535)


def _count(text: str) -> int:
    return _number(text, 1, 1_000_000)


def _number(text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ArgumentTypeError(f"'{text}' is no number from {least} to {most}")
    return int(text)
