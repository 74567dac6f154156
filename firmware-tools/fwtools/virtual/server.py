"""A USB/IP server: lists the scanners of a bus, lends each to one client, answers or spoils its URBs."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from errno import ECONNRESET, EPIPE
from typing import Protocol

from drivers import usbip_wire as wire
from drivers.usbip_wire import ExportedDevice, Submit, Submitted, Unlinked, WireError
from fwtools.virtual.faults import LATE_SECONDS, Fault, Faults, Way
from fwtools.virtual.requests import Request, Stall

BUSID = "1-1"
MOST_URBS = 1024  # in flight; a client that leaves more unanswered is cut off
MOST_IN_BYTES = 1 << 20  # of one URB

log = logging.getLogger("virtual")


class Device(Protocol):
    """A virtual scanner: a bulk endpoint to read, perhaps one to write, perhaps one that tells."""

    bulk_in: int
    bulk_out: int | None
    interrupt_in: int | None
    free_running: bool  # it sends picture after picture, unasked
    ends_reads: bool  # what it sends ends the host's read, also where it fills the last packet
    void: int  # how often it has dropped what it had to send

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


class Client(Protocol):
    """Who has taken a device."""

    def hang_up(self) -> None:
        """The cable is pulled."""

    def stream(self) -> None:
        """The device may have something to send."""


class Port:
    """The port a virtual device is plugged into, and the faults of its wire."""

    def __init__(self, device: Device, busid: str = BUSID, number: int = 1, seed: int = 1) -> None:
        self.device, self.busid = device, busid
        self.exported = replace(device.exported(busid), devnum=1 + number)
        self.plugged = True
        self.imports = 0  # how often a client has taken it
        self.client: Client | None = None
        self.faults = Faults(seed)
        self._halted: set[int] = set()  # endpoints that stalled, until the client clears them

    def unplug(self) -> None:
        """Pull the cable: the client's connection ends, the device is listed no more."""
        self.plugged = False
        self.let_go()

    def replug(self) -> None:
        """Put the cable back: the device is as after power-on."""
        self.plugged = True

    def let_go(self) -> None:
        """End the client's connection, if there is one; the device is as after power-on."""
        client, self.client = self.client, None
        if client is not None:
            client.hang_up()
        self.reset()

    def reset(self) -> None:
        """Power-on state; no endpoint is halted."""
        self._halted.clear()
        self.device.reset()

    def tick(self) -> None:
        """Let the device look at its platen, and its client hear what it tells."""
        if self.client is not None:
            self.device.tick()
            self.client.stream()

    def way(self, urb: Submit) -> Way:
        """What kind of endpoint an URB goes to."""
        if urb.endpoint == 0:
            return "control"
        return "interrupt" if urb.incoming and urb.endpoint == self.device.interrupt_in else "bulk"

    def carry_out(self, urb: Submit) -> Submitted | None:
        """Do what an URB asks for; None while the device has nothing for it. Faults come later."""
        try:
            data = self._answer(urb)
        except Stall:
            what = urb.setup if urb.endpoint == 0 else urb.data[:16]
            log.warning("%s refused a request or message: %s", self.busid, what.hex(" "))
            return Submitted(urb.seqnum, -EPIPE, 0)
        if data is None:
            return None
        return Submitted(urb.seqnum, 0, len(data if urb.incoming else urb.data), data)

    def stall(self, urb: Submit) -> Submitted:
        """Refuse an URB; another endpoint than 0 stays halted."""
        if urb.endpoint:
            self._halted.add(address(urb))
        return Submitted(urb.seqnum, -EPIPE, 0)

    def _answer(self, urb: Submit) -> bytes | None:
        """Return what an IN brings, b"" for an OUT, None while there is nothing; Stall when it is refused."""
        device = self.device
        if urb.endpoint == 0:
            return self._control(urb)
        if address(urb) in self._halted:
            raise Stall
        if urb.incoming and urb.endpoint == device.bulk_in:
            return device.read(urb.length)
        if urb.incoming and urb.endpoint == device.interrupt_in:
            message = device.message()
            return None if message is None else message[: urb.length]
        if urb.incoming or urb.endpoint != device.bulk_out:
            raise Stall
        device.write(urb.data)
        return b""

    def _control(self, urb: Submit) -> bytes:
        match Request.parse(urb.setup):
            case Request(kind=0x02, request=1, value=0, index=halted):
                self._halted.discard(halted)
            case Request(kind=0x23, request=3, value=4):
                self._halted.clear()
            case Request(kind=0x82, request=0, index=asked, length=length):
                return bytes([asked in self._halted, 0])[:length]
        return self.device.control(urb.setup, urb.data)


def address(urb: Submit) -> int:
    """An URB's endpoint with its direction; both directions of endpoint 0 are one pipe."""
    return urb.endpoint | (0x80 if urb.incoming and urb.endpoint else 0)


class Bus:
    """The ports that one server exports, by bus id."""

    def __init__(self, ports: Sequence[Port]) -> None:
        self.ports = {port.busid: port for port in ports}

    def list(self) -> bytes:
        """What a client is told of the scanners that are plugged in."""
        plugged = [port.exported.encode() for port in self.ports.values() if port.plugged]
        interface = bytes((255, 255, 255, 0))
        return len(plugged).to_bytes(4, "big") + b"".join(device + interface for device in plugged)

    def tick(self) -> None:
        """Let the time of one look pass for all."""
        for port in self.ports.values():
            port.tick()


