"""The scanner's end of the cable: one port's device served through FunctionFS to whatever host is there.

To the port it is a client, as a connection over USB/IP is: what the device answers, and which fault strikes,
is decided there. A gadget does not see that its host wants to read: what the device has for an endpoint
waits on it, and is taken back when the device says that it is void.
"""

import asyncio
import errno
import fcntl
import logging
import os
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from drivers.usbip_wire import Submit, Submitted
from fwtools.errors import ToolError
from fwtools.gadget.aio import Aio, Flight
from fwtools.gadget.configfs import Tree
from fwtools.gadget.functionfs import (
    EVENT_BYTES,
    MOST_EVENTS,
    Endpoint,
    Event,
    Layout,
    no_strings,
    read_events,
)
from fwtools.virtual.faults import LATE_SECONDS, Fault
from fwtools.virtual.requests import Request
from fwtools.virtual.server import MOST_IN_BYTES, Port

PIECE = 16_384  # bytes of one write: the kernel wants them in one piece of memory
NEXT_SECONDS = 0.5  # after a picture that nobody asked for, unless the host says something before
FLUSH_SECONDS = 1.0  # the kernel may take to give a write back
GET_DESCRIPTOR = 0x8009_6782  # FUNCTIONFS_ENDPOINT_DESC, which brings 9 bytes
_OURS = (errno.EAGAIN, errno.ESHUTDOWN, errno.ENODEV)  # the endpoint is not there, or no more

log = logging.getLogger("gadget")


