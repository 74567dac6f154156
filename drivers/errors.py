"""Errors sorted by who can act: the person at the scanner, or the machine."""

from enum import StrEnum


class Hint(StrEnum):
    """What the person at the scanner should do differently."""

    PRESS_LIGHTLY = "press lightly"
    PRESS_HARDER = "press harder"
    CENTRE = "move the finger to the centre"
    HOLD_STILL = "hold the finger still"
    DRY = "dry the finger"
    MOISTEN = "moisten the finger"
    LIFT = "lift the finger"
    CLEAN = "clean the platen"
    OTHER_FINGER = "use the finger that was asked for"


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


class CaptureRetry(Exception):
    """The person acts, then the same position is captured again."""

    def __init__(self, hint: Hint) -> None:
        super().__init__(hint.value)
        self.hint = hint


class DeviceFault(Exception):
    """The machine acts: reset, open again, or wait for the plug."""

    def __init__(self, kind: FaultKind, detail: str) -> None:
        super().__init__(f"{kind.value}: {detail}")
        self.kind = kind
        self.detail = detail
