"""`vantay-fw gadget`: a virtual scanner at a real USB port, by configfs and FunctionFS."""

import asyncio
import json
import logging
import signal
import sys
from argparse import ArgumentParser, Namespace
from contextlib import AsyncExitStack, suppress
from typing import Any

from fwtools.errors import ToolError
from fwtools.gadget.configfs import Tree, check_system, choose_controller
from fwtools.gadget.functionfs import BadDescriptor, Identity, Layout
from fwtools.gadget.link import Link
from fwtools.virtual.control import Control, ControlConnection
from fwtools.virtual.listening import CONTROL_HOST, address, listen
from fwtools.virtual.options import add_scanner_options, benches_of
from fwtools.virtual.play import play
from fwtools.virtual.rig import Bench
from fwtools.virtual.server import Device

LOOK_SECONDS = 0.02  # between two looks of a device that looks by itself, and at the cable
DEVICE_DESCRIPTOR = bytes.fromhex("8006000100001200")
CONFIGURATION_DESCRIPTOR = bytes.fromhex("800600020000ff00")


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_scanner_options(parser)
    parser.add_argument("--udc", metavar="NAME", help="the USB device controller, where there are several")
    parser.add_argument(
        "--exact",
        action="store_true",
        help="end when the controller gives endpoints other numbers than the scanner has",
    )


def run(args: Namespace) -> int:
    """Be a scanner until SIGTERM, SIGHUP or SIGINT; nothing is left behind."""
    benches = benches_of(args)
    if len(benches) != 1:
        raise ToolError(
            f"a gadget is one scanner, not {len(benches)}: start one vantay-fw gadget for each, with --udc"
        )
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="gadget: %(message)s")
    check_system()
    tree = Tree(choose_controller(args.udc))
    with tree.held():
        asyncio.run(_serve(args, benches[0], tree))
    return 0


def described(device: Device) -> tuple[Identity, Layout]:
    """Who a device says it is and what it has; ToolError where FunctionFS cannot serve that."""
    try:
        identity = Identity.parse(device.control(DEVICE_DESCRIPTOR, b""))
        return identity, Layout.parse(device.control(CONFIGURATION_DESCRIPTOR, b""))
    except BadDescriptor as error:
        raise ToolError(f"FunctionFS cannot serve this model: {error}") from error


async def _serve(args: Namespace, bench: Bench, tree: Tree) -> None:
    loop, stop, speed = asyncio.get_running_loop(), asyncio.Event(), bench.port.exported.speed
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    identity, layout = described(bench.port.device)
    async with AsyncExitStack() as servers:
        orders = None
        if args.control is not None:
            control = Control([bench])
            orders = await listen(CONTROL_HOST, args.control, lambda: ControlConnection(control))
            servers.callback(orders.close)
        tree.make(identity, layout, speed)
        link = Link(tree, bench.port, layout, speed, args.exact)
        servers.push_async_callback(link.close)
        link.follow()
        said: dict[str, Any] = {"udc": tree.controller, "control": address(orders) if orders else None}
        said |= {"busid": bench.port.busid, "model": bench.wanted.model, "serial": bench.wanted.serial}
        print(json.dumps(said), flush=True)
        script = asyncio.create_task(play(bench, bench.wanted.script.loop)) if bench.wanted.script else None
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_SECONDS)
            link.follow()
            if bench.port.device.interrupt_in is not None:
                bench.port.tick()
            if script is not None and script.done():
                script.result()  # one that failed ends the gadget: an image has gone since the start
        if script is not None:
            script.cancel()
