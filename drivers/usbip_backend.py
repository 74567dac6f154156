"""One device of a USB/IP server as a pyusb backend. pyusb asks for no base class, so usb is not imported.

The methods and their arguments are those of `usb.backend.IBackend`; failures are OSError with an errno.
"""

import struct
from array import array
from collections.abc import Iterator
from errno import ENODEV, EPROTO
from types import SimpleNamespace

from drivers.usbip import UsbipClient
from drivers.usbip_wire import ExportedDevice

_GET_DESCRIPTOR, _SET_CONFIGURATION, _SET_INTERFACE, _CLEAR_FEATURE, _SET_FEATURE = 6, 9, 11, 1, 3
_CONFIGURATION, _INTERFACE, _ENDPOINT = 2, 4, 5  # descriptor types, USB 2.0 table 9-5
_PORT_RESET = 4  # feature of a hub's port, USB 2.0 table 11-17: how a USB/IP client resets a device
_SECONDS = 2.0  # for standard requests

_FIELDS = {
    _CONFIGURATION: "wTotalLength bNumInterfaces bConfigurationValue iConfiguration bmAttributes bMaxPower",
    _INTERFACE: "bInterfaceNumber bAlternateSetting bNumEndpoints bInterfaceClass bInterfaceSubClass "
    "bInterfaceProtocol iInterface",
    _ENDPOINT: "bEndpointAddress bmAttributes wMaxPacketSize bInterval",
}
_FORMATS = {_CONFIGURATION: "<HBBBBB", _INTERFACE: "<BBBBBBB", _ENDPOINT: "<BBHB"}


