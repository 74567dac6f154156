"""pyusb behind one small class: finds devices, carries out a machine's steps, sorts what goes wrong."""

import contextlib
import errno
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import usb.backend.libusb1
import usb.core
import usb.util

from drivers import sysfs, usbip
from drivers.api import MESSAGE_BYTES, BulkIn, BulkOut, ControlIn, ControlOut, Listen, Transfer
from drivers.errors import DeviceFault, FaultKind
from drivers.libusb_reads import LibusbReads
from drivers.usbip_backend import UsbipBackend
from drivers.where import LocalUsb, RemoteUsb

_VENDOR_OUT, _VENDOR_IN = 0x40, 0xC0
_VENDOR_CLASS = 0xFF
_TORN = (errno.EIO, errno.EPROTO)
_FAILURES = (
    OSError,
    NotImplementedError,
    ValueError,
    KeyError,
)  # the last two: no such endpoint, or no such kind
_KINDS = {
    errno.ENODEV: FaultKind.UNPLUGGED,
    errno.ESHUTDOWN: FaultKind.UNPLUGGED,
    errno.ENOENT: FaultKind.NOT_FOUND,
    errno.ETIMEDOUT: FaultKind.TIMEOUT,
    errno.EACCES: FaultKind.PERMISSION,
    errno.EPERM: FaultKind.PERMISSION,
    errno.EBUSY: FaultKind.BUSY,
}
_SENTENCES = {
    FaultKind.NOT_FOUND: "{reason}",
    FaultKind.UNPLUGGED: "the scanner at {location} was unplugged while {doing}",
    FaultKind.TIMEOUT: "the scanner at {location} did not answer in time while {doing}",
    FaultKind.PERMISSION: "this user may not open {location}: install systemd/60-vantay.rules into "
    "/etc/udev/rules.d, plug the scanner in again, and put the user into the group vantay",
    FaultKind.BUSY: "the scanner at {location} is in use by another program",
}


class Reads(Protocol):
    """Reads in flight, which pyusb cannot do; failures are OSError."""

    def read(
        self, endpoint: int, length: int, piece: int, seconds: float, begin: Callable[[], object] | None, /
    ) -> bytes:
        """Read an IN endpoint; `begin` is called when the first piece is in flight; a short piece ends it."""

    def listen(self, endpoint: int, length: int, /) -> None:
        """Keep one read of an interrupt endpoint pending from now on."""

    def hear(self, seconds: float, /) -> bytes | None:
        """The next message, or None when none came in this time."""

    def stop(self) -> None:
        """Listen no more."""


@dataclass(frozen=True, slots=True, eq=False)
class UsbDevice:
    """A USB device that was found, not opened."""

    vendor: int
    product: int
    location: str
    serial: str  # what the system read from it when it was plugged in
    open: Callable[[], "UsbTransport"]


def find_devices(where: LocalUsb | RemoteUsb) -> list[UsbDevice]:
    """All USB devices at a place, in the order of their ports; DeviceFault when the place cannot be asked."""
    try:
        found = _local(where) if isinstance(where, LocalUsb) else _remote(where)
    except OSError as error:
        place = "this machine" if isinstance(where, LocalUsb) else f"{where.host}:{where.port}"
        raise fault_of(error, place, "looking for devices") from error
    return sorted(found, key=lambda device: device.location)


def _local(where: LocalUsb) -> list[UsbDevice]:
    backend = usb.backend.libusb1.get_backend()
    if backend is None:
        raise DeviceFault(FaultKind.UNSUPPORTED, "libusb is not installed here: apt-get install libusb-1.0-0")
    found = []
    for device in usb.core.find(find_all=True, backend=backend):
        port = f"{device.bus}-{'.'.join(map(str, device.port_numbers or (0,)))}"
        if where.port in (None, port):
            found.append(_found(device, f"usb:{port}", partial(_libusb_reads, device)))
    return found


def _remote(where: RemoteUsb) -> list[UsbDevice]:
    host = f"[{where.host}]" if ":" in where.host else where.host
    found = []
    for exported in usbip.list_devices(where.host, where.port):
        if where.busid in (None, exported.busid):
            backend = UsbipBackend(where.host, where.port, exported)
            device = usb.core.find(backend=backend)
            location = f"usbip://{host}:{where.port}/{exported.busid}"
            found.append(_found(device, location, partial(_usbip_reads, backend)))
    return found


def _found(device: Any, location: str, reads: Callable[[], Reads]) -> UsbDevice:
    vendor, product = device.idVendor, device.idProduct
    return UsbDevice(
        vendor, product, location, _serial(location), lambda: UsbTransport(device, location, reads)
    )


def _libusb_reads(device: Any) -> Reads:
    """Reads on the handle that pyusb has opened; pyusb has no public way to it."""
    backend, handle = device._ctx.backend, device._ctx.managed_open()
    return LibusbReads(backend.lib._name, backend.ctx, handle.handle)


def _usbip_reads(backend: UsbipBackend) -> Reads:
    return backend.client