class Link:
    """Serves a port; call `run`. Its files are open as long as it lives, whether the cable is in or not."""

    def __init__(self, tree: Tree, port: Port, layout: Layout, speed: int, exact: bool = False) -> None:
        self._tree, self._port, self._exact = tree, port, exact
        self._aio = Aio()
        self._ep0 = _open(tree.mount / "ep0")
        os.write(self._ep0, layout.descriptors(speed))
        os.write(self._ep0, no_strings())
        self._files = {
            one.address: _open(tree.mount / f"ep{number}") for number, one in enumerate(layout.endpoints, 1)
        }
        self._wakes = {address: asyncio.Event() for address in self._files}
        self._packets = {one.address: one.packet for one in layout.endpoints}
        self._writes: dict[int, Flight] = {}  # in flight, by endpoint
        self._pumps: list[asyncio.Task[None]] = []
        self._listens = asyncio.create_task(self._listen())
        self._in = False  # the cable

    def follow(self) -> None:
        """Put the cable in or pull it, as the port has it; raise what went wrong since."""
        for task in (self._listens, *self._pumps):
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
        for wake in self._wakes.values():
            wake.set()

    async def close(self) -> None:
        """Pull the cable and let go of all files."""
        self.hang_up()
        tasks = [self._listens, *self._pumps]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._aio.close()
        for file in (*self._files.values(), self._ep0):
            os.close(file)

    async def _listen(self) -> None:
        """Take the kernel's events, one after the other."""
        while True:
            await _readable(self._ep0)
            try:
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
                    self._begin()
                elif event in (Event.DISABLE, Event.UNBIND):
                    self._end()

    def _begin(self) -> None:
        """A host has configured the device."""
        self._end()
        with suppress(OSError):  # let go of again
            given = {ours: _described(file) for ours, file in self._files.items()}
            self._serve(given)

    def _serve(self, given: dict[int, Endpoint]) -> None:
        """Serve the host over the endpoints that the controller gave for ours."""
        other = [f"0x{ours:02x} as 0x{one.address:02x}" for ours, one in given.items() if ours != one.address]
        if other and self._exact:
            raise ToolError(
                f"the controller {self._tree.controller} numbers endpoints otherwise: {', '.join(other)}"
            )
        self._packets = {ours: one.packet for ours, one in given.items()}
        self._port.client = self
        self._port.imports += 1
        device, pumps = self._port.device, list[Coroutine[Any, Any, None]]()
        if device.bulk_out is not None:
            pumps.append(self._pump_out(device.bulk_out))
        pumps += [
            self._pump_in(0x80 | one) for one in (device.bulk_in, device.interrupt_in) if one is not None
        ]
        self._pumps = [asyncio.create_task(pump) for pump in pumps]
        log.info("a host has configured it%s", f"; endpoints: {', '.join(other)}" if other else "")

    def _end(self) -> None:
        """The host has it no more: it is as after power-on."""
        for pump in self._pumps:
            pump.cancel()
        self._pumps, self._writes = [], {}
        if self._port.client is self:
            self._port.client = None
            self._port.reset()
            log.info("the host has let go of it")

    async def _request(self, setup: bytes) -> None:
        """Carry out one control request."""
        request, before = Request.parse(setup), self._port.device.void
        incoming = bool(request.kind & 0x80)
        data = (
            b""
            if incoming or not request.length
            else await asyncio.to_thread(os.read, self._ep0, request.length)
        )
        urb = Submit(0, 0, 0, incoming, request.length, setup, data)
        done = self._port.carry_out(urb) or Submitted(0, -errno.EPIPE, 0)
        await self._take_back(before)
        self.stream()
        done = await self._struck(urb, done)
        if done.status < 0:
            self._refuse(incoming, request.length)
        elif incoming:
            await asyncio.to_thread(os.write, self._ep0, done.data)
        elif not request.length:
            await asyncio.to_thread(os.read, self._ep0, 0)

    def _refuse(self, incoming: bool, length: int) -> None:
        """Stall endpoint 0, which is done by going the wrong way."""
        if incoming:
            os.read(self._ep0, 0)
        elif not length:
            os.write(self._ep0, b"")
        else:
            log.warning("a request was refused when its data had been taken: FunctionFS cannot tell the host")

    async def _take_back(self, before: int) -> None:
        """Take back what the host is not to have any more."""
        flight = self._writes.get(0x80 | self._port.device.bulk_in)
        if self._port.device.void != before and flight is not None:
            self._aio.cancel(flight)
            await asyncio.wait([flight.done], timeout=FLUSH_SECONDS)

    async def _struck(self, urb: Submit, done: Submitted) -> Submitted:
        """What a fault makes of a transfer, if one strikes."""
        data = done.data if urb.incoming else urb.data
        faults = self._port.faults
        fault = faults.strike(self._port.way(urb), urb.incoming, len(data)) if done.status == 0 else None
        match fault:
            case Fault(kind="slow", seconds=seconds):
                await asyncio.sleep(LATE_SECONDS if seconds is None else seconds)
            case Fault(kind="stall"):
                return Submitted(0, -errno.EPIPE, 0)
            case Fault(kind="short") if urb.incoming:
                fewer = faults.fewer(len(data))
                return Submitted(0, 0, fewer, data[:fewer])
            case Fault(kind="garbage"):
                return Submitted(0, 0, len(data), faults.garbage(len(data)))
        return done

    async def _pump_in(self, address: int) -> None:
        """Send what the device has for an endpoint as soon as it has it."""
        device, wake = self._port.device, self._wakes[address]
        urb = Submit(0, 0, address & 0x0F, True, MOST_IN_BYTES)
        while True:
            before, done = device.void, self._port.carry_out(urb)
            if done is None:
                wake.clear()
                await wake.wait()
                continue
            done = await self._struck(urb, done)
            if done.status < 0:
                self._halt(address)
            elif device.void == before and not await self._send(address, done.data):
                return
            if device.free_running and address & 0x0F == device.bulk_in:
                wake.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(wake.wait(), NEXT_SECONDS)

    async def _send(self, address: int, data: bytes) -> bool:
        """Send one answer or picture, piece by piece; False when the endpoint is gone."""
        device, packet = self._port.device, self._packets[address]
        before = device.void
        pieces = [data[start : start + PIECE] for start in range(0, len(data), PIECE)]
        if not data or (device.ends_reads and address & 0x0F == device.bulk_in and not len(data) % packet):
            pieces.append(b"")
        for piece in pieces:
            allowed, cut = self._port.faults.allowance(len(piece))
            if cut is not None:  # in the middle of a transfer: a shorter packet would end it
                piece = piece[: allowed - allowed % packet]
            if piece or cut is None:
                result = await self._write(address, piece)
                if -result in _OURS:
                    return False
                if device.void != before:
                    return True
            if cut is not None:
                self._cut(cut)
                return False
        return True

    async def _write(self, address: int, piece: bytes) -> int:
        try:
            flight = self._writes[address] = self._aio.write(self._files[address], piece)
        except OSError as error:
            return -(error.errno or errno.EIO)
        result = await flight.done
        self._writes.pop(address, None)
        return result

    def _cut(self, fault: Fault) -> None:
        """Pull the cable, for good or until it is put back."""
        log.info("the cable is pulled after %d bytes", fault.bytes)
        if fault.kind == "unplug":
            self._port.unplug()
            if fault.seconds is not None:
                asyncio.get_running_loop().call_later(fault.seconds, self._port.replug)
        else:
            self._port.let_go()

    async def _pump_out(self, address: int) -> None:
        """Take what the host writes; every message of these devices is shorter than a packet."""
        while True:
            try:
                flight = self._aio.read(self._files[address], self._packets[address])
            except OSError:
                return
            if await flight.done < 0:
                return
            before = self._port.device.void
            urb = Submit(0, 0, address, False, 0, data=flight.data)
            done = await self._struck(urb, self._port.carry_out(urb) or Submitted(0, 0, 0))
            await self._take_back(before)
            if done.status < 0:
                self._halt(address)
            self.stream()

    def _halt(self, address: int) -> None:
        """Stall an endpoint, by going the wrong way; the controller ends it when the host asks."""
        with suppress(OSError):
            if address & 0x80:
                os.read(self._files[address], 1)
            else:
                os.write(self._files[address], b"\0")


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


def _described(file: int) -> Endpoint:
    """An endpoint as the controller gives it."""
    return Endpoint.parse(fcntl.ioctl(file, GET_DESCRIPTOR, bytes(9)))


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
