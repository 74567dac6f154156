"""What goes wrong with a device, sorted by who can act: the machine, or a technician."""

from enum import StrEnum


class FaultKind(StrEnum):
    """What the machine must do before it can go on."""

    NOT_FOUND = "not found"  # wait for the plug
    UNPLUGGED = "unplugged"  # wait for the plug
    TIMEOUT = "timeout"  # reset, open again
    PROTOCOL = "protocol"  # reset, open again
    BUSY = "busy"  # another program holds it: open again soon, then call a technician
    PERMISSION = "permission"  # a technician must install the udev rule
    UNSUPPORTED = "unsupported"  # a technician must choose another device
    AMBIGUOUS = "ambiguous"  # a technician must say which scanner is this booth's


class DeviceFault(Exception):
    """Its kind says who acts: the machine resets, opens again or waits for the plug; else a technician."""

    def __init__(self, kind: FaultKind, detail: str) -> None:
        super().__init__(f"{kind.value}: {detail}")
        self.kind = kind
        self.detail = detail