class Connection(asyncio.Protocol):
    """One client: first a list or an import, then URBs until either side ends it."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._port: Port | None = None
        self._asked = bytearray()
        self._commands = wire.command_reader()
        self._pending: dict[int, Submit] = {}  # URBs that are not answered yet, oldest first
        self._late: set[int] = set()  # endpoints that keep their client waiting
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """A client that goes gives the device back, reset, as Linux's usbip-host does."""
        if self._port is not None and self._port.client is self:
            self._port.client = None
            self._port.reset()
            log.info("%s: the client has gone%s", self._port.busid, f" ({exc})" if exc else "")

    def hang_up(self) -> None:
        """End the connection; what was written before still goes out."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Take bytes off the wire."""
        try:
            if self._port is None:
                self._asked += data
                self._answer_question()
            elif self._port.client is self:
                self._serve(self._port, data)
        except WireError as error:
            log.warning("a client was cut off: %s", error)
            self._transport.close()

    def _answer_question(self) -> None:
        if len(self._asked) < wire.OP_BYTES:
            return
        head, rest = bytes(self._asked[: wire.OP_BYTES]), bytes(self._asked[wire.OP_BYTES :])
        code, _ = wire.decode_op(head, wire.REQUEST_DEVICES, wire.REQUEST_IMPORT)
        if code == wire.REQUEST_DEVICES:
            self._transport.write(wire.encode_op(wire.REPLY_DEVICES) + self._bus.list())
            self._transport.close()
        elif len(rest) >= wire.BUSID_BYTES:
            self._lend(wire.decode_busid(rest[: wire.BUSID_BYTES]), rest[wire.BUSID_BYTES :])

    def _lend(self, busid: str, rest: bytes) -> None:
        port, status = self._bus.ports.get(busid), wire.IMPORTED
        if port is None or not port.plugged:
            status = wire.NO_DEVICE
        elif port.client is not None:
            status = wire.BUSY
        self._transport.write(wire.encode_op(wire.REPLY_IMPORT, status))
        if port is None or status != wire.IMPORTED:
            self._transport.close()
            return
        self._transport.write(port.exported.encode())
        self._port, port.client = port, self
        port.imports += 1
        log.info("%s: a client has imported the scanner", busid)
        self._serve(port, rest)

    def _serve(self, port: Port, data: bytes) -> None:
        for command in self._commands.feed(data):
            if isinstance(command, Submit):
                if len(self._pending) >= MOST_URBS or command.length > MOST_IN_BYTES:
                    raise WireError("it asks for more than a scanner can give")
                self._pending[command.seqnum] = command
            else:
                known = self._pending.pop(command.target, None)
                self._reply(port, Unlinked(command.seqnum, -ECONNRESET if known else 0))
            self.stream()

    def stream(self) -> None:
        """Answer what waits and can be answered, each endpoint in order."""
        while self._port is not None and self._port.client is self and self._one_round(self._port):
            pass

    def _one_round(self, port: Port) -> bool:
        """Try each URB once; whether any was carried out, which may let others go on."""
        progress, dry = False, set[int]()
        for urb in list(self._pending.values()):
            if port.client is not self or address(urb) in dry | self._late:
                continue
            done = port.carry_out(urb)
            if done is None:
                dry.add(address(urb))
                continue
            progress = True
            self._complete(port, urb, done)
        return progress

    def _complete(self, port: Port, urb: Submit, done: Submitted) -> None:
        """Answer an URB that was carried out, or do to it what a fault wants."""
        size = len(done.data) if urb.incoming else len(urb.data)
        fault = port.faults.strike(port.way(urb), urb.incoming, size) if done.status == 0 else None
        match fault:
            case Fault(kind="slow", seconds=seconds):
                self._late.add(address(urb))
                late = LATE_SECONDS if seconds is None else seconds
                asyncio.get_running_loop().call_later(late, self._at_last, port, urb, done)
                return
            case Fault(kind="stall"):
                done = port.stall(urb)
            case Fault(kind="short"):
                fewer = port.faults.fewer(size)
                done = Submitted(urb.seqnum, 0, fewer, done.data[:fewer])
            case Fault(kind="garbage"):
                done = Submitted(urb.seqnum, 0, size, port.faults.garbage(size))
        del self._pending[urb.seqnum]
        self._reply(port, done)

    def _at_last(self, port: Port, urb: Submit, done: Submitted) -> None:
        """End the wait of a slow endpoint; an URB given up meanwhile has lost what it brought."""
        self._late.discard(address(urb))
        if port.client is self:
            if self._pending.pop(urb.seqnum, None):
                self._reply(port, done)
            self.stream()

    def _reply(self, port: Port, reply: Submitted | Unlinked) -> None:
        if port.client is not self:
            return
        message = reply.encode()
        allowed, cut = port.faults.allowance(len(message))
        self._transport.write(message[:allowed])
        if cut is not None:
            log.info("%s: the connection is cut after %d bytes", port.busid, cut.bytes)
            if cut.kind == "unplug":
                port.unplug()
                if cut.seconds is not None:
                    asyncio.get_running_loop().call_later(cut.seconds, port.replug)
            else:
                port.let_go()