class UsbipBackend:
    """A backend that knows exactly one device; the connection lives from `open_device` to `close_device`."""

    def __init__(self, host: str, port: int, exported: ExportedDevice) -> None:
        self._host, self._port, self._exported = host, port, exported
        self._client: UsbipClient | None = None
        self._configuration = exported.configuration
        self._descriptors: list[SimpleNamespace] = []

    @property
    def client(self) -> UsbipClient:
        """The open connection."""
        if self._client is None:
            raise OSError(ENODEV, "the device is not open")
        return self._client

    def enumerate_devices(self) -> Iterator[ExportedDevice]:
        """The one device."""
        yield self._exported

    def get_parent(self, _dev: ExportedDevice) -> None:
        """No hub is known."""

    def get_device_descriptor(self, dev: ExportedDevice) -> SimpleNamespace:
        """What the server's list tells of the device; it has no strings."""
        device_class, subclass, protocol = dev.device_class
        return SimpleNamespace(
            bLength=18,
            bDescriptorType=1,
            bcdUSB=0x0200,
            bDeviceClass=device_class,
            bDeviceSubClass=subclass,
            bDeviceProtocol=protocol,
            bMaxPacketSize0=64,
            idVendor=dev.vendor,
            idProduct=dev.product,
            bcdDevice=dev.release,
            iManufacturer=0,
            iProduct=0,
            iSerialNumber=0,
            bNumConfigurations=dev.configurations,
            address=dev.devnum,
            bus=dev.busnum,
            port_number=None,
            port_numbers=None,
            speed=dev.speed,
        )

    def open_device(self, dev: ExportedDevice) -> ExportedDevice:
        """Import the device from the server and read its configuration."""
        self._client = UsbipClient(self._host, self._port, dev.busid)
        try:
            head = self._descriptor(9)
            self._descriptors = _parse(self._descriptor(int.from_bytes(head[2:4], "little")))
            if not _complete(self._descriptors):
                raise OSError(EPROTO, "the device does not describe itself as USB wants it")
        except OSError:
            self.close_device(dev)
            raise
        return dev

    def close_device(self, _handle: ExportedDevice) -> None:
        """Give the device back to the server."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def get_configuration_descriptor(self, _dev: ExportedDevice, config: int) -> SimpleNamespace:
        """The only configuration."""
        return [d for d in self._descriptors if d.bDescriptorType == _CONFIGURATION][config]

    def get_interface_descriptor(
        self, _dev: ExportedDevice, intf: int, alt: int, _config: int
    ) -> SimpleNamespace:
        """By position in the configuration; pyusb stops at the IndexError."""
        interfaces = [d for d in self._descriptors if d.bDescriptorType == _INTERFACE]
        numbers = sorted({d.bInterfaceNumber for d in interfaces})
        return [d for d in interfaces if d.bInterfaceNumber == numbers[intf]][alt]

    def get_endpoint_descriptor(
        self, dev: ExportedDevice, ep: int, intf: int, alt: int, config: int
    ) -> SimpleNamespace:
        """By position in the interface."""
        interface = self.get_interface_descriptor(dev, intf, alt, config)
        first = self._descriptors.index(interface) + 1
        endpoints = [d for d in self._descriptors[first:] if d.bDescriptorType == _ENDPOINT]
        return endpoints[: interface.bNumEndpoints][ep]

    def get_configuration(self, _handle: ExportedDevice) -> int:
        """The configuration the device is in."""
        return self._configuration

    def set_configuration(self, _handle: ExportedDevice, value: int) -> None:
        """Standard request 9."""
        self._request(0x00, _SET_CONFIGURATION, value, 0)
        self._configuration = value

    def set_interface_altsetting(self, _handle: ExportedDevice, intf: int, alt: int) -> None:
        """Standard request 11."""
        self._request(0x01, _SET_INTERFACE, alt, intf)

    def claim_interface(self, _handle: ExportedDevice, _intf: int) -> None:
        """The import claimed the whole device."""

    def release_interface(self, _handle: ExportedDevice, _intf: int) -> None:
        """The end of the connection releases it."""

    def is_kernel_driver_active(self, _handle: ExportedDevice, _intf: int) -> bool:
        """No kernel driver can be bound here."""
        return False

    def ctrl_transfer(
        self,
        _handle: ExportedDevice,
        kind: int,
        request: int,
        value: int,
        index: int,
        data: "array[int]",
        ms: int,
    ) -> int:
        """One control transfer; an IN fills `data`."""
        setup = struct.pack("<BBHHH", kind, request, value, index, len(data))
        if not kind & 0x80:
            return self.client.control_out(setup, data.tobytes(), ms / 1000)
        return _fill(data, self.client.control(setup, b"", ms / 1000))

    def bulk_read(self, _handle: ExportedDevice, ep: int, _intf: int, buff: "array[int]", ms: int) -> int:
        """Fill `buff` from an endpoint, in one piece."""
        return _fill(buff, self.client.read(ep, len(buff), len(buff), ms / 1000))

    def bulk_write(self, _handle: ExportedDevice, ep: int, _intf: int, data: "array[int]", ms: int) -> int:
        """Write to an endpoint."""
        return self.client.write(ep, data.tobytes(), ms / 1000)

    intr_read, intr_write = bulk_read, bulk_write  # the server knows the endpoint's kind

    def _isochronous(self, *_: object) -> int:
        raise NotImplementedError("isochronous transfers over USB/IP")

    iso_read = iso_write = _isochronous  # pyusb looks them up at each transfer

    def clear_halt(self, _handle: ExportedDevice, ep: int) -> None:
        """CLEAR_FEATURE(ENDPOINT_HALT)."""
        self._request(0x02, _CLEAR_FEATURE, 0, ep)

    def reset_device(self, _handle: ExportedDevice) -> None:
        """SET_FEATURE(PORT_RESET), as a virtual host controller passes a reset on."""
        self._request(0x23, _SET_FEATURE, _PORT_RESET, 1)

    def _request(self, kind: int, request: int, value: int, index: int) -> None:
        self.client.control(struct.pack("<BBHHH", kind, request, value, index, 0), b"", _SECONDS)

    def _descriptor(self, length: int) -> bytes:
        setup = struct.pack("<BBHHH", 0x80, _GET_DESCRIPTOR, _CONFIGURATION << 8, 0, length)
        return self.client.control(setup, b"", _SECONDS)


def _fill(target: "array[int]", data: bytes) -> int:
    target[: len(data)] = array("B", data)
    return len(data)


def _complete(parts: list[SimpleNamespace]) -> bool:
    """Whether there are as many interfaces and endpoints as are announced: pyusb counts on it."""
    if [part.bDescriptorType for part in parts[:2]] != [_CONFIGURATION, _INTERFACE]:
        return False
    numbers, endpoints = set[int](), 0
    for part in parts[1:]:
        if part.bDescriptorType == _INTERFACE:
            if endpoints:
                return False
            numbers.add(part.bInterfaceNumber)
            endpoints = part.bNumEndpoints
        elif part.bDescriptorType == _ENDPOINT and endpoints:
            endpoints -= 1
        else:
            return False
    return endpoints == 0 and len(numbers) == parts[0].bNumInterfaces


def _parse(data: bytes) -> list[SimpleNamespace]:
    """Cut a configuration descriptor into its parts; unknown or broken parts are left out."""
    parts: list[SimpleNamespace] = []
    while len(data) >= 2 and 2 <= data[0] <= len(data):
        form = _FORMATS.get(data[1])
        if form and data[0] >= 2 + struct.calcsize(form):
            values = struct.unpack_from(form, data, 2)
            named = dict(zip(_FIELDS[data[1]].split(), values, strict=True))
            extra = {"extra_descriptors": [], "bRefresh": 0, "bSynchAddress": 0}
            parts.append(SimpleNamespace(bLength=data[0], bDescriptorType=data[1], **named, **extra))
        data = data[data[0] :]
    return parts
