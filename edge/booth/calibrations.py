"""Whether a unit that was just plugged in may enrol: what its driver says, and a calibration that lifts it.

Entries are written by `vantay-fw calibrate` into the booth's folder of scanners, beside what drivers learned.
"""

from dataclasses import dataclass
from pathlib import Path

from drivers import calibrated
from drivers.api import DeviceIdentity, DriverSpec
from drivers.calibrated import Calibrated


@dataclass(frozen=True, slots=True)
class Fitness:
    """What one unit may do."""

    not_for_enrolment: str | None  # why not
    calibration: Calibrated | None = None  # the one in force
    digest: str = ""  # SHA-256 of its file


def fitness_of(spec: DriverSpec, unit: DeviceIdentity, folder: Path | None) -> Fitness:
    """Look the unit up; an entry that cannot be used is as none, and is told."""
    if not spec.until_calibrated or folder is None:
        return Fitness(spec.not_for_enrolment)
    path = folder / f"{calibrated.file_name(unit)}.json"
    try:
        with path.open("rb") as file:
            data = file.read(calibrated.MOST_BYTES + 1)
        return Fitness(None, calibrated.read(data, unit), calibrated.digest_of(data))
    except FileNotFoundError:
        return Fitness(spec.not_for_enrolment)
    except (OSError, ValueError) as error:
        return Fitness(f"{spec.not_for_enrolment}; what was signed off for it cannot be used: {error}")
