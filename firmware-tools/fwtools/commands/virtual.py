"""`vantay-fw virtual`: a virtual scanner, served over USB/IP."""

import asyncio
import json
import logging
import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from errno import EADDRINUSE
from pathlib import Path
from typing import Any

from fwtools.errors import ToolError
from fwtools.virtual.control import Control, ControlConnection
from fwtools.virtual.hamster import HamsterPro20
from fwtools.virtual.images import list_images
from fwtools.virtual.nb1010 import Nb1010U, Thermal
from fwtools.virtual.optics import Device as Factory
from fwtools.virtual.optics import Optics
from fwtools.virtual.platen import Pace, Platen, Presenter, Sight
from fwtools.virtual.server import BUSID, Connection, Device, Port
from fwtools.virtual.uru4500 import Prism, Uru4500

CONTROL_HOST = "127.0.0.1"  # whoever reaches it can lay fingers down: never another address


MODELS = ("hamster", "nb1010", "uru4500")
LOOK_SECONDS = 0.12  # between two looks of a device that looks by itself


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--scans", type=Path, required=True, metavar="DIR", help="the folder of finger images"
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to serve USB/IP on (%(default)s)")
    parser.add_argument("--port", type=_port, default=0, help="its port; 0 takes a free one (%(default)s)")
    parser.add_argument(
        "--control",
        type=_port,
        metavar="PORT",
        help="take commands as JSON lines on 127.0.0.1; 0 takes a free port",
    )
    parser.add_argument("--model", choices=MODELS, default="hamster", help="(%(default)s)")
    parser.add_argument("--serial", default="V2200-000001", help="the device's id (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the device's optics and noise (%(default)s)")
    automatic = parser.add_argument_group("without --control: fingers in file-name order, by pictures taken")
    automatic.add_argument(
        "--frames-empty", type=_count, default=3, metavar="N", help="before each (%(default)s)"
    )
    automatic.add_argument(
        "--frames-finger", type=_count, default=6, metavar="M", help="of each (%(default)s)"
    )
    automatic.add_argument("--loop", action="store_true", help="begin again after the last")


def run(args: Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    if len(args.serial) > 15 or not args.serial.isascii() or not args.serial.isprintable():
        raise ToolError(f"'{args.serial}' is no serial number: at most 15 printable ASCII characters")
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="virtual: %(message)s")
    images = list_images(args.scans)
    factory = Factory.make(args.seed)
    sights: dict[str, Callable[[], Sight]] = {"nb1010": Thermal, "uru4500": Prism}
    platen = Platen(sights.get(args.model, lambda: Optics(factory, args.seed))())
    pace = Pace(args.frames_empty, args.frames_finger)
    presenter = Presenter(platen, images if args.control is None else [], pace, args.loop)
    devices: dict[str, Callable[[], Device]] = {
        "hamster": lambda: HamsterPro20(args.serial, factory.factory_data(), presenter.shoot),
        "nb1010": lambda: Nb1010U(presenter.shoot),
        "uru4500": lambda: Uru4500(presenter.shoot),
    }
    port = Port(devices[args.model]())
    control = None if args.control is None else Control(args.scans, platen, port)
    asyncio.run(_serve(args, port, control))
    return 0


async def _serve(args: Namespace, port: Port, control: Control | None) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as servers:
        usbip = await _listen(args.host, args.port, lambda: Connection(port))
        servers.callback(usbip.close)
        where: dict[str, Any] = {"usbip": _address(usbip), "busid": BUSID, "control": None}
        if control is not None:
            commands = await _listen(CONTROL_HOST, args.control, lambda: ControlConnection(control))
            servers.callback(commands.close)
            where["control"] = _address(commands)
        print(json.dumps(where), flush=True)
        while not stop.is_set():
            await _pass_time(port, stop)


async def _pass_time(port: Port, stop: asyncio.Event) -> None:
    """Wait for the end; a device that looks at its platen by itself does so meanwhile."""
    seconds = None if port.device.interrupt_in is None else LOOK_SECONDS
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    port.tick()


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
