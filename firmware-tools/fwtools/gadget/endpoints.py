"""A gadget's endpoints besides 0: sends what its device has for them, takes what the host writes.

A gadget does not see that its host wants to read: what the device has waits on the endpoint, and is taken
back when the device says that it is void.
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
from fwtools.gadget.aio import Aio, Flight
from fwtools.gadget.functionfs import Endpoint, Layout
from fwtools.gadget.spoiling import struck
from fwtools.virtual.faults import Fault
from fwtools.virtual.server import MOST_IN_BYTES, Port

PIECE = 16_384  # bytes of one write: the kernel wants them in one piece of memory
NEXT_SECONDS = 0.5  # after a picture that nobody asked for, unless the host says something before
FLUSH_SECONDS = 1.0  # the kernel may take to give a write back
GET_DESCRIPTOR = 0x8009_6782  # FUNCTIONFS_ENDPOINT_DESC, which brings 9 bytes
_GONE = (errno.EAGAIN, errno.ESHUTDOWN, errno.ENODEV)  # the endpoint is not there, or no more

log = logging.getLogger("gadget")


class Endpoints:
    """The files of the endpoints, and one task for each that the device uses while a host has it."""

    def __init__(self, mount: Path, port: Port, layout: Layout) -> None:
        self._port = port
        self._aio = Aio()
        addresses = enumerate((one.address for one in layout.endpoints), 1)
        self._files = {address: open_file(mount / f"ep{number}") for number, address in addresses}
        self._packets: dict[int, int] = {}
        self._wakes = {address: asyncio.Event() for address in self._files}
        self._writes: dict[int, Flight] = {}  # in flight
        self.tasks: list[asyncio.Task[None]] = []

    def given(self) -> dict[int, Endpoint]:
        """What the controller gives for each of ours; OSError while no host has configured them."""
        return {
            address: Endpoint.parse(fcntl.ioctl(file, GET_DESCRIPTOR, bytes(9)))
            for address, file in self._files.items()
        }

    def begin(self, given: dict[int, Endpoint]) -> None:
        """Serve the host."""
        self._packets = {address: one.packet for address, one in given.items()}
        device, pumps = self._port.device, list[Coroutine[Any, Any, None]]()
        if device.bulk_out is not None:
            pumps.append(self._pump_out(device.bulk_out))
        incoming = [number for number in (device.bulk_in, device.interrupt_in) if number is not None]
        pumps += [self._pump_in(0x80 | number) for number in incoming]
        self.tasks = [asyncio.create_task(pump) for pump in pumps]

    def end(self) -> None:
        """The host has them no more."""
        for task in self.tasks:
            task.cancel()
        self.tasks, self._writes = [], {}

    def wake(self) -> None:
        """Something may have come up to be sent."""
        for wake in self._wakes.values():
            wake.set()

    def close(self) -> None:
        """Let go of the files; the cable is out."""
        self._aio.close()
        for file in self._files.values():
            os.close(file)

    async def take_back(self, before: int) -> None:
        """Take back what the host is not to have any more, if the device has dropped it since."""
        flight = self._writes.get(0x80 | self._port.device.bulk_in)
        if self._port.device.void != before and flight is not None:
            self._aio.cancel(flight)
            await asyncio.wait([flight.done], timeout=FLUSH_SECONDS)

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
            done = await struck(self._port, urb, done, asyncio.sleep)
            if done.status < 0:
                self._halt(address)
            elif device.void == before and not await self._send(address, done.data):
                return
            if device.free_running:
                wake.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(wake.wait(), NEXT_SECONDS)

    async def _send(self, address: int, data: bytes) -> bool:
        """Send one answer or picture, piece by piece; False when the endpoint is gone."""
        device, packet = self._port.device, self._packets[address]
        before = device.void
        pieces = [data[start : start + PIECE] for start in range(0, len(data), PIECE)]
        ends = device.ends_reads and address & 0x0F == device.bulk_in and not len(data) % packet
        for piece in [*pieces, b""] if ends or not data else pieces:
            allowed, cut = self._port.faults.allowance(len(piece))
            if cut is not None:  # in the middle of a transfer: a shorter packet would end it
                allowed -= allowed % packet
            if allowed or cut is None:
                result = await self._write(address, piece[:allowed])
                if -result in _GONE:
                    return False
                if device.void != before:
                    return True
            if cut is not None:
                self._cut(cut)
                return False
        return True

    async def _write(self, address: int, piece: bytes) -> int:
        """Write, and wait until the host has it: how many bytes, or a negative errno."""
        try:
            flight = self._writes[address] = self._aio.write(self._files[address], piece)
        except OSError as error:
            return -(error.errno or errno.EIO)
        result = await flight.done
        self._writes.pop(address, None)
        return result

    def _cut(self, fault: Fault) -> None:
        """Pull the cable, until it is put back or for a moment."""
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
            done = self._port.carry_out(urb) or Submitted(0, 0, 0)
            await self.take_back(before)
            if (await struck(self._port, urb, done, asyncio.sleep)).status < 0:
                self._halt(address)
            self.wake()

    def _halt(self, address: int) -> None:
        """Stall an endpoint, by going the wrong way; the controller ends it when the host asks."""
        with suppress(OSError):
            if address & 0x80:
                os.read(self._files[address], 1)
            else:
                os.write(self._files[address], b"\0")


def open_file(path: Path) -> int:
    """Open a file of FunctionFS; one that waits for nobody."""
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
