"""What is done about a scanner that does not serve, pure: ever higher rungs, never without a pause, no end.

    rung        on                                     then
    wait        nobody there, or unplugged             look again soon, or when something is plugged in
    technician  no permission, no driver, ambiguous    try again now and then: only a technician can help
    open again  it hangs or talks nonsense             it was closed (and reset): open it again
    fresh       so TRIES times                         the process ends, the daemon starts a new one: libusb
                                                       may not see until then that a device came back
    replug      so in PROCESSES processes              somebody must pull the plug and put it in again; it is
                                                       tried on meanwhile, more slowly

A scanner that serves (a picture, or STEADY_SECONDS without a fault) is at the FOOT of the ladder again, so is
one that goes away after its plug was asked for. Processes given up before this one come in from the daemon.
Where another program holds the scanner, the plug does not help: a technician is asked for instead.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from drivers.errors import FaultKind

TRIES = 3  # faults in a row in one process, then it ends
PROCESSES = 2  # that ended so; from then on the plug is asked for
STEADY_SECONDS = 30.0  # without a fault: longer than any transfer may take
LOOK_SECONDS = 0.5  # between two looks for a scanner that is not there
AGAIN_SECONDS = (0.5, 1.0, 2.0)  # before it is opened again, by the number of the fault
LONG_SECONDS = 5.0  # where only a person can help


class Rung(StrEnum):
    """How far up it has come."""

    WAIT = "wait"
    TECHNICIAN = "technician"
    REOPEN = "open again"
    FRESH = "fresh process"
    REPLUG = "replug"


@dataclass(frozen=True, slots=True)
class Ladder:
    """Where it stands: faults in a row in this process, and processes given up before it."""

    faults: int = 0
    processes: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """What to do: rest so long, then try again, in this process or (`end`) in a fresh one."""

    rung: Rung
    seconds: float
    end: bool = False


_ABSENT = (FaultKind.NOT_FOUND, FaultKind.UNPLUGGED)
_TECHNICIAN = (FaultKind.PERMISSION, FaultKind.UNSUPPORTED, FaultKind.AMBIGUOUS)
FOOT = Ladder()


def climb(ladder: Ladder, kind: FaultKind, unseen: bool = False) -> tuple[Ladder, Move]:
    """Take a fault; `unseen`: the kernel has a scanner that was not found."""
    if kind in _TECHNICIAN:
        return ladder, Move(Rung.TECHNICIAN, LONG_SECONDS)
    if kind in _ABSENT and not unseen:
        return (FOOT if ladder.processes >= PROCESSES else ladder), Move(Rung.WAIT, LOOK_SECONDS)
    ladder = replace(ladder, faults=ladder.faults + 1)
    end = ladder.faults >= TRIES
    if ladder.processes >= PROCESSES:
        rung = Rung.TECHNICIAN if kind is FaultKind.BUSY else Rung.REPLUG
        return ladder, Move(rung, LONG_SECONDS, end)
    pause = AGAIN_SECONDS[min(ladder.faults, len(AGAIN_SECONDS)) - 1]
    return ladder, Move(Rung.FRESH if end else Rung.REOPEN, pause, end)
