"""What the daemon knows of its scanner: which it is, how it does, what is asked of people. Pure."""

from typing import Any

from edge.booth import channel
from edge.booth.ladder import PROCESSES, Rung
from edge.booth.plan import plan_named
from edge.messages import JournalEntry

RESTARTING = "its process is being started again"
REPLUG = "unplug the scanner and plug it in again"
TECHNICIAN = "call a technician"

Device = dict[str, Any]  # model, serial, firmware, location
DEVICE_KEYS = ("serial", "firmware", "location")  # of a log line, besides `device`, which is the model


def device_of(entry: JournalEntry | None) -> Device | None:
    """Return the device that an entry `scanner.ready` speaks of."""
    if entry is None:
        return None
    return {"model": "", "serial": "", "firmware": "", "location": ""} | {
        key: entry.body[key] for key in ("model", *DEVICE_KEYS) if key in entry.body
    }


def name_of(device: Device) -> str:
    """For people."""
    return f"{device['model']} {device['serial']} at {device['location']}"


class ScannerStanding:
    """One booth's scanner. `last`: the device of the journal's last `scanner.ready`, where there is one."""

    def __init__(self, plan: str, last: Device | None) -> None:
        self._plan = plan
        self.text = "starting"  # "ready", or what is wrong
        self.device: Device | None = None  # the one that is there
        self.fingers = 1  # most that it takes at once
        self.last = last  # the one that was there last
        self.change: str | None = None  # another one than before, as long as people should know
        self.unfit: str | None = None  # why the one that is there cannot do what the plan asks for
        self.advice: str | None = None  # what somebody has to do about it
        self.processes = 0  # given up since it last served
        self._why = ""

    @property
    def trouble(self) -> str | None:
        """Why nobody should be enrolled with it."""
        if self.advice is None:
            return self.unfit
        first = f": first {REPLUG}" if self.advice == REPLUG else ""
        return f"the scanner does not serve ({self._why}){first}"

    def ready(self, message: channel.ScannerReady) -> dict[str, Any]:
        """Take the device; return what the journal says of it."""
        device = message.model_dump(mode="json", include={"model", "serial", "firmware", "location"})
        body = dict(device)
        if self.last is not None and _key(self.last) != _key(device):
            self.change = f"another scanner than before: {name_of(device)} instead of {name_of(self.last)}"
            body["instead_of"] = self.last
        if message.calibration is not None:
            body["calibration"] = message.calibration.model_dump()
        self.unfit = None
        if message.not_for_enrolment:
            self.unfit = f"this scanner ({message.model}) is not for enrolment: {message.not_for_enrolment}"
        elif lacking := plan_named(self._plan).lacking(message.impressions, message.fingers):
            self.unfit = f"the plan {self._plan} cannot be done with this scanner: {lacking}"
        if self.advice == TECHNICIAN:
            self.advice = None
        self.text = self.unfit or "ready"
        self.device = self.last = device
        self.fingers = message.fingers
        return body

    def fault(self, message: channel.ScannerFault) -> dict[str, Any]:
        """Take what is wrong and what is done about it; return what the journal says of it."""
        body: dict[str, Any] = {"fault": message.kind, "detail": message.detail, "rung": message.rung.value}
        if self.device is not None:
            body["device"] = self.device
        self.lost(f"{message.kind}: {message.detail}")
        self.advice = {Rung.REPLUG: REPLUG, Rung.TECHNICIAN: TECHNICIAN}.get(message.rung)
        return body

    def lost(self, why: str) -> None:
        """It is not there."""
        self.text = self._why = why
        self.device, self.unfit = None, None

    def died(self, counts: bool) -> None:
        """Its process ended; `counts`: because of the scanner, not because somebody killed it."""
        self.processes += counts
        self.lost(RESTARTING)
        if counts and self.processes > PROCESSES:
            self._why, self.advice = f"{self.processes} processes in a row ended", REPLUG

    def lives(self, processes: int) -> None:
        """Its process says so, and how many were given up before it since the scanner last served."""
        self.processes = processes
        if processes == 0 and self.advice == REPLUG:
            self.advice = None

    def served(self) -> None:
        """It took a picture."""
        self.lives(0)

    def enrolment_ended(self) -> None:
        """Whoever had to know that it is another one knew."""
        self.change = None


def _key(device: Device) -> tuple[str, str]:
    """What tells two devices apart; one that has no number is its port's."""
    return str(device["model"]), str(device["serial"] or device["location"])
