"""The signed-off entry of one unit whose resolution somebody has measured against a target. Pure.

Units are told apart by serial number; one that tells none is its port's: another unit of the model at that
port is not told apart. `vantay-fw calibrate` writes entries, the booth reads them when a unit is plugged in.

What is accepted: FBI PIV-071006 wants the output's resolution within 2 % of 500 ppi in both directions (490
to 510); level 31 of ISO/IEC 19794-4, which enrolment records claim, is 500 ppi as well. The measurement's own
uncertainty counts against it. A sample states one resolution for both axes, so they must agree within 1 %:
what it states is then at most 0.5 % wrong.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from math import isfinite, sqrt
from typing import Any

from drivers.api import DeviceIdentity

LEAST_PPI, MOST_PPI = 490.0, 510.0
MOST_APART = 0.01  # between both axes, of their mean
FORM = 1  # of the entry
MOST_BYTES = 16_384
MOST_TEXT = 100  # characters of who and what
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Resolution:
    """Pixels per inch across and down, and by how much each may be wrong."""

    ppi_x: float
    ppi_y: float
    error_x: float
    error_y: float

    @property
    def ppi(self) -> float:
        """The one figure that a sample states: the geometric mean, which keeps its area."""
        return sqrt(self.ppi_x * self.ppi_y)

    def refused(self) -> str | None:
        """Why enrolment records cannot have it, in one sentence; None when they can."""
        for axis, ppi, error in (("across", self.ppi_x, self.error_x), ("down", self.ppi_y, self.error_y)):
            if not (ppi - error >= LEAST_PPI and ppi + error <= MOST_PPI):
                return (
                    f"its resolution {axis} is {ppi:.1f} ± {error:.1f} ppi, and enrolment records need "
                    f"{LEAST_PPI:g} to {MOST_PPI:g} with all of that uncertainty"
                )
        if abs(self.ppi_x - self.ppi_y) > MOST_APART * self.ppi:
            return (
                f"its resolution is {self.ppi_x:.1f} ppi across and {self.ppi_y:.1f} down, more than "
                f"{MOST_APART:.0%} apart, and a sample states one for both"
            )
        return None


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Who measured which unit when, against what, and what came out."""

    model: str
    serial: str  # empty for a unit that tells none: then it is its port's
    location: str  # empty where there is a serial number
    resolution: Resolution
    lines_per_mm: float
    target: str  # which one, as whoever signs calls it
    by: str
    at: str  # UTC, 2026-11-26T15:00:00Z
    pictures: tuple[str, ...]  # SHA-256 of each file


def file_name(unit: DeviceIdentity) -> str:
    """Where the entry of a unit lies, in the booth's folder of scanners; without a suffix."""
    key = "\n".join((unit.model, unit.serial, "" if unit.serial else unit.location))
    return f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.calibration"


def write(entry: Calibrated) -> bytes:
    """Return the bytes of an entry: JSON, with a digest against damage (not against people)."""
    body = {"calibration": FORM, **asdict(entry), "pictures": list(entry.pictures)}
    return json.dumps({**body, "digest": _digest(body)}, ensure_ascii=False, indent=1).encode() + b"\n"


def read(data: bytes, unit: DeviceIdentity) -> Calibrated:
    """Read the entry of a unit; ValueError says why it is none: damaged, another's, not acceptable."""
    body = _parsed(data)
    if body.pop("digest", None) != _digest(body) or body.pop("calibration", None) != FORM:
        raise ValueError("the entry is damaged or of another release")
    try:
        resolution = Resolution(**body.pop("resolution"))
        entry = Calibrated(**body, resolution=resolution)
        entry = Calibrated(**{**body, "pictures": tuple(entry.pictures)}, resolution=resolution)
        _check(entry)
    except (TypeError, KeyError, AttributeError, OverflowError) as error:
        raise ValueError("the entry does not hold what an entry holds") from error
    if (entry.model, entry.serial) != (unit.model, unit.serial):
        raise ValueError("the entry is another unit's")
    if not unit.serial and entry.location != unit.location:
        raise ValueError("the entry is another port's")
    if why := entry.resolution.refused():
        raise ValueError(why)
    return entry


def digest_of(data: bytes) -> str:
    """What names an entry in a journal."""
    return hashlib.sha256(data).hexdigest()


def speakable(text: str) -> bool:
    """Whether who or what can be written down so."""
    return bool(text.strip()) and len(text) <= MOST_TEXT and text.isprintable()


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        body = json.loads(data) if len(data) <= MOST_BYTES else None
    except (ValueError, RecursionError) as error:
        raise ValueError("the entry is no JSON") from error
    if not isinstance(body, dict):
        raise ValueError("the entry is no JSON object")
    return body


def _check(entry: Calibrated) -> None:
    numbers = (*asdict(entry.resolution).values(), entry.lines_per_mm)
    if not all(isinstance(one, int | float) and isfinite(one) and one >= 0 for one in numbers):
        raise ValueError("the entry holds a figure that is none")
    if not (speakable(entry.by) and speakable(entry.target)):
        raise ValueError("the entry says neither who nor against what")
    if not datetime.fromisoformat(entry.at).tzinfo:
        raise ValueError("the entry does not say when")
    if not entry.pictures or not all(_HASH.fullmatch(one) for one in entry.pictures):
        raise ValueError("the entry names no picture")


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
