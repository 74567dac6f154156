"""The scanner's end of the cable: one port's device served through FunctionFS to whatever host is there.

To the port it is a client, as a connection over USB/IP is: what the device answers, and which fault strikes,
is decided there.
"""

import asyncio
import errno
import logging
import os
from contextlib import suppress

from drivers.usbip_wire import Submit, Submitted
from fwtools.errors import ToolError
from fwtools.gadget.configfs import Tree
from fwtools.gadget.endpoints import Endpoints, open_file
from fwtools.gadget.functionfs import (
    EVENT_BYTES,
    MOST_EVENTS,
    Endpoint,
    Event,
    Layout,
    no_strings,
    read_events,
)
from fwtools.gadget.spoiling import struck
from fwtools.virtual.requests import Request
from fwtools.virtual.server import Port

log = logging.getLogger("gadget")


class Link:
    """Serves a port; its files are open as long as it lives, whether the cable is in or not."""

    def __init__(self, tree: Tree, port: Port, layout: Layout, speed: int, exact: bool = False) -> None:
        self._tree, self._port, self._exact = tree, port, exact
        self._events = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._ep0 = open_file(tree.mount / "ep0")
        os.write(self._ep0, layout.descriptors(speed, self._events))
        os.write(self._ep0, no_strings())
        self._endpoints = Endpoints(tree.mount, port, layout)
        self._listens = asyncio.create_task(self._listen())
        self._in = False  # the cable

    def follow(self) -> None:
        """Put the cable in or pull it, as the port has it; raise what went wrong since."""
        for task in (self._listens, *self._endpoints.tasks):
            if task.done():
                task.result()
        if self._port.plugged and not self._in:
            self._tree.plug()
            self._in = True
        elif self._in and not self._port.plugged:
            self.hang_up()

    def hang_up(self) -> None:
        """Pull the cable, whatever is in flight."""
        if self._in:
            self._in = False
            self._tree.unplug()

    def stream(self) -> None:
        """Something may have come up to be sent."""
        self._endpoints.wake()

    async def close(self) -> None:
        """Pull the cable and let go of all files."""
        self.hang_up()
        self._listens.cancel()
        await asyncio.gather(self._listens, return_exceptions=True)
        self._endpoints.end()
        self._endpoints.close()
        os.close(self._ep0)
        os.close(self._events)

    async def _listen(self) -> None:
        """Take the kernel's events, one after the other."""
        while True:
            await _readable(self._events)
            try:
                os.eventfd_read(self._events)
                data = os.read(self._ep0, EVENT_BYTES * MOST_EVENTS)
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EIDRM):  # the last: the host gave its request up
                    continue
                raise
            for event, setup in read_events(data):
                if event is Event.SETUP:
                    with suppress(OSError):  # the host gave up, or the cable is out
                        await self._request(setup)
                elif event is Event.ENABLE:
                    self._end()
                    with suppress(OSError):  # let go of again already
                        self._begin(self._endpoints.given())
                elif event in (Event.DISABLE, Event.UNBIND):
                    self._end()

    def _begin(self, given: dict[int, Endpoint]) -> None:
        """A host has configured the device."""
        other = [f"0x{ours:02x} as 0x{one.address:02x}" for ours, one in given.items() if ours != one.address]
        if other and self._exact:
            sentence = (
                f"the controller {self._tree.controller} numbers endpoints otherwise: {', '.join(other)}"
            )
            raise ToolError(sentence)
        log.info("a host has configured it%s", f"; endpoints: {', '.join(other)}" if other else "")
        self._port.client = self
        self._port.imports += 1
        self._endpoints.begin(given)

    def _end(self) -> None:
        """The host has it no more: it is as after power-on."""
        self._endpoints.end()
        if self._port.client is self:
            self._port.client = None
            self._port.reset()
            log.info("the host has let go of it")

    async def _request(self, setup: bytes) -> None:
        """Carry out one control request; what takes its time does so in a thread of its own."""
        request, before = Request.parse(setup), self._port.device.void
        incoming, data = bool(request.kind & 0x80), b""
        if request.length and not incoming:
            data = await asyncio.to_thread(os.read, self._ep0, request.length)
        urb = Submit(0, 0, 0, incoming, request.length, setup, data)
        done = self._port.carry_out(urb) or Submitted(0, -errno.EPIPE, 0)
        await self._endpoints.take_back(before)
        self.stream()
        done = await struck(self._port, urb, done, self._wait)
        if done.status < 0:
            self._refuse(incoming, request.length)
        elif incoming:
            await asyncio.to_thread(os.write, self._ep0, done.data)
        elif not request.length:
            await asyncio.to_thread(os.read, self._ep0, 0)

    def _refuse(self, incoming: bool, length: int) -> None:
        """Stall endpoint 0, by going the wrong way."""
        if incoming:
            os.read(self._ep0, 0)
        elif not length:
            os.write(self._ep0, b"")
        else:
            log.warning("a request was refused when its data had been taken: FunctionFS cannot tell the host")

    async def _wait(self, seconds: float) -> None:
        """Let time pass with a request unanswered, until the host has no more patience, either."""
        with suppress(TimeoutError):
            await asyncio.wait_for(_readable(self._events), seconds)


async def _readable(file: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(file, tell)
    try:
        await ready
    finally:
        loop.remove_reader(file)
