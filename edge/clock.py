"""The one place that reads clocks: wall time, whether it can be trusted, time since this machine started."""

import ctypes
import time
from datetime import UTC, datetime
from pathlib import Path

from edge.messages import Clock, utc

TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


def now() -> str:
    """Return the wall time as it stands on the wire."""
    return utc(moment())


def moment() -> datetime:
    """Return the wall time, in UTC."""
    return datetime.now(UTC)


def reading() -> Clock:
    """Return how far the wall time can be trusted at this moment."""
    return Clock(synchronised=_synchronised(), boot=_boot(), monotonic_ms=int(time.monotonic() * 1000))


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"


def _synchronised() -> bool:
    buffer = ctypes.create_string_buffer(512)  # struct timex with modes = 0: read only
    try:
        return ctypes.CDLL(None, use_errno=True).adjtimex(buffer) not in (-1, TIME_ERROR)
    except (OSError, AttributeError):
        return False
