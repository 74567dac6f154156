"""Messages as systemd-udevd sends them to its listeners, over the kernel's own netlink socket.

The form is that of libudev's monitor (systemd, src/libsystemd/sd-device/device-monitor.c), which takes only
what root sent.
"""

import socket
import struct

UEVENT, LISTENERS = 15, 2  # NETLINK_KOBJECT_UEVENT, and the group that udevd speaks to
_MAGIC, _HEAD_BYTES = 0xFEEDCAFE, 40
_M = 0x5BD1E995


def send(**properties: str) -> None:
    """Tell everybody in this network name space who listens to udev."""
    text = b"".join(f"{key}={value}".encode() + b"\0" for key, value in properties.items())
    head = b"libudev\0" + struct.pack(">I", _MAGIC)
    head += struct.pack("=III", _HEAD_BYTES, _HEAD_BYTES, len(text))
    hashes = [murmur2(properties[key].encode()) for key in ("SUBSYSTEM", "DEVTYPE")]
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, UEVENT) as sender:
        sender.bind((0, 0))
        sender.sendto(head + struct.pack(">IIII", *hashes, 0, 0) + text, (0, LISTENERS))


def usb_device(action: str, port: str, product: str) -> None:
    """Say that a USB device came or went; `product` is VENDOR/PRODUCT/RELEASE, hexadecimal."""
    send(
        ACTION=action,
        DEVPATH=f"/devices/pci0000:00/0000:00:14.0/usb1/{port}",
        SUBSYSTEM="usb",
        DEVTYPE="usb_device",
        PRODUCT=product,
        DEVNAME="/dev/bus/usb/001/004",
        MAJOR="189",
        MINOR="3",
        SEQNUM="10",
    )


def murmur2(data: bytes) -> int:
    """MurmurHash2 by A. Appleby, seed 0: what the kernel's filter of a listener compares."""
    value, whole = len(data), len(data) // 4 * 4
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * _M & 0xFFFFFFFF
        word = (word ^ word >> 24) * _M & 0xFFFFFFFF
        value = value * _M & 0xFFFFFFFF ^ word
    if rest := data[whole:]:
        value = (value ^ int.from_bytes(rest, "little")) * _M & 0xFFFFFFFF
    value = (value ^ value >> 13) * _M & 0xFFFFFFFF
    return value ^ value >> 15
