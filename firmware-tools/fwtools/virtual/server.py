"""A USB/IP server for one virtual device: lists it, lends it to one client, answers its URBs."""

import asyncio
import logging
from errno import ECONNRESET, EPIPE
from typing import Protocol

from drivers import usbip_wire as wire
from drivers.usbip_wire import ExportedDevice, Submit, Submitted, Unlinked, WireError
from fwtools.virtual.requests import Stall

BUSID = "1-1"
MOST_URBS = 1024  # in flight; a client that leaves more unanswered is cut off
MOST_IN_BYTES = 1 << 20  # of one URB

log = logging.getLogger("virtual")


class Device(Protocol):
    """A virtual scanner: a bulk endpoint to read, perhaps one to write, perhaps one that tells."""

    bulk_in: int
    bulk_out: int | None
    interrupt_in: int | None

    @property
    def led(self) -> bool:
        """Whether its light is on."""

    def reset(self) -> None:
        """Power-on state."""

    def exported(self, busid: str, /) -> ExportedDevice:
        """How a USB/IP server lists it."""

    def control(self, setup: bytes, data: bytes, /) -> bytes:
        """Answer one control request; Stall when the device does not know it."""

    def write(self, data: bytes, /) -> None:
        """Take what was written to the bulk endpoint; Stall when the device does not know it."""

    def read(self, length: int) -> bytes | None:
        """Return bytes for one bulk read, or None while there are none."""

    def message(self) -> bytes | None:
        """Return the next message of the interrupt endpoint, or None while there is none."""

    def tick(self) -> None:
        """Let the time of one look at the platen pass, where the device looks by itself."""


class Port:
    """The port the virtual device is plugged into."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.exported = device.exported(BUSID)
        self.plugged = True
        self.client: Connection | None = None

    def unplug(self) -> None:
        """Pull the cable: the client's connection ends, the list is empty."""
        self.plugged = False
        if self.client is not None:
            self.client.hang_up()
        self.device.reset()

    def replug(self) -> None:
        """Put the cable back: the device is as after power-on."""
        self.plugged = True

    def tick(self) -> None:
        """Let the device look at its platen, and its client hear what it tells."""
        if self.client is not None:
            self.device.tick()
            self.client.stream()


class Connection(asyncio.Protocol):
    """One client: first a list or an import, then URBs until either side ends it."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._asked = bytearray()
        self._commands = wire.command_reader()
        self._pending: dict[int, Submit] = {}  # reads that wait for what the device gives, oldest first
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """A client that goes gives the device back, reset, as Linux's usbip-host does."""
        if self._port.client is self:
            self._port.client = None
            self._port.device.reset()
            log.info("the client has gone%s", f" ({exc})" if exc else "")

    def hang_up(self) -> None:
        """End the connection."""
        self._port.client = None
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take bytes off the wire."""
        try:
            if self._port.client is self:
                self._serve(data)
            else:
                self._asked += data
                self._answer_question()
        except WireError as error:
            log.warning("a client was cut off: %s", error)
            self._transport.close()

    def _answer_question(self) -> None:
        if len(self._asked) < wire.OP_BYTES:
            return
        head, rest = bytes(self._asked[: wire.OP_BYTES]), bytes(self._asked[wire.OP_BYTES :])
        code, _ = wire.decode_op(head, wire.REQUEST_DEVICES, wire.REQUEST_IMPORT)
        if code == wire.REQUEST_DEVICES:
            self._transport.write(wire.encode_op(wire.REPLY_DEVICES) + self._list())
            self._transport.close()
        elif len(rest) >= wire.BUSID_BYTES:
            self._lend(wire.decode_busid(rest[: wire.BUSID_BYTES]), rest[wire.BUSID_BYTES :])

    def _list(self) -> bytes:
        if not self._port.plugged:
            return bytes(4)
        return (1).to_bytes(4, "big") + self._port.exported.encode() + bytes((255, 255, 255, 0))

    def _lend(self, busid: str, rest: bytes) -> None:
        status = wire.IMPORTED
        if not self._port.plugged or busid != BUSID:
            status = wire.NO_DEVICE
        elif self._port.client is not None:
            status = wire.BUSY
        self._transport.write(wire.encode_op(wire.REPLY_IMPORT, status))
        if status != wire.IMPORTED:
            self._transport.close()
            return
        self._transport.write(self._port.exported.encode())
        self._port.client = self
        log.info("a client has imported the scanner")
        self._serve(rest)

    def _serve(self, data: bytes) -> None:
        for command in self._commands.feed(data):
            if isinstance(command, Submit):
                self._submit(command)
            else:
                known = self._pending.pop(command.target, None)
                self._reply(Unlinked(command.seqnum, -ECONNRESET if known else 0))
            self.stream()

    def _submit(self, urb: Submit) -> None:
        if len(self._pending) >= MOST_URBS or urb.length > MOST_IN_BYTES:
            raise WireError("it asks for more than a scanner can give")
        if urb.endpoint == 0:
            try:
                data = self._port.device.control(urb.setup, urb.data)
            except Stall:
                log.warning("request refused: %s", urb.setup.hex(" "))
                self._reply(Submitted(urb.seqnum, -EPIPE, 0))
                return
            self._reply(Submitted(urb.seqnum, 0, len(data if urb.incoming else urb.data), data))
        elif urb.incoming and urb.endpoint in (self._port.device.bulk_in, self._port.device.interrupt_in):
            self._pending[urb.seqnum] = urb
        elif urb.endpoint == self._port.device.bulk_out and not urb.incoming:
            self._take(urb)
        else:
            self._reply(Submitted(urb.seqnum, -EPIPE, 0))

    def _take(self, urb: Submit) -> None:
        try:
            self._port.device.write(urb.data)
        except Stall:
            log.warning("message refused: %s", urb.data[:16].hex(" "))
            self._reply(Submitted(urb.seqnum, -EPIPE, 0))
            return
        self._reply(Submitted(urb.seqnum, 0, len(urb.data)))

    def stream(self) -> None:
        """Answer the reads that the device has something for."""
        dry: set[int] = set()
        for urb in list(self._pending.values()):
            if urb.endpoint in dry:
                continue
            if urb.endpoint == self._port.device.interrupt_in:
                message = self._port.device.message()
                data = None if message is None else message[: urb.length]
            else:
                data = self._port.device.read(urb.length)
            if data is None:
                dry.add(urb.endpoint)
                continue
            del self._pending[urb.seqnum]
            self._reply(Submitted(urb.seqnum, 0, len(data), data))

    def _reply(self, reply: Submitted | Unlinked) -> None:
        self._transport.write(reply.encode())
