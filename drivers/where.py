"""The words for a place a scanner is plugged into: "usb", "usb:1-1.2", "usbip://host:port/busid"."""

import re
from dataclasses import dataclass

USBIP_PORT = 3240  # registered for USB/IP
_USB = re.compile(r"usb(?::(\d+)-(\d+(?:\.\d+)*))?")
_USBIP = re.compile(r"usbip://(\[[0-9a-fA-F:.]+\]|[^\s/:\[\]]+)(?::(\d{1,5}))?(?:/([^\s/]{1,31}))?")


@dataclass(frozen=True, slots=True)
class LocalUsb:
    """This machine's USB: any port, or the one port named as in /sys/bus/usb/devices."""

    port: str | None = None


@dataclass(frozen=True, slots=True)
class RemoteUsb:
    """A USB/IP server: any of its devices, or the one with this bus id."""

    host: str
    port: int
    busid: str | None = None


def parse_where(text: str) -> LocalUsb | RemoteUsb:
    """Read a place; ValueError with one sentence when it is none."""
    if match := _USB.fullmatch(text):
        bus, ports = match.groups()
        return LocalUsb(f"{int(bus)}-{ports}" if bus else None)
    if (match := _USBIP.fullmatch(text)) and 0 < int(match[2] or USBIP_PORT) < 65536:
        return RemoteUsb(match[1].strip("[]"), int(match[2] or USBIP_PORT), match[3])
    raise ValueError(
        f"'{text}' is no place of a scanner: say usb, usb:BUS-PORT[.PORT] or usbip://HOST:PORT[/BUSID]"
    )
