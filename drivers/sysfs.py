"""What Linux tells of a USB device at a port, under /sys."""

import time
from pathlib import Path

DEVICES = Path("/sys/bus/usb/devices")
GONE_SECONDS = 1.0  # in which Linux notices that a cable was pulled
LOOK_SECONDS = 0.02


def attribute(location: str, name: str) -> str:
    """Return an attribute of the device at "usb:BUS-PORT"; empty where Linux tells nothing."""
    port = location.removeprefix("usb:")
    if port == location:
        return ""
    try:
        return (DEVICES / port / name).read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def number(location: str) -> str:
    """Return the number that the device got when it was plugged in; empty where that is not known."""
    return attribute(location, "devnum")


def has_left(location: str, known: str) -> bool:
    """Whether the device of this number leaves its port within a moment; False when its number is not known.

    A transfer that a pulled cable tears ends as one on a bad wire, before Linux knows that it is gone.
    """
    if not known:
        return False
    ends = time.monotonic() + GONE_SECONDS
    while (here := number(location) == known) and time.monotonic() < ends:
        time.sleep(LOOK_SECONDS)
    return not here
