"""What a fault makes of a gadget's transfer."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from errno import EPIPE

from drivers.usbip_wire import Submit, Submitted
from fwtools.virtual.faults import LATE_SECONDS, Fault
from fwtools.virtual.server import Port


async def struck(
    port: Port, urb: Submit, done: Submitted, late: Callable[[float], Awaitable[object]]
) -> Submitted:
    """Let a fault strike what was carried out, if one waits for it; `late` lets time pass.

    What the host writes has reached it, so that a fault can only refuse it or be slow.
    """
    data = done.data if urb.incoming else urb.data
    fault = port.faults.strike(port.way(urb), urb.incoming, len(data)) if done.status == 0 else None
    match fault:
        case Fault(kind="slow", seconds=seconds):
            await late(LATE_SECONDS if seconds is None else seconds)
        case Fault(kind="stall"):
            return replace(done, status=-EPIPE, data=b"")
        case Fault(kind="short") if urb.incoming:
            return replace(done, data=data[: port.faults.fewer(len(data))])
        case Fault(kind="garbage"):
            return replace(done, data=port.faults.garbage(len(data)))
    return done