class UsbTransport:
    """An open USB device: implements `drivers.api.Transport`. `reads` is called once the device is open."""

    def __init__(self, device: Any, location: str, reads: Callable[[], Reads]) -> None:
        self._device = device
        self.location = location
        self.release = f"{device.bcdDevice >> 8:x}.{device.bcdDevice & 255:02x}"
        self.serial = _serial(location)
        self._number = sysfs.number(location)
        self._reads: Reads | None = None
        try:
            self._interface = self._configure()
            self._reads = reads()
        except _FAILURES as error:
            self.close()
            raise self._fault_of(error, "opening it") from error

    def _configure(self) -> Any:
        """Claim the vendor's interface, or the first one."""
        try:
            configuration = self._device.get_active_configuration()
        except usb.core.USBError as error:
            if error.errno is not None:  # None is pyusb's "Configuration not set"
                raise
            self._device.set_configuration()
            configuration = self._device.get_active_configuration()
        vendors = usb.util.find_descriptor(configuration, bInterfaceClass=_VENDOR_CLASS)
        interface = vendors or usb.util.find_descriptor(configuration)
        if interface is None:
            raise OSError(errno.EPROTO, "the device has no interface")
        usb.util.claim_interface(self._device, interface.bInterfaceNumber)
        return interface

    @property
    def _open(self) -> Reads:
        assert self._reads is not None, "it was opened"
        return self._reads

    def _endpoints(self, kind: int, way: int) -> list[int]:
        """The addresses of the interface's endpoints of a kind and direction."""
        found = [
            one.bEndpointAddress
            for one in self._interface
            if one.bEndpointAddress & usb.util.ENDPOINT_IN == way and one.bmAttributes & 3 == kind
        ]
        if not found:
            raise OSError(errno.EPROTO, "the device lacks an endpoint")
        return found

    def _bulk(self, named: int | None, way: int) -> int:
        """The endpoint of that address; the first one where a gadget's controller numbers them otherwise."""
        found = self._endpoints(usb.util.ENDPOINT_TYPE_BULK, way)
        return named if named is not None and named in found else found[0]

    def perform(self, step: Transfer) -> bytes:
        """Do one step and return what came back; DeviceFault when the wire fails or brings too little."""
        try:
            if isinstance(step, BulkIn):
                return self._read(step)
            if isinstance(step, Listen):
                ears = self._endpoints(usb.util.ENDPOINT_TYPE_INTR, usb.util.ENDPOINT_IN)
                self._open.listen(ears[0], MESSAGE_BYTES)
                return b""
            if isinstance(step, BulkOut):
                endpoint = self._bulk(step.endpoint, usb.util.ENDPOINT_OUT)
                taken = self._device.write(endpoint, step.data, int(step.timeout * 1000))
                return self._all_taken(step, taken)
            return self._control(step)
        except _FAILURES as error:
            raise self._fault_of(error, _doing(step)) from error

    def _control(self, step: ControlIn | ControlOut) -> bytes:
        kind = _VENDOR_IN if isinstance(step, ControlIn) else _VENDOR_OUT
        what = step.length if isinstance(step, ControlIn) else step.data
        milliseconds = int(step.timeout * 1000)
        answer = self._device.ctrl_transfer(kind, step.request, step.value, step.index, what, milliseconds)
        return answer.tobytes() if isinstance(step, ControlIn) else self._all_taken(step, answer)

    def _all_taken(self, step: BulkOut | ControlOut, taken: int) -> bytes:
        if taken != len(step.data):
            sentence = (
                f"the scanner at {self.location} took {taken} of {len(step.data)} bytes while {_doing(step)}"
            )
            raise DeviceFault(FaultKind.PROTOCOL, sentence)
        return b""

    def _read(self, step: BulkIn) -> bytes:
        endpoint, begin = self._bulk(step.endpoint, usb.util.ENDPOINT_IN), step.begin
        call = None if begin is None else lambda: self._control(begin)
        return self._open.read(endpoint, step.length, step.piece, step.timeout, call)

    def hear(self, seconds: float) -> bytes | None:
        """The next message since `Listen`; None when none came in this time."""
        try:
            return self._open.hear(seconds)
        except OSError as error:
            raise self._fault_of(error, "waiting for its message") from error

    def _fault_of(self, error: Exception, doing: str) -> DeviceFault:
        """Sort an error; one of the wire may be a pulled cable."""
        if getattr(error, "errno", None) in _TORN and sysfs.has_left(self.location, self._number):
            error = OSError(errno.ENODEV, "")
        return fault_of(error, self.location, doing)

    def reset(self) -> None:
        """Reset the device's port."""
        self._stop()
        with contextlib.suppress(OSError, NotImplementedError):
            self._device.reset()

    def close(self) -> None:
        """Let go of the device."""
        self._stop()
        with contextlib.suppress(OSError, NotImplementedError):
            usb.util.dispose_resources(self._device)

    def _stop(self) -> None:
        with contextlib.suppress(OSError):
            if self._reads is not None:
                self._reads.stop()


def _serial(location: str) -> str:
    """What Linux read from the device when it was plugged in: asking the device itself may disturb it."""
    return sysfs.attribute(location, "serial")


def fault_of(error: Exception, location: str, doing: str) -> DeviceFault:
    """Sort an error of pyusb or of a socket by who must act, with one sentence."""
    number = errno.ETIMEDOUT if isinstance(error, TimeoutError) else getattr(error, "errno", None)
    kind = _KINDS.get(number or 0, FaultKind.PROTOCOL)
    reason = getattr(error, "strerror", None) or str(error)
    if number == errno.EPIPE:  # a stall; a connection that went is ENODEV
        reason = "it refused a request"
    sentence = _SENTENCES.get(kind, "{reason}, at {location} while {doing}")
    return DeviceFault(kind, sentence.format(location=location, doing=doing, reason=reason))


def _doing(step: Transfer) -> str:
    if isinstance(step, Listen):
        return "listening to it"
    if isinstance(step, BulkIn):
        place = "it" if step.endpoint is None else f"endpoint 0x{step.endpoint:02x}"
        return f"reading {step.length} bytes from {place}"
    if isinstance(step, BulkOut):
        return f"writing {len(step.data)} bytes to endpoint 0x{step.endpoint:02x}"
    return f"{'reading' if isinstance(step, ControlIn) else 'writing'} request {step.request}"
